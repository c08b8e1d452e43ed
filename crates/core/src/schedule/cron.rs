//! Cron schedules: croner behind our own type and error.
//!
//! Daylight saving, as croner 4.0.3 has it and our golden tests hold it to: a fixed time that falls
//! into a spring gap fires once, at the first valid instant after it; one in an autumn fold fires
//! once, in the first pass; texts with `*` or steps in hour or minute keep their rhythm.

use std::fmt;

use chrono::{DateTime, TimeZone, Utc};
use chrono_tz::Tz;
use croner::Cron;

use super::cron_text;
use super::error::InvalidSchedule;
use crate::time::Timestamp;

/// A cron text in a time zone.
#[derive(Clone)]
pub(super) struct CronSchedule {
    cron: Box<Cron>,
    text: String,
    zone: Tz,
}

impl CronSchedule {
    pub(super) fn parse(text: &str) -> Result<Self, InvalidSchedule> {
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let cron = Box::new(cron_text::parse(&text)?);
        Ok(Self {
            cron,
            text,
            zone: Tz::UTC,
        })
    }

    pub(super) fn with_zone(mut self, name: &str) -> Result<Self, InvalidSchedule> {
        self.zone = cron_text::parse_zone(name)
            .map_err(|message| InvalidSchedule::in_field("time zone", message))?;
        Ok(self)
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn zone(&self) -> &'static str {
        self.zone.name()
    }

    /// Returns the first tick after a point in time.
    pub(super) fn next_after(&self, after: Timestamp) -> Option<Timestamp> {
        let tick = self
            .cron
            .find_next_occurrence(&self.local(after)?, false)
            .ok()?;
        timestamp(&tick)
    }

    /// Returns the last tick at or before a point in time.
    pub(super) fn latest_at(&self, at: Timestamp) -> Option<Timestamp> {
        let tick = self
            .cron
            .find_previous_occurrence(&self.local(at)?, true)
            .ok()?;
        timestamp(&tick)
    }

    pub(super) fn describe(&self) -> String {
        let words = self.cron.describe();
        let words = words.trim_end_matches('.');
        let mut chars = words.chars();
        let words = match chars.next() {
            Some(first) => first.to_lowercase().chain(chars).collect(),
            None => self.text.clone(),
        };
        format!("{words} ({})", self.zone())
    }

    /// Returns the point in time on the wall of the zone, cut to the second.
    fn local(&self, time: Timestamp) -> Option<DateTime<Tz>> {
        let seconds = i64::try_from(time.as_millis() / 1000).ok()?;
        let time = Utc.timestamp_opt(seconds, 0).single()?;
        Some(time.with_timezone(&self.zone))
    }
}

impl PartialEq for CronSchedule {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text && self.zone == other.zone
    }
}

impl fmt::Debug for CronSchedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} in {}", self.text, self.zone())
    }
}

fn timestamp(time: &DateTime<Tz>) -> Option<Timestamp> {
    u64::try_from(time.timestamp_millis())
        .ok()
        .map(Timestamp::from_millis)
}
