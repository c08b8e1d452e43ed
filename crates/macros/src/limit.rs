//! Limits that runs share: `max_concurrency(3, key = "…")` and `rate_limit(100, per = "1m")`.

use std::time::Duration;

use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::parse::ParseStream;
use syn::{Error, Ident, LitInt, Token, parenthesized};

use crate::args::{self, duration, unknown};
use crate::key::{Key, key};

/// A limit, as written.
pub(crate) struct LimitArg {
    max: LitInt,
    per: Option<args::Span>,
    pub(crate) key: Option<Key>,
    span: Span,
}

/// The longest time of a rate limit.
const LONGEST: Duration = Duration::from_hours(365 * 24);

/// As in `aqueduct_core::run`.
const MAX_LIMITS: usize = 4;

impl LimitArg {
    /// Parses what follows `max_concurrency`: `= 5` or `(5, key = "…")`.
    pub(crate) fn concurrency(option: &Ident, input: ParseStream<'_>) -> syn::Result<Self> {
        if input.peek(Token![=]) {
            input.parse::<Token![=]>()?;
            let max = number(input)?;
            return Ok(Self::new(option, max));
        }
        if !input.peek(syn::token::Paren) {
            let message =
                "write `max_concurrency = 5`, or `max_concurrency(5, key = \"tenant:{tenant}\")`";
            return Err(Error::new(option.span(), message));
        }
        Self::in_parentheses(option, input, false)
    }

    /// Parses what follows `rate_limit`: `(100, per = "1m")`, with `key = "…"` as well.
    pub(crate) fn rate(option: &Ident, input: ParseStream<'_>) -> syn::Result<Self> {
        if !input.peek(syn::token::Paren) {
            let message = "write `rate_limit(100, per = \"1m\")`";
            return Err(Error::new(option.span(), message));
        }
        let limit = Self::in_parentheses(option, input, true)?;
        if limit.per.is_none() {
            let message = "a rate limit needs its time: `rate_limit(100, per = \"1m\")`";
            return Err(Error::new(option.span(), message));
        }
        Ok(limit)
    }

    fn new(option: &Ident, max: LitInt) -> Self {
        Self {
            max,
            per: None,
            key: None,
            span: option.span(),
        }
    }

    fn in_parentheses(option: &Ident, input: ParseStream<'_>, has_time: bool) -> syn::Result<Self> {
        let content;
        parenthesized!(content in input);
        let mut limit = Self::new(option, number(&content)?);
        while !content.is_empty() {
            content.parse::<Token![,]>()?;
            if content.is_empty() {
                break;
            }
            let word: Ident = content.parse()?;
            match word.to_string().as_str() {
                "key" if limit.key.is_none() => limit.key = Some(key(&content)?),
                "per" if has_time && limit.per.is_none() => {
                    limit.per = Some(duration(&content, Duration::from_millis(1), LONGEST)?);
                }
                "key" | "per" if has_time || word == "key" => {
                    return Err(Error::new(word.span(), format!("`{word}` is given twice")));
                }
                "per" => {
                    let message = "what runs at once has no time: `per` is for `rate_limit`";
                    return Err(Error::new(word.span(), message));
                }
                _ if has_time => return Err(unknown(&word, &["per", "key"])),
                _ => return Err(unknown(&word, &["key"])),
            }
        }
        Ok(limit)
    }

    fn is_same(&self, other: &Self) -> bool {
        let text = |limit: &Self| limit.key.as_ref().map(|key| key.literal.value());
        self.per.is_some() == other.per.is_some() && text(self) == text(other)
    }

    /// Emits the step that adds it to the definition.
    pub(crate) fn step(&self, private: &TokenStream) -> TokenStream {
        let max = &self.max;
        let limit = match &self.per {
            None => quote!(#private::TaskLimit::concurrency(#max)),
            Some(per) => {
                let millis = u64::try_from(per.value.as_millis()).unwrap_or(u64::MAX);
                quote!(#private::TaskLimit::rate(#max, #private::duration(#millis)))
            }
        };
        let mut limit = quote!(#private::checked(#limit));
        if let Some(key) = &self.key {
            let template = &key.literal;
            limit = quote!(#limit.keyed(#private::checked(#private::key(#template))));
        }
        quote!(#private::checked(__definition.with_limit(#limit)))
    }
}

/// Refuses limits that are given twice, and too many of them.
pub(crate) fn check_shared(limits: &[LimitArg], errors: &mut Vec<Error>) {
    for (index, limit) in limits.iter().enumerate() {
        let (before, _) = limits.split_at(index);
        if before.iter().any(|other| other.is_same(limit)) {
            let message = "this limit is given twice: two of a kind need different keys";
            errors.push(Error::new(limit.span, message));
        } else if index == MAX_LIMITS {
            let message = format!("a task has at most {MAX_LIMITS} limits");
            errors.push(Error::new(limit.span, message));
        }
    }
}

/// Parses a number of runs, at least 1.
fn number(input: ParseStream<'_>) -> syn::Result<LitInt> {
    let span = input.span();
    let message = "write how many: a whole number from 1 to 4294967295";
    let max: LitInt = input.parse().map_err(|_| Error::new(span, message))?;
    match max.base10_parse::<u32>() {
        Ok(0) => Err(Error::new(
            max.span(),
            "a limit of 0 lets nothing start; pause the task or its queue instead",
        )),
        Ok(_) => Ok(max),
        Err(_) => Err(Error::new(max.span(), message)),
    }
}
