//! Schedules: when a periodic task fires.

mod clock_change;
mod cron;
mod cron_text;
mod duration_text;
mod error;
mod interval;
mod notation;
mod overlap;

pub use clock_change::{RepeatedTime, SkippedTime};
pub use error::InvalidSchedule;
pub use interval::{MAX_PERIOD, MIN_PERIOD};
pub use overlap::Overlap;

use std::time::Duration;

use crate::id::RunId;
use crate::name::ScheduleName;
use crate::time::Timestamp;
use cron::CronSchedule;
use interval::Interval;

/// The most ticks that are listed at once.
pub const MAX_UPCOMING: usize = 1000;

/// Returns the time zone of that name.
#[cfg(feature = "test-util")]
pub(crate) fn zone(name: &str) -> Option<chrono_tz::Tz> {
    cron_text::parse_zone(name).ok()
}

/// When a periodic task fires: at an interval, or by a cron text.
///
/// ```
/// use std::time::Duration;
/// use aqueduct_core::{Schedule, Timestamp};
///
/// let nightly = Schedule::cron("0 2 * * *")?.time_zone("Europe/Rome")?;
/// let next = nightly.next_after(Timestamp::from_millis(1_767_225_600_000));
/// assert_eq!(next.map(|tick| tick.to_string()).as_deref(), Some("2026-01-01T01:00:00.000Z"));
/// assert_eq!(Schedule::every(Duration::from_secs(300))?.describe(), "every 5m");
/// # Ok::<(), aqueduct_core::schedule::InvalidSchedule>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Schedule {
    kind: Kind,
    jitter: Duration,
}

#[derive(Clone, Debug, PartialEq)]
enum Kind {
    Every(Interval),
    Cron(CronSchedule),
}

impl Schedule {
    /// Creates a schedule that fires every `period`, at whole multiples since the Unix epoch.
    ///
    /// # Errors
    ///
    /// Returns an error unless the period is from [`MIN_PERIOD`] to [`MAX_PERIOD`].
    pub fn every(period: Duration) -> Result<Self, InvalidSchedule> {
        Ok(Self {
            kind: Kind::Every(Interval::new(period)?),
            jitter: Duration::ZERO,
        })
    }

    /// Creates a schedule from a cron text, in UTC.
    ///
    /// Five fields (minute hour day month weekday), six with seconds first, seven with a year last; names,
    /// ranges, lists, steps, `L`, `W`, `#`, and nicknames such as `@daily`. If both day and weekday
    /// are given, either is enough; a `+` before the weekday asks for both.
    ///
    /// # Errors
    ///
    /// Returns an error that names the field that is wrong, or says that the text never fires.
    pub fn cron(text: &str) -> Result<Self, InvalidSchedule> {
        Ok(Self {
            kind: Kind::Cron(CronSchedule::parse(text)?),
            jitter: Duration::ZERO,
        })
    }

    /// Puts a cron schedule into a time zone of the IANA database.
    ///
    /// # Errors
    ///
    /// Returns an error for an unknown zone, and for an interval, which needs none.
    pub fn time_zone(self, name: &str) -> Result<Self, InvalidSchedule> {
        match self.kind {
            Kind::Cron(cron) => Ok(Self {
                kind: Kind::Cron(cron.with_zone(name)?),
                ..self
            }),
            Kind::Every(_) => Err(InvalidSchedule::in_field(
                "time zone",
                "an interval has no time zone",
            )),
        }
    }

    /// Sets what becomes of the time of a cron schedule on a day when the clocks go forward over it.
    ///
    /// ```
    /// use aqueduct_core::schedule::SkippedTime;
    /// use aqueduct_core::{Schedule, Timestamp};
    ///
    /// let nightly = Schedule::cron("30 2 * * *")?.time_zone("Europe/Rome")?;
    /// let nightly = nightly.on_skipped_time(SkippedTime::Skip)?;
    /// let before = Timestamp::from_millis(1_774_700_000_000); // 28 March 2026: 02:30 does not exist on the 29th
    /// assert_eq!(nightly.next_after(before).unwrap().to_string(), "2026-03-30T00:30:00.000Z");
    /// # Ok::<(), aqueduct_core::schedule::InvalidSchedule>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error unless the schedule is a cron text with one fixed time of day: any other keeps its rhythm.
    pub fn on_skipped_time(self, rule: SkippedTime) -> Result<Self, InvalidSchedule> {
        match self.kind {
            Kind::Cron(cron) => Ok(Self {
                kind: Kind::Cron(cron.on_skipped_time(rule)?),
                ..self
            }),
            Kind::Every(_) => Err(interval_keeps_rhythm("skipped")),
        }
    }

    /// Sets what becomes of the time of a cron schedule on a day when the clocks go back over it.
    ///
    /// # Errors
    ///
    /// Returns an error unless the schedule is a cron text with one fixed time of day: any other keeps its rhythm.
    pub fn on_repeated_time(self, rule: RepeatedTime) -> Result<Self, InvalidSchedule> {
        match self.kind {
            Kind::Cron(cron) => Ok(Self {
                kind: Kind::Cron(cron.on_repeated_time(rule)?),
                ..self
            }),
            Kind::Every(_) => Err(interval_keeps_rhythm("repeated")),
        }
    }

