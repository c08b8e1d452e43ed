//! Parses the attribute: `#[task(name = "…", retry(…), schedule = every("…"))]`.

use std::time::Duration;

use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::{Error, Ident, LitInt, LitStr, Path, Token, Type, parenthesized};

use crate::cpu_args::{self, CpuArgs};
use crate::duration_text;
use crate::fair_args::FairArgs;
use crate::key::Key;
use crate::limit::LimitArg;
use crate::nearest::nearest;
use crate::schedule::ScheduleArgs;
use crate::unique_args::UniqueArgs;

/// The options of a task, as written.
#[derive(Default)]
pub(crate) struct TaskArgs {
    pub(crate) name: Option<LitStr>,
    pub(crate) aliases: Vec<LitStr>,
    pub(crate) queue: Option<LitStr>,
    pub(crate) priority: Option<Choice>,
    pub(crate) timeout: Option<Span>,
    pub(crate) total_timeout: Option<Span>,
    pub(crate) expires_in: Option<Span>,
    pub(crate) retry: Option<Retry>,
    pub(crate) keep_result: Option<Span>,
    pub(crate) unique: Option<UniqueArgs>,
    pub(crate) limits: Vec<LimitArg>,
    pub(crate) fair: Option<FairArgs>,
    pub(crate) schedule: Option<ScheduleArgs>,
    pub(crate) output: Option<Type>,
    pub(crate) krate: Option<Path>,
    pub(crate) cpu: CpuArgs,
    seen: Vec<String>,
}

/// A duration that was read at compile time.
pub(crate) struct Span {
    pub(crate) value: Duration,
    pub(crate) literal: LitStr,
}

/// A word out of a few.
pub(crate) struct Choice(pub(crate) String);

/// `retry = none` or `retry(…)`.
pub(crate) enum Retry {
    None,
    Policy(RetryArgs),
}

/// What stands in `retry(…)`.
#[derive(Default)]
pub(crate) struct RetryArgs {
    pub(crate) max: Option<LitInt>,
    pub(crate) backoff: Option<Span>,
    pub(crate) kind: Option<Choice>,
    pub(crate) max_wait: Option<Span>,
    pub(crate) jitter: Option<Choice>,
}

const OPTIONS: [&str; 18] = [
    "name",
    "alias",
    "queue",
    "priority",
    "timeout",
    "total_timeout",
    "expires_in",
    "retry",
    "keep_result",
    "unique",
    "debounce",
    "throttle",
    "max_concurrency",
    "rate_limit",
    "fair",
    "schedule",
    "output",
    "crate",
];

/// The options that may be given more than once.
const REPEATED: [&str; 3] = ["alias", "max_concurrency", "rate_limit"];

impl Parse for TaskArgs {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let mut args = Self::default();
        while !input.is_empty() {
            let option = Ident::parse_any(input)?;
            args.note(&option)?;
            args.parse_option(&option, input)?;
            if !input.is_empty() {
                input.parse::<Token![,]>()?;
            }
        }
        Ok(args)
    }
}

