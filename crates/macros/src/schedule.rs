//! Parses `every("…", …)` and `cron("…", …)`, and checks them at compile time.

use std::time::Duration;

use proc_macro2::Span;
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream};
use syn::{Error, Ident, LitStr, Token, parenthesized, token};

use crate::args::{choice, duration, unknown};
use crate::{cron_text, duration_text};

/// A checked schedule, and what becomes of ticks that overlap.
pub(crate) struct ScheduleArgs {
    /// The one text form that `aqueduct_core::Schedule` reads.
    pub(crate) text: String,
    /// The variant of `aqueduct_core::schedule::Overlap`.
    pub(crate) overlap: Option<&'static str>,
    /// Where it stands.
    pub(crate) span: Span,
}

/// The longest period, delay and jitter: as in `aqueduct_core::schedule`.
const MAX_PERIOD: Duration = Duration::from_hours(24 * 3652);
const MAX_JITTER: Duration = Duration::from_hours(24);

impl Parse for ScheduleArgs {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let span = input.span();
        let wrong_form = || Error::new(span, "write `every(\"5m\")` or `cron(\"0 2 * * *\")`");
        let kind = Ident::parse_any(input).map_err(|_| wrong_form())?;
        if !input.peek(token::Paren) {
            return Err(wrong_form());
        }
        let content;
        parenthesized!(content in input);
        let body: LitStr = content.parse().map_err(|_| wrong_form())?;
        match kind.to_string().as_str() {
            "every" => every(&body, &content),
            "cron" => cron(&body, &content),
            _ => Err(wrong_form()),
        }
    }
}

fn every(body: &LitStr, content: ParseStream<'_>) -> syn::Result<ScheduleArgs> {
    let period =
        duration_text::parse(&body.value()).map_err(|problem| Error::new(body.span(), problem))?;
    if period.is_zero() || period > MAX_PERIOD {
        return Err(Error::new(
            body.span(),
            "the period must be from 1 ms to 10 years",
        ));
    }
    let mut text = format!("every {}", body.value());
    let mut overlap = None;
    options(
        content,
        &["delay", "jitter", "overlap"],
        |option, content| {
            if option == "overlap" {
                overlap = Some(parse_overlap(content)?);
                return Ok(());
            }
            let longest = if option == "delay" {
                MAX_PERIOD
            } else {
                MAX_JITTER
            };
            let span = duration(content, Duration::ZERO, longest)?;
            if option == "jitter" && span.value >= period {
                return Err(Error::new(
                    span.literal.span(),
                    "the jitter must be under the period",
                ));
            }
            push(&mut text, option, &span.literal.value());
            Ok(())
        },
    )?;
    Ok(ScheduleArgs {
        text,
        overlap,
        span: body.span(),
    })
}

fn cron(body: &LitStr, content: ParseStream<'_>) -> syn::Result<ScheduleArgs> {
    cron_text::parse(&body.value()).map_err(|problem| Error::new(body.span(), problem.message))?;
    let mut text = format!("cron {}", body.value());
    let mut overlap = None;
    let known = ["tz", "skipped", "repeated", "jitter", "overlap"];
    options(content, &known, |option, content| {
        if option == "overlap" {
            overlap = Some(parse_overlap(content)?);
            return Ok(());
        }
        if let Some((_, words)) = CLOCK_CHANGES.iter().find(|(name, _)| *name == option) {
            cron_text::check_fixed(&body.value(), option)
                .map_err(|problem| Error::new(body.span(), problem))?;
            push(&mut text, option, &choice(content, words)?.0);
            return Ok(());
        }
        if option == "jitter" {
            let span = duration(content, Duration::ZERO, MAX_JITTER)?;
            push(&mut text, option, &span.literal.value());
            return Ok(());
        }
        content.parse::<Token![=]>()?;
        let zone: LitStr = content.parse()?;
        cron_text::parse_zone(&zone.value()).map_err(|problem| Error::new(zone.span(), problem))?;
        push(&mut text, option, &zone.value());
        Ok(())
    })?;
    Ok(ScheduleArgs {
        text,
        overlap,
        span: body.span(),
    })
}

/// What may become of a fixed time that the clocks go over, or go back over.
const CLOCK_CHANGES: [(&str, &[&str]); 2] = [
    ("skipped", &["run_after", "skip"]),
    ("repeated", &["first", "second", "both"]),
];

/// Parses `= skip` and the like; returns the variant.
fn parse_overlap(content: ParseStream<'_>) -> syn::Result<&'static str> {
    let word = choice(content, &["allow", "skip", "cancel_previous"])?;
    Ok(match word.0.as_str() {
        "skip" => "Skip",
        "cancel_previous" => "CancelPrevious",
        _ => "Allow",
    })
}

/// Parses the options behind the first argument.
fn options(
    content: ParseStream<'_>,
    known: &[&str],
    mut each: impl FnMut(&str, ParseStream<'_>) -> syn::Result<()>,
) -> syn::Result<()> {
    while !content.is_empty() {
        content.parse::<Token![,]>()?;
        if content.is_empty() {
            break;
        }
        let option: Ident = content.parse()?;
        let name = option.to_string();
        if !known.contains(&name.as_str()) {
            return Err(unknown(&option, known));
        }
        each(&name, content)?;
    }
    Ok(())
}

/// Adds an option; a value is one word there.
fn push(text: &mut String, option: &str, value: &str) {
    let value: String = value.split_whitespace().collect();
    text.push(' ');
    text.push_str(option);
    text.push('=');
    text.push_str(&value);
}