    /// Puts the first tick of an interval at `anchor`; there are none before it.
    ///
    /// # Errors
    ///
    /// Returns an error for a cron schedule, whose ticks are fixed by its text.
    pub fn anchor(self, anchor: Timestamp) -> Result<Self, InvalidSchedule> {
        match self.kind {
            Kind::Every(interval) => Ok(Self {
                kind: Kind::Every(interval.with_anchor(anchor)),
                ..self
            }),
            Kind::Cron(_) => Err(InvalidSchedule::in_field(
                "anchor",
                "a cron schedule has no anchor",
            )),
        }
    }

    /// Shifts every tick of an interval by `delay`.
    ///
    /// # Errors
    ///
    /// Returns an error for a cron schedule, and for a delay over [`MAX_PERIOD`].
    pub fn delay(self, delay: Duration) -> Result<Self, InvalidSchedule> {
        let Kind::Every(interval) = &self.kind else {
            return Err(InvalidSchedule::in_field(
                "delay",
                "a cron schedule has no delay",
            ));
        };
        if delay > MAX_PERIOD {
            let message = format!("the delay must be at most 10 years, this one is {delay:?}");
            return Err(InvalidSchedule::in_field("delay", message));
        }
        let anchor = interval.anchor().saturating_add(delay);
        self.anchor(anchor)
    }

    /// Spreads the ticks: each fires up to `jitter` late, by an amount fixed for that tick.
    ///
    /// # Errors
    ///
    /// Returns an error if the jitter is over a day, or not shorter than the period of an interval.
    pub fn jitter(mut self, jitter: Duration) -> Result<Self, InvalidSchedule> {
        let limit = match &self.kind {
            Kind::Every(interval) => interval.period().min(MAX_JITTER),
            Kind::Cron(_) => MAX_JITTER,
        };
        if jitter >= limit {
            let message = format!("the jitter must be under {limit:?}, this one is {jitter:?}");
            return Err(InvalidSchedule::in_field("jitter", message));
        }
        self.jitter = jitter;
        Ok(self)
    }

    /// Returns the first tick after a point in time, without its jitter.
    #[must_use]
    pub fn next_after(&self, after: Timestamp) -> Option<Timestamp> {
        match &self.kind {
            Kind::Every(interval) => interval.next_after(after),
            Kind::Cron(cron) => cron.next_after(after),
        }
    }

    /// Returns the last tick at or before a point in time, however many others it jumps over.
    #[must_use]
    pub fn latest_at(&self, at: Timestamp) -> Option<Timestamp> {
        match &self.kind {
            Kind::Every(interval) => interval.latest_at(at),
            Kind::Cron(cron) => cron.latest_at(at),
        }
    }

    /// Returns when a tick fires: at its nominal time plus its share of the jitter.
    ///
    /// The share depends on nothing but schedule and tick, so that every scheduler agrees.
    #[must_use]
    pub fn fire_at(&self, name: &ScheduleName, tick: Timestamp) -> Timestamp {
        let range = self.jitter.as_millis();
        if range == 0 {
            return tick;
        }
        let share = RunId::for_tick(name, tick).as_u128() % range;
        tick.saturating_add(Duration::from_millis(
            u64::try_from(share).unwrap_or_default(),
        ))
    }

    /// Returns the next `count` ticks after a point in time, at most [`MAX_UPCOMING`].
    #[must_use]
    pub fn upcoming(&self, after: Timestamp, count: usize) -> Vec<Timestamp> {
        std::iter::successors(self.next_after(after), |tick| self.next_after(*tick))
            .take(count.min(MAX_UPCOMING))
            .collect()
    }

    /// Returns the last `max` ticks after `after` and up to `until`, in order.
    #[must_use]
    pub fn latest_between(&self, after: Timestamp, until: Timestamp, max: usize) -> Vec<Timestamp> {
        let one_ms = Duration::from_millis(1);
        let mut ticks: Vec<Timestamp> = std::iter::successors(self.latest_at(until), |tick| {
            if tick.as_millis() == 0 {
                None
            } else {
                self.latest_at(tick.saturating_sub(one_ms))
            }
        })
        .take_while(|tick| *tick > after)
        .take(max)
        .collect();
        ticks.reverse();
        ticks
    }

    /// Describes the schedule in words.
    #[must_use]
    pub fn describe(&self) -> String {
        let words = match &self.kind {
            Kind::Every(interval) => format!("every {}", notation::show(interval.period())),
            Kind::Cron(cron) => cron.describe(),
        };
        if self.jitter.is_zero() {
            return words;
        }
        format!("{words}, up to {} late", notation::show(self.jitter))
    }
}

fn interval_keeps_rhythm(field: &'static str) -> InvalidSchedule {
    let message = "an interval keeps its rhythm when the clocks are changed";
    InvalidSchedule::in_field(field, message)
}

/// The longest jitter.
const MAX_JITTER: Duration = Duration::from_hours(24);