impl TaskArgs {
    /// Returns the keys of all options.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &Key> {
        let limits = self.limits.iter().filter_map(|limit| limit.key.as_ref());
        let unique = self.unique.iter().filter_map(|unique| unique.key.as_ref());
        let fair = self.fair.iter().map(|fair| &fair.key);
        unique.chain(limits).chain(fair)
    }

    /// Keeps how runs are unique; refuses a second way.
    fn set_unique(&mut self, unique: UniqueArgs) -> syn::Result<()> {
        if self.unique.is_some() {
            let message =
                "`unique`, `debounce` and `throttle` contradict each other: give one of them";
            return Err(Error::new(unique.span, message));
        }
        self.unique = Some(unique);
        Ok(())
    }

    /// Refuses an option that was given before.
    fn note(&mut self, option: &Ident) -> syn::Result<()> {
        let name = option.to_string();
        if !REPEATED.contains(&name.as_str()) && self.seen.contains(&name) {
            return Err(Error::new(
                option.span(),
                format!("`{name}` is given twice"),
            ));
        }
        self.seen.push(name);
        Ok(())
    }

    fn parse_option(&mut self, option: &Ident, input: ParseStream<'_>) -> syn::Result<()> {
        match option.to_string().as_str() {
            "name" => self.name = Some(name(input)?),
            "alias" => self.aliases.push(name(input)?),
            "queue" => self.queue = Some(name(input)?),
            "priority" => self.priority = Some(choice(input, &["high", "medium", "low"])?),
            "timeout" => {
                let longest = Duration::from_hours(30 * 24);
                self.timeout = Some(duration(input, Duration::from_millis(1), longest)?);
            }
            "total_timeout" => {
                let longest = Duration::from_hours(365 * 24);
                self.total_timeout = Some(duration(input, Duration::from_millis(1), longest)?);
            }
            "expires_in" => {
                let longest = Duration::from_hours(365 * 24);
                self.expires_in = Some(duration(input, Duration::from_millis(1), longest)?);
            }
            "keep_result" => {
                let longest = Duration::from_hours(365 * 24);
                self.keep_result = Some(duration(input, Duration::from_secs(1), longest)?);
            }
            "unique" => self.set_unique(UniqueArgs::unique(option, input)?)?,
            "debounce" => self.set_unique(UniqueArgs::debounce(option, input)?)?,
            "throttle" => self.set_unique(UniqueArgs::throttle(option, input)?)?,
            "max_concurrency" => self.limits.push(LimitArg::concurrency(option, input)?),
            "rate_limit" => self.limits.push(LimitArg::rate(option, input)?),
            "fair" => self.fair = Some(FairArgs::parse(option, input)?),
            "retry" => self.retry = Some(input.parse()?),
            "schedule" => {
                input.parse::<Token![=]>()?;
                self.schedule = Some(input.parse()?);
            }
            "output" => {
                input.parse::<Token![=]>()?;
                self.output = Some(input.parse()?);
            }
            "crate" => {
                input.parse::<Token![=]>()?;
                self.krate = Some(Path::parse_mod_style(input)?);
            }
            name if cpu_args::OPTIONS.contains(&name) => self.cpu.parse_option(option, input)?,
            _ => {
                return Err(unknown(
                    option,
                    &[&OPTIONS[..], &cpu_args::OPTIONS[..]].concat(),
                ));
            }
        }
        Ok(())
    }
}

impl Parse for Retry {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        if input.peek(Token![=]) {
            input.parse::<Token![=]>()?;
            let span = input.span();
            return match input.parse::<Ident>() {
                Ok(word) if word == "none" => Ok(Self::None),
                _ => Err(Error::new(span, "write `retry = none` or `retry(max = 3)`")),
            };
        }
        let content;
        parenthesized!(content in input);
        let mut args = RetryArgs::default();
        for option in Punctuated::<RetryOption, Token![,]>::parse_terminated(&content)? {
            match option {
                RetryOption::Max(max) => args.max = Some(max),
                RetryOption::Backoff(wait) => args.backoff = Some(wait),
                RetryOption::Kind(kind) => args.kind = Some(kind),
                RetryOption::MaxWait(wait) => args.max_wait = Some(wait),
                RetryOption::Jitter(jitter) => args.jitter = Some(jitter),
            }
        }
        Ok(Self::Policy(args))
    }
}

enum RetryOption {
    Max(LitInt),
    Backoff(Span),
    Kind(Choice),
    MaxWait(Span),
    Jitter(Choice),
}

