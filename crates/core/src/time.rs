//! Points in time: wall time in milliseconds, and monotonic time.

use std::fmt;
use std::time::Duration;

use chrono::{DateTime, SecondsFormat};
use serde::{Deserialize, Serialize};

/// A point in time: milliseconds since the Unix epoch, up to the year 9999.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(from = "u64", into = "u64")]
pub struct Timestamp(u64);

/// A point on the monotonic clock of this process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Monotonic(Duration);

impl Timestamp {
    /// The Unix epoch.
    pub const MIN: Self = Self(0);

    /// The last millisecond of the year 9999.
    pub const MAX: Self = Self(253_402_300_799_999);

    /// Creates the point that many milliseconds after the epoch; a later one than [`Timestamp::MAX`]
    /// becomes that.
    #[must_use]
    pub const fn from_millis(millis: u64) -> Self {
        if millis > Self::MAX.0 {
            Self::MAX
        } else {
            Self(millis)
        }
    }

    /// Returns the milliseconds since the epoch.
    #[must_use]
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// Returns the point `wait` later, or `None` beyond [`Timestamp::MAX`].
    #[must_use]
    pub fn checked_add(self, wait: Duration) -> Option<Self> {
        let sum = self.0.checked_add(u64::try_from(wait.as_millis()).ok()?)?;
        (sum <= Self::MAX.0).then_some(Self(sum))
    }

    /// Returns the point `wait` later, at most [`Timestamp::MAX`].
    #[must_use]
    pub fn saturating_add(self, wait: Duration) -> Self {
        self.checked_add(wait).unwrap_or(Self::MAX)
    }

    /// Returns the point `wait` earlier, at least [`Timestamp::MIN`].
    #[must_use]
    pub fn saturating_sub(self, wait: Duration) -> Self {
        Self(
            self.0
                .saturating_sub(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX)),
        )
    }

    /// Returns how long ago `earlier` was, or zero if it is later.
    #[must_use]
    pub fn saturating_since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

impl Monotonic {
    /// Creates the point that long after the origin of the clock.
    #[must_use]
    pub const fn from_origin(elapsed: Duration) -> Self {
        Self(elapsed)
    }

    /// Returns how long after the origin of the clock the point is.
    #[must_use]
    pub const fn since_origin(self) -> Duration {
        self.0
    }

    /// Returns the point `wait` later.
    #[must_use]
    pub fn saturating_add(self, wait: Duration) -> Self {
        Self(self.0.saturating_add(wait))
    }

    /// Returns the point `wait` earlier, at least the origin.
    #[must_use]
    pub fn saturating_sub(self, wait: Duration) -> Self {
        Self(self.0.saturating_sub(wait))
    }

    /// Returns how long ago `earlier` was, or zero if it is later.
    #[must_use]
    pub fn saturating_since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}

impl From<u64> for Timestamp {
    fn from(millis: u64) -> Self {
        Self::from_millis(millis)
    }
}

impl From<Timestamp> for u64 {
    fn from(time: Timestamp) -> Self {
        time.0
    }
}

impl fmt::Display for Timestamp {
    /// Shows RFC 3339 with milliseconds, in UTC.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = i64::try_from(self.0)
            .ok()
            .and_then(DateTime::from_timestamp_millis);
        match time {
            Some(time) => f.write_str(&time.to_rfc3339_opts(SecondsFormat::Millis, true)),
            None => write!(f, "{} ms", self.0),
        }
    }
}
