//! The one text form of a schedule, which brokers keep: `every 5m jitter=10s`,
//! `cron 0 2 * * * tz=Europe/Rome`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::clock_change::{RepeatedTime, SkippedTime};
use super::error::InvalidSchedule;
use super::{Kind, Schedule, duration_text};
use crate::time::Timestamp;

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            Kind::Every(interval) => {
                write!(f, "every {}", show(interval.period()))?;
                if interval.anchor() != Timestamp::MIN {
                    write!(f, " anchor={}", interval.anchor().as_millis())?;
                }
            }
            Kind::Cron(cron) => {
                write!(f, "cron {} tz={}", cron.text(), cron.zone())?;
                if cron.skipped() != SkippedTime::default() {
                    write!(f, " skipped={}", cron.skipped())?;
                }
                if cron.repeated() != RepeatedTime::default() {
                    write!(f, " repeated={}", cron.repeated())?;
                }
            }
        }
        if !self.jitter.is_zero() {
            write!(f, " jitter={}", compact(self.jitter))?;
        }
        Ok(())
    }
}

impl FromStr for Schedule {
    type Err = InvalidSchedule;

    fn from_str(text: &str) -> Result<Self, InvalidSchedule> {
        let malformed = || {
            let message = format!(
                "\"{text}\" is not a schedule; write `every 5m` or `cron 0 2 * * * tz=Europe/Rome`"
            );
            InvalidSchedule::new(message)
        };
        let (kind, rest) = text.trim().split_once(' ').ok_or_else(malformed)?;
        let words: Vec<&str> = rest.split_whitespace().collect();
        let options_from = words
            .iter()
            .position(|word| word.contains('='))
            .unwrap_or(words.len());
        let (body, options) = words.split_at(options_from);
        let body = body.join(" ");
        let schedule = match kind {
            "every" => Self::every(duration("period", &body)?)?,
            "cron" => Self::cron(&body)?,
            _ => return Err(malformed()),
        };
        options
            .iter()
            .try_fold(schedule, |schedule, option| apply(schedule, option))
    }
}

fn apply(schedule: Schedule, option: &str) -> Result<Schedule, InvalidSchedule> {
    let (name, value) = option.split_once('=').unwrap_or((option, ""));
    match name {
        "tz" => schedule.time_zone(value),
        "skipped" => schedule.on_skipped_time(value.parse()?),
        "repeated" => schedule.on_repeated_time(value.parse()?),
        "jitter" => schedule.jitter(duration("jitter", value)?),
        "delay" => schedule.delay(duration("delay", value)?),
        "anchor" => {
            let millis = value.parse().map_err(|_| {
                let message = format!("the anchor \"{value}\" is not a number of milliseconds");
                InvalidSchedule::in_field("anchor", message)
            })?;
            schedule.anchor(Timestamp::from_millis(millis))
        }
        _ => Err(InvalidSchedule::new(format!(
            "unknown option `{name}` of a schedule; known are tz, skipped, repeated, anchor, delay, jitter"
        ))),
    }
}

fn duration(field: &'static str, text: &str) -> Result<std::time::Duration, InvalidSchedule> {
    duration_text::parse(text).map_err(|message| InvalidSchedule::in_field(field, message))
}

/// A duration as one word.
fn compact(duration: std::time::Duration) -> String {
    show(duration).replace(' ', "")
}

impl Serialize for Schedule {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Schedule {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(de::Error::custom)
    }
}

/// Writes a duration so that it can be read back; parts of a millisecond are cut.
pub(super) fn show(duration: std::time::Duration) -> String {
    const UNITS: [(&str, u64); 5] = [
        ("d", 86_400_000),
        ("h", 3_600_000),
        ("m", 60_000),
        ("s", 1_000),
        ("ms", 1),
    ];
    let mut millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    if millis == 0 {
        return "0ms".to_owned();
    }
    let mut parts = Vec::new();
    for (unit, size) in UNITS {
        let number = millis / size;
        millis %= size;
        if number > 0 {
            parts.push(format!("{number}{unit}"));
        }
    }
    parts.join(" ")
}
