//! Parses how runs are unique: `unique = "…"`, `unique(…)`, `debounce("5s", …)`, `throttle("1m", …)`.

use std::time::Duration;

use proc_macro2::TokenStream;
use quote::quote;
use syn::parse::ParseStream;
use syn::{Error, Ident, LitStr, Token, parenthesized, token};

use crate::args::{Span, duration, unknown};
use crate::duration_text;
use crate::key::{Key, key};

/// How the runs of a task are unique, as written.
pub(crate) struct UniqueArgs {
    /// The template of the key; without one it is the name of the task.
    pub(crate) key: Option<Key>,
    kind: Kind,
    /// Where the option stands.
    pub(crate) span: proc_macro2::Span,
}

enum Kind {
    Unique {
        scope: Scope,
        on_conflict: Option<&'static str>,
    },
    Debounce {
        wait: Duration,
        at_most: Option<Duration>,
    },
    Throttle {
        window: Duration,
    },
}

enum Scope {
    Default,
    Queued,
    Window(Duration),
}

impl UniqueArgs {
    /// Parses what follows `unique`.
    pub(crate) fn unique(option: &Ident, input: ParseStream<'_>) -> syn::Result<Self> {
        let span = option.span();
        let (mut scope, mut on_conflict) = (Scope::Default, None);
        if input.peek(Token![=]) {
            let key = Some(key(input)?);
            let kind = Kind::Unique { scope, on_conflict };
            return Ok(Self { key, kind, span });
        }
        if !input.peek(token::Paren) {
            let message =
                "write `unique = \"sync:{account}\"`, or `unique(key = \"sync:{account}\", …)`";
            return Err(Error::new(span, message));
        }
        let mut template = None;
        let content;
        parenthesized!(content in input);
        each_once(&content, &["key", "scope", "on_conflict"], |option| {
            match option {
                "key" => template = Some(key(&content)?),
                "scope" => scope = scope_word(&content)?,
                _ => on_conflict = Some(conflict_word(&content)?),
            }
            Ok(())
        })?;
        if template.is_none() {
            return Err(Error::new(
                span,
                "write `unique(key = \"sync:{account}\", …)`",
            ));
        }
        let kind = Kind::Unique { scope, on_conflict };
        Ok(Self {
            key: template,
            kind,
            span,
        })
    }

    /// Parses what follows `debounce`.
    pub(crate) fn debounce(option: &Ident, input: ParseStream<'_>) -> syn::Result<Self> {
        let content = argument(option, input)?;
        let wait = time(&content)?;
        let (mut template, mut at_most): (_, Option<Span>) = (None, None);
        options_behind(&content, &["key", "at_most"], |option| {
            match option {
                "key" => template = Some(key(&content)?),
                _ => at_most = Some(duration(&content, MILLI, YEAR)?),
            }
            Ok(())
        })?;
        if let Some(longest) = at_most.as_ref().filter(|it| it.value < wait) {
            let message =
                "a run that waits longer than this starts later: `at_most` is at least the wait";
            return Err(Error::new(longest.literal.span(), message));
        }
        let at_most = at_most.map(|longest| longest.value);
        Ok(Self {
            key: template,
            kind: Kind::Debounce { wait, at_most },
            span: option.span(),
        })
    }

    /// Parses what follows `throttle`.
    pub(crate) fn throttle(option: &Ident, input: ParseStream<'_>) -> syn::Result<Self> {
        let content = argument(option, input)?;
        let window = time(&content)?;
        let mut template = None;
        options_behind(&content, &["key"], |_| {
            template = Some(key(&content)?);
            Ok(())
        })?;
        Ok(Self {
            key: template,
            kind: Kind::Throttle { window },
            span: option.span(),
        })
    }

    /// Returns how long a run is put off, if it is.
    pub(crate) fn puts_off_by(&self) -> Option<Duration> {
        match self.kind {
            Kind::Debounce { wait, .. } => Some(wait),
            Kind::Unique { .. } | Kind::Throttle { .. } => None,
        }
    }

