//! Intervals: ticks at an anchor plus whole multiples of a period. Pure arithmetic.

use std::time::Duration;

use super::error::InvalidSchedule;
use crate::time::Timestamp;

/// The shortest period.
pub const MIN_PERIOD: Duration = Duration::from_millis(1);

/// The longest period, and the longest delay: ten years.
pub const MAX_PERIOD: Duration = Duration::from_hours(24 * 3652);

/// Ticks at `anchor + n × period_ms`, for n from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Interval {
    period_ms: u64,
    anchor: Timestamp,
}

impl Interval {
    pub(super) fn new(period: Duration) -> Result<Self, InvalidSchedule> {
        if period < MIN_PERIOD || period > MAX_PERIOD {
            let message =
                format!("the period must be from 1 ms to 10 years, this one is {period:?}");
            return Err(InvalidSchedule::in_field("period", message));
        }
        let period_ms = u64::try_from(period.as_millis()).unwrap_or(u64::MAX);
        Ok(Self {
            period_ms,
            anchor: Timestamp::MIN,
        })
    }

    pub(super) fn with_anchor(self, anchor: Timestamp) -> Self {
        Self { anchor, ..self }
    }

    pub(super) fn period(self) -> Duration {
        Duration::from_millis(self.period_ms)
    }

    pub(super) fn anchor(self) -> Timestamp {
        self.anchor
    }

    /// Returns the first tick after a point in time.
    pub(super) fn next_after(self, after: Timestamp) -> Option<Timestamp> {
        if after < self.anchor {
            return Some(self.anchor);
        }
        let tick = self.latest_at(after)?;
        tick.checked_add(self.period())
    }

    /// Returns the last tick at or before a point in time.
    pub(super) fn latest_at(self, at: Timestamp) -> Option<Timestamp> {
        let since = at.as_millis().checked_sub(self.anchor.as_millis())?;
        Some(Timestamp::from_millis(
            at.as_millis() - since % self.period_ms,
        ))
    }
}
