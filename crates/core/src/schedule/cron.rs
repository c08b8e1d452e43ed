//! Cron schedules: croner behind our own type and error.
//!
//! Daylight saving, as croner 4.0.3 has it and our golden tests hold it to: a fixed time that falls
//! into a spring gap fires once, at the first valid instant after it; one in an autumn fold fires
//! once, in the first pass; any other text keeps its rhythm. What else a schedule asks for of a fixed
//! time is made of the ticks that croner finds: there is one a day.

use std::fmt;
use std::time::Duration;

use chrono::{DateTime, LocalResult, Offset, TimeZone, Utc};
use chrono_tz::Tz;
use croner::Cron;

use super::clock_change::{RepeatedTime, SkippedTime};
use super::cron_text;
use super::error::InvalidSchedule;
use crate::time::Timestamp;

/// A cron text in a time zone.
#[derive(Clone)]
pub(super) struct CronSchedule {
    cron: Box<Cron>,
    text: String,
    zone: Tz,
    skipped: SkippedTime,
    repeated: RepeatedTime,
}

impl CronSchedule {
    pub(super) fn parse(text: &str) -> Result<Self, InvalidSchedule> {
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let cron = Box::new(cron_text::parse(&text)?);
        Ok(Self {
            cron,
            text,
            zone: Tz::UTC,
            skipped: SkippedTime::default(),
            repeated: RepeatedTime::default(),
        })
    }

    pub(super) fn with_zone(mut self, name: &str) -> Result<Self, InvalidSchedule> {
        self.zone = cron_text::parse_zone(name)
            .map_err(|message| InvalidSchedule::in_field("time zone", message))?;
        Ok(self)
    }

    pub(super) fn on_skipped_time(mut self, rule: SkippedTime) -> Result<Self, InvalidSchedule> {
        self.check_fixed("skipped")?;
        self.skipped = rule;
        Ok(self)
    }

    pub(super) fn on_repeated_time(mut self, rule: RepeatedTime) -> Result<Self, InvalidSchedule> {
        self.check_fixed("repeated")?;
        self.repeated = rule;
        Ok(self)
    }

    fn check_fixed(&self, field: &'static str) -> Result<(), InvalidSchedule> {
        cron_text::check_fixed(&self.text, field)
            .map_err(|message| InvalidSchedule::in_field(field, message))
    }

    pub(super) fn skipped(&self) -> SkippedTime {
        self.skipped
    }

    pub(super) fn repeated(&self) -> RepeatedTime {
        self.repeated
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn zone(&self) -> &'static str {
        self.zone.name()
    }

    /// Returns the first tick after a point in time.
    pub(super) fn next_after(&self, after: Timestamp) -> Option<Timestamp> {
        if self.has_default_rules() {
            return self.plain_next_after(after);
        }
        // The tick before may come once more.
        let before = self.plain_latest_at(after);
        let mut tick = before.or_else(|| self.plain_next_after(after))?;
        for _ in 0..MAX_LEFT_OUT {
            let ticks = self.by_the_rules(tick);
            if let Some(found) = ticks.into_iter().flatten().find(|tick| *tick > after) {
                return Some(found);
            }
            tick = self.plain_next_after(tick)?;
        }
        None
    }

    /// Returns the last tick at or before a point in time.
    pub(super) fn latest_at(&self, at: Timestamp) -> Option<Timestamp> {
        if self.has_default_rules() {
            return self.plain_latest_at(at);
        }
        let mut tick = self.plain_latest_at(at)?;
        for _ in 0..MAX_LEFT_OUT {
            let ticks = self.by_the_rules(tick);
            if let Some(found) = ticks.into_iter().flatten().rfind(|tick| *tick <= at) {
                return Some(found);
            }
            let before = tick.as_millis().checked_sub(1)?;
            tick = self.plain_latest_at(Timestamp::from_millis(before))?;
        }
        None
    }

    fn has_default_rules(&self) -> bool {
        (self.skipped, self.repeated) == (SkippedTime::default(), RepeatedTime::default())
    }

    /// Returns what the rules make of a tick that croner has found, in order.
    fn by_the_rules(&self, tick: Timestamp) -> [Option<Timestamp>; 2] {
        let Some(local) = self.local(tick) else {
            return [None, None];
        };
        let is_moved = !self.cron.is_time_matching(&local).unwrap_or(true);
        if is_moved && self.skipped == SkippedTime::Skip {
            return [None, None];
        }
        match self.zone.from_local_datetime(&local.naive_local()) {
            LocalResult::Ambiguous(first, second) if !is_moved => match self.repeated {
                RepeatedTime::First => [timestamp(&first), None],
                RepeatedTime::Second => [None, timestamp(&second)],
                RepeatedTime::Both => [timestamp(&first), timestamp(&second)],
            },
            _ => [Some(tick), None],
        }
    }

    fn plain_next_after(&self, after: Timestamp) -> Option<Timestamp> {
        let find = |from, inclusive| {
            let tick = self
                .cron
                .find_next_occurrence(&self.local(from)?, inclusive);
            timestamp(&tick.ok()?)
        };
        // Croner finds nothing beyond a day that a zone leaves out.
        let beyond = || self.change_between(after, after.saturating_add(A_DAY_AND_MORE));
        find(after, false).or_else(|| find(beyond()?, true))
    }

    fn plain_latest_at(&self, at: Timestamp) -> Option<Timestamp> {
        let find = |from| {
            let tick = self.cron.find_previous_occurrence(&self.local(from)?, true);
            timestamp(&tick.ok()?)
        };
        let beyond = || self.change_between(at.saturating_sub(A_DAY_AND_MORE), at);
        find(at).or_else(|| find(beyond()?.saturating_sub(Duration::from_secs(1))))
    }

    /// Returns the second from which the clocks of the zone differ from what they were, if they are changed between
    /// these times.
    fn change_between(&self, from: Timestamp, to: Timestamp) -> Option<Timestamp> {
        let offset = |second: u64| {
            let local = self.local(Timestamp::from_millis(second.checked_mul(1000)?))?;
            Some(local.offset().fix())
        };
        let (mut before, mut after) = (from.as_millis() / 1000, to.as_millis() / 1000);
        let old = offset(before)?;
        if offset(after)? == old {
            return None;
        }
        while after - before > 1 {
            let middle = before.midpoint(after);
            if offset(middle)? == old {
                before = middle;
            } else {
                after = middle;
            }
        }
        Some(Timestamp::from_millis(after * 1000))
    }

    pub(super) fn describe(&self) -> String {
        let words = self.cron.describe();
        let words = words.trim_end_matches('.');
        let mut chars = words.chars();
        let words = match chars.next() {
            Some(first) => first.to_lowercase().chain(chars).collect(),
            None => self.text.clone(),
        };
        let skipped = match self.skipped {
            SkippedTime::RunAfter => "",
            SkippedTime::Skip => ", not where the clocks go over it",
        };
        let repeated = match self.repeated {
            RepeatedTime::First => "",
            RepeatedTime::Second => ", the second time where it comes twice",
            RepeatedTime::Both => ", both times where it comes twice",
        };
        format!("{words} ({}{skipped}{repeated})", self.zone())
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
        let rules = |it: &Self| (it.skipped, it.repeated);
        self.text == other.text && self.zone == other.zone && rules(self) == rules(other)
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

/// The most ticks in a row that may be left out: a text whose every time is skipped fires nothing.
const MAX_LEFT_OUT: usize = 400;

/// Longer than a day that a zone leaves out.
const A_DAY_AND_MORE: Duration = Duration::from_hours(26);