    /// Emits the value; `name` is the name of the task.
    pub(crate) fn emit(&self, private: &TokenStream, name: &LitStr) -> TokenStream {
        let template = self.key.as_ref().map_or(name, |key| &key.literal);
        let key = quote!(#private::checked(#private::key(#template)));
        let time = |time: Duration| {
            let millis = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
            quote!(#private::duration(#millis))
        };
        match &self.kind {
            Kind::Unique { scope, on_conflict } => {
                let scope = match scope {
                    Scope::Default => None,
                    Scope::Queued => Some(quote!(Queued)),
                    Scope::Window(window) => {
                        let window = time(*window);
                        Some(quote!(Window(#window)))
                    }
                };
                let scope = scope.map(|scope| quote!(.scope(#private::UniqueScope::#scope)));
                let on_conflict = on_conflict.map(|word| {
                    let word = Ident::new(word, proc_macro2::Span::call_site());
                    quote!(.on_conflict(#private::OnConflict::#word))
                });
                quote!(#private::UniqueTemplate::new(#key) #scope #on_conflict)
            }
            Kind::Debounce { wait, at_most } => {
                let wait = time(*wait);
                let at_most = at_most.map(|longest| {
                    let longest = time(longest);
                    quote!(.put_off_at_most(#longest))
                });
                quote!(#private::UniqueTemplate::debounce(#key, #wait) #at_most)
            }
            Kind::Throttle { window } => {
                let window = time(*window);
                quote!(#private::UniqueTemplate::throttle(#key, #window))
            }
        }
    }
}

/// Enters the brackets behind `debounce` and `throttle`.
fn argument<'a>(
    option: &Ident,
    input: ParseStream<'a>,
) -> syn::Result<syn::parse::ParseBuffer<'a>> {
    if !input.peek(token::Paren) {
        let message = format!("write `{option}(\"5s\")` or `{option}(\"5s\", key = \"…\")`");
        return Err(Error::new(option.span(), message));
    }
    let content;
    parenthesized!(content in input);
    Ok(content)
}

/// Parses a time that stands for itself.
fn time(content: ParseStream<'_>) -> syn::Result<Duration> {
    let span = content.span();
    let literal: LitStr = content
        .parse()
        .map_err(|_| Error::new(span, "write a duration such as \"5s\" here"))?;
    let time = duration_text::parse(&literal.value())
        .map_err(|problem| Error::new(literal.span(), problem))?;
    if time < MILLI || time > YEAR {
        return Err(Error::new(literal.span(), "this must be from 1ms to 365d"));
    }
    Ok(time)
}

fn scope_word(content: ParseStream<'_>) -> syn::Result<Scope> {
    content.parse::<Token![=]>()?;
    let span = content.span();
    let wrong = || {
        let message = "this must be one of queued, until_finished, window(\"10m\")";
        Error::new(span, message)
    };
    let word: Ident = content.parse().map_err(|_| wrong())?;
    match word.to_string().as_str() {
        "queued" => Ok(Scope::Queued),
        "until_finished" => Ok(Scope::Default),
        "window" if content.peek(token::Paren) => {
            let inner;
            parenthesized!(inner in content);
            time(&inner).map(Scope::Window)
        }
        _ => Err(wrong()),
    }
}

fn conflict_word(content: ParseStream<'_>) -> syn::Result<&'static str> {
    content.parse::<Token![=]>()?;
    let span = content.span();
    let word = content.parse::<Ident>().map(|word| word.to_string());
    match word.as_deref() {
        Ok("return_existing") => Ok("ReturnExisting"),
        Ok("replace") => Ok("Replace"),
        Ok("refuse") => Ok("Refuse"),
        _ => {
            let message = "this must be one of return_existing, replace, refuse";
            Err(Error::new(span, message))
        }
    }
}

/// Parses options behind a first argument.
fn options_behind(
    content: ParseStream<'_>,
    known: &[&str],
    each: impl FnMut(&str) -> syn::Result<()>,
) -> syn::Result<()> {
    if content.is_empty() {
        return Ok(());
    }
    content.parse::<Token![,]>()?;
    each_once(content, known, each)
}

/// Parses options with commas between them, each at most once.
pub(crate) fn each_once(
    content: ParseStream<'_>,
    known: &[&str],
    mut each: impl FnMut(&str) -> syn::Result<()>,
) -> syn::Result<()> {
    let mut seen: Vec<String> = Vec::new();
    while !content.is_empty() {
        let option: Ident = content.parse()?;
        let name = option.to_string();
        if !known.contains(&name.as_str()) {
            return Err(unknown(&option, known));
        }
        if seen.contains(&name) {
            return Err(Error::new(
                option.span(),
                format!("`{name}` is given twice"),
            ));
        }
        each(&name)?;
        seen.push(name);
        if !content.is_empty() {
            content.parse::<Token![,]>()?;
        }
    }
    Ok(())
}

const MILLI: Duration = Duration::from_millis(1);
const YEAR: Duration = Duration::from_hours(365 * 24);