impl Parse for RetryOption {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let (shortest, longest) = (Duration::from_millis(1), Duration::from_hours(365 * 24));
        let option: Ident = input.parse()?;
        Ok(match option.to_string().as_str() {
            "max" => {
                input.parse::<Token![=]>()?;
                let max: LitInt = input.parse()?;
                let message = "this must be a whole number of retries from 0 to 4294967295";
                let number = max.base10_parse::<u32>();
                number.map_err(|_| Error::new(max.span(), message))?;
                Self::Max(max)
            }
            "backoff" => Self::Backoff(duration(input, shortest, longest)?),
            "kind" => Self::Kind(choice(input, &["exponential", "linear", "fixed"])?),
            "max_wait" => Self::MaxWait(duration(input, shortest, longest)?),
            "jitter" => Self::Jitter(choice(input, &["full", "equal", "none"])?),
            _ => {
                return Err(unknown(
                    &option,
                    &["max", "backoff", "kind", "max_wait", "jitter"],
                ));
            }
        })
    }
}

/// Parses `= "…"`, a duration within bounds.
pub(crate) fn duration(
    input: ParseStream<'_>,
    shortest: Duration,
    longest: Duration,
) -> syn::Result<Span> {
    let literal = text(input, "a duration such as \"30s\"")?;
    let value = duration_text::parse(&literal.value())
        .map_err(|problem| Error::new(literal.span(), problem))?;
    if value < shortest || value > longest {
        let (shortest, longest) = (in_words(shortest), in_words(longest));
        let message = format!("this must be from {shortest} to {longest}");
        return Err(Error::new(literal.span(), message));
    }
    Ok(Span { value, literal })
}

/// Writes a bound as the text that one would write in its place.
fn in_words(duration: Duration) -> String {
    let days = duration.as_secs() / (24 * 60 * 60);
    if days > 0 {
        format!("{days}d")
    } else {
        format!("{duration:?}")
    }
}

/// Returns the error of an option that nobody knows.
pub(crate) fn unknown(option: &Ident, known: &[&str]) -> Error {
    let hint = match nearest(&option.to_string(), known) {
        Some(nearest) => format!("did you mean `{nearest}`?"),
        None => format!("known are {}", known.join(", ")),
    };
    Error::new(option.span(), format!("unknown option `{option}`; {hint}"))
}

/// Parses `= "…"`.
pub(crate) fn text(input: ParseStream<'_>, what: &str) -> syn::Result<LitStr> {
    input.parse::<Token![=]>()?;
    let span = input.span();
    input
        .parse()
        .map_err(|_| Error::new(span, format!("write {what} here")))
}

/// Parses `= "…"`, the name of a task or a queue.
fn name(input: ParseStream<'_>) -> syn::Result<LitStr> {
    let literal = text(input, "a name such as \"reports\"")?;
    let name = literal.value();
    let starts = |char: char| char.is_ascii_alphabetic() || char == '_';
    let follows = |char: char| starts(char) || char.is_ascii_digit() || "-.".contains(char);
    let is_name =
        name.starts_with(starts) && name.chars().all(follows) && name.len() <= MAX_NAME_BYTES;
    if is_name {
        return Ok(literal);
    }
    let message =
        "a name has 1 to 128 ASCII letters, digits, `_`, `-`, `.`, and begins with a letter or `_`";
    Err(Error::new(literal.span(), message))
}

/// Parses `= word` or `= "word"`, one of a few.
pub(crate) fn choice(input: ParseStream<'_>, known: &[&str]) -> syn::Result<Choice> {
    input.parse::<Token![=]>()?;
    let span = input.span();
    let word = if input.peek(LitStr) {
        input.parse().map(|literal: LitStr| literal.value())
    } else {
        input.parse().map(|word: Ident| word.to_string())
    };
    match word {
        Ok(word) if known.contains(&word.as_str()) => Ok(Choice(word)),
        _ => {
            let message = format!("this must be one of {}", known.join(", "));
            Err(Error::new(span, message))
        }
    }
}

/// As in `aqueduct_core::name`.
const MAX_NAME_BYTES: usize = 128;
