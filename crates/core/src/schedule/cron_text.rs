//! Checks cron texts and time zones, and finds the field that is wrong.
//!
//! Uses no path of this crate: the macros crate compiles this same file, so that a text in an
//! attribute is checked by the code that reads it at run time.

use chrono::{TimeZone, Utc};
use chrono_tz::Tz;
use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};

/// The longest cron text, in bytes.
pub(crate) const MAX_CRON_BYTES: usize = 256;

/// What is wrong with a cron text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CronProblem {
    /// The field, in words, if one is to blame.
    pub(crate) field: Option<&'static str>,
    /// What is wrong, and what to write.
    pub(crate) message: String,
}

/// Reads a cron text: 5 fields, or 6 with seconds first, or 7 with a year last, or a nickname.
pub(crate) fn parse(text: &str) -> Result<Cron, CronProblem> {
    if text.len() > MAX_CRON_BYTES {
        return Err(whole(format!(
            "a cron text has at most {MAX_CRON_BYTES} bytes"
        )));
    }
    let fields: Vec<&str> = text.split_whitespace().collect();
    let is_nickname = text.trim_start().starts_with('@');
    if !is_nickname && !(5..=7).contains(&fields.len()) {
        return Err(whole(format!(
            "the cron text \"{text}\" has {} fields; it needs 5 (minute hour day month weekday), \
             6 with seconds first, or 7 with a year last",
            fields.len()
        )));
    }
    let cron = parser()
        .parse(text)
        .map_err(|error| blame(text, &fields, &error.to_string()))?;
    // The parser takes a list of nothing for a field that no time fits, and looks for one for minutes.
    if fields.iter().copied().any(has_gap) {
        return Err(blame(text, &fields, "a list has an empty place"));
    }
    if first_after_probe(&cron) {
        Ok(cron)
    } else {
        Err(never(text, &fields))
    }
}

/// Reads the name of a time zone.
pub(crate) fn parse_zone(name: &str) -> Result<Tz, String> {
    name.parse().map_err(|_| {
        format!(
            "\"{name}\" is not a time zone; write an IANA name such as \"Europe/Rome\" or \"UTC\""
        )
    })
}

/// Checks that a text is a fixed time of day, which `option` is for.
pub(crate) fn check_fixed(text: &str, option: &str) -> Result<(), String> {
    const NICKNAMES: [&str; 4] = ["@yearly", "@monthly", "@weekly", "@daily"];
    let fields: Vec<&str> = text.split_whitespace().collect();
    // Seconds, if there are any, minute and hour.
    let times = fields
        .get(..fields.len().clamp(5, 6) - 3)
        .unwrap_or_default();
    let is_number = |field: &&str| field.chars().all(|it| it.is_ascii_digit());
    let is_fixed = !times.is_empty() && times.iter().all(is_number);
    if is_fixed || NICKNAMES.contains(&text.trim()) {
        return Ok(());
    }
    Err(format!(
        "`{option}` is for one fixed time of day; \"{text}\" fires more often, and keeps its rhythm when the clocks \
         are changed"
    ))
}

fn parser() -> CronParser {
    CronParser::builder()
        .seconds(Seconds::Optional)
        .year(Year::Optional)
        .build()
}

/// Returns whether the text fires at all, looking from a fixed moment.
fn first_after_probe(cron: &Cron) -> bool {
    let probe = Utc.timestamp_opt(PROBE_SECONDS, 0).single();
    probe.is_some_and(|probe| cron.find_next_occurrence(&probe, true).is_ok())
}

/// Finds the field that is refused even when all others are `*`.
fn blame(text: &str, fields: &[&str], error: &str) -> CronProblem {
    let names = names(fields.len());
    for (index, (field, (name, allowed))) in fields.iter().zip(names).enumerate() {
        let alone: Vec<&str> = (0..fields.len())
            .map(|other| if other == index { *field } else { "*" })
            .collect();
        if has_gap(field) || parser().parse(&alone.join(" ")).is_err() {
            let message = format!(
                "the {name} field \"{field}\" of cron text \"{text}\" must be {allowed}{}",
                hint(field)
            );
            return CronProblem {
                field: Some(name),
                message,
            };
        }
    }
    let detail = error.trim_end_matches('.');
    whole(format!(
        "\"{text}\" is not a cron text: {detail}; nicknames are @yearly, @monthly, @weekly, @daily, @hourly"
    ))
}

/// Returns whether nothing stands before, between or behind the commas of a list.
fn has_gap(field: &str) -> bool {
    field.split(',').any(str::is_empty)
}

/// Returns what is easily missed where all numbers are within their bounds.
fn hint(field: &str) -> &'static str {
    let is_zero = |step: &str| !step.is_empty() && step.bytes().all(|digit| digit == b'0');
    let is_backwards = |part: &str| {
        let (first, last) = part.split_once('-')?;
        let last = last.split('/').next()?;
        Some(first.parse::<u32>().ok()? > last.parse::<u32>().ok()?)
    };
    if has_gap(field) {
        "; a list has a value on each side of a comma"
    } else if field.split('/').skip(1).any(is_zero) {
        "; a step is 1 or more"
    } else if field
        .split(',')
        .any(|part| is_backwards(part) == Some(true))
    {
        "; a range goes up: write two with a comma between, such as 22-23,0-5"
    } else if field.starts_with('@') {
        "; nicknames are @yearly, @monthly, @weekly, @daily, @hourly"
    } else {
        ""
    }
}

fn never(text: &str, fields: &[&str]) -> CronProblem {
    let year_is_set = fields.len() == 7 && fields.last().is_some_and(|year| *year != "*");
    let field = if year_is_set { "year" } else { "day of month" };
    let message = format!("the cron text \"{text}\" never fires: look at its {field} field");
    CronProblem {
        field: Some(field),
        message,
    }
}

fn whole(message: String) -> CronProblem {
    CronProblem {
        field: None,
        message,
    }
}

/// The names of the fields of a text with that many, and what they take.
fn names(count: usize) -> impl Iterator<Item = (&'static str, &'static str)> {
    const NAMES: [(&str, &str); 7] = [
        ("second", "0-59"),
        ("minute", "0-59"),
        ("hour", "0-23"),
        ("day of month", "1-31, L, or nW"),
        ("month", "1-12 or JAN-DEC"),
        ("weekday", "0-7 or SUN-SAT, nL, or n#1 to n#5"),
        ("year", "1-5000"),
    ];
    NAMES.into_iter().skip(usize::from(count < 6)).take(count)
}

/// 2026-01-01T00:00:00Z: what never fires from here on is of no use.
const PROBE_SECONDS: i64 = 1_767_225_600;
