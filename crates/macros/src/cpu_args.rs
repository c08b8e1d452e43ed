//! Parses the options that only `#[cpu_task]` has.

use std::ops::RangeInclusive;
use std::time::Duration;

use proc_macro2::Span;
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::{Error, Ident, LitInt, LitStr, Path, Token, parenthesized};

use crate::args::{self, duration};
use crate::size_text;

/// What a CPU task asks of its worker process, as written.
#[derive(Default)]
pub(crate) struct CpuArgs {
    pub(crate) cpus: Option<u32>,
    pub(crate) memory_limit: Option<u64>,
    pub(crate) cpu_timeout: Option<args::Span>,
    pub(crate) progress_timeout: Option<args::Span>,
    pub(crate) nice: Option<i32>,
    pub(crate) stack_size: Option<u64>,
    pub(crate) env: Vec<(LitStr, LitStr)>,
    pub(crate) init: Vec<Path>,
    /// Where the first of these options stands.
    pub(crate) first: Option<(Span, String)>,
}

/// The names of the options.
pub(crate) const OPTIONS: [&str; 8] = [
    "cpus",
    "memory_limit",
    "cpu_timeout",
    "progress_timeout",
    "nice",
    "stack_size",
    "env",
    "init",
];

/// One variable of `env(NAME = "value")`.
struct Variable(LitStr, LitStr);

impl CpuArgs {
    /// Parses the value of one option.
    pub(crate) fn parse_option(
        &mut self,
        option: &Ident,
        input: ParseStream<'_>,
    ) -> syn::Result<()> {
        let name = option.to_string();
        self.first.get_or_insert((option.span(), name.clone()));
        match name.as_str() {
            "cpus" => self.cpus = Some(number(input, 1..=MAX_CPUS)?),
            "nice" => self.nice = Some(number(input, 0..=19)?.cast_signed()),
            "memory_limit" => self.memory_limit = Some(size(input, MIN_MEMORY)?),
            "stack_size" => self.stack_size = Some(size(input, MIN_STACK)?),
            "cpu_timeout" => self.cpu_timeout = Some(duration(input, SECOND, MAX_CPU_TIME)?),
            "progress_timeout" => {
                self.progress_timeout = Some(duration(input, SECOND, MAX_CPU_TIME)?);
            }
            "env" => {
                let content;
                parenthesized!(content in input);
                let all = Punctuated::<Variable, Token![,]>::parse_terminated(&content)?;
                self.env = all
                    .into_iter()
                    .map(|Variable(name, value)| (name, value))
                    .collect();
            }
            _ => self.init = makers(input)?,
        }
        Ok(())
    }
}

impl Parse for Variable {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let name: Ident = input.parse()?;
        input.parse::<Token![=]>()?;
        let value = input.parse()?;
        Ok(Self(LitStr::new(&name.to_string(), name.span()), value))
    }
}

/// Parses `= path` or `(path, path)`.
fn makers(input: ParseStream<'_>) -> syn::Result<Vec<Path>> {
    if input.peek(Token![=]) {
        input.parse::<Token![=]>()?;
        return Ok(vec![Path::parse_mod_style(input)?]);
    }
    let content;
    parenthesized!(content in input);
    let all = content.parse_terminated(Path::parse_mod_style, Token![,])?;
    Ok(all.into_iter().collect())
}

fn number(input: ParseStream<'_>, within: RangeInclusive<u32>) -> syn::Result<u32> {
    input.parse::<Token![=]>()?;
    let literal: LitInt = input.parse()?;
    let number = literal.base10_parse()?;
    if within.contains(&number) {
        return Ok(number);
    }
    let message = format!("this must be from {} to {}", within.start(), within.end());
    Err(Error::new(literal.span(), message))
}

fn size(input: ParseStream<'_>, least: u64) -> syn::Result<u64> {
    let literal = args::text(input, "an amount of memory such as \"512MiB\"")?;
    let wrong = |problem: String| Error::new(literal.span(), problem);
    let size = size_text::parse(&literal.value()).map_err(wrong)?;
    if size < least {
        return Err(wrong(format!("this must be at least {} KiB", least >> 10)));
    }
    Ok(size)
}

const MAX_CPUS: u32 = 4096;
const SECOND: Duration = Duration::from_secs(1);
const MAX_CPU_TIME: Duration = Duration::from_hours(30 * 24);
const MIN_MEMORY: u64 = 16 << 20;
const MIN_STACK: u64 = 64 << 10;
