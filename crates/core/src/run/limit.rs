//! Limits that runs share: how many with one key run at once, and how many start in a time.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::MAX_WAIT;
use crate::key::MAX_KEY_BYTES;
use crate::name::TaskName;

/// The most limits of one run.
pub const MAX_LIMITS: usize = 4;

/// A limit that all runs share that name its key: it holds over all consumers.
///
/// A concurrency limit and a rate limit with the same key are two limits. Where runs name different
/// numbers for one limit, those of the run that was queued last count, from when a claim comes upon it, or, if it
/// has a fair key, from when it is ready, as long as the limit is in use.
///
/// ```
/// use std::time::Duration;
/// use aqueduct_core::run::Limit;
///
/// let three_at_once = Limit::concurrency("tenant:7", 3)?;
/// let hundred_a_minute = Limit::rate("tenant:7", 100, Duration::from_secs(60))?;
/// assert!(Limit::concurrency("tenant:7", 0).is_err());
/// # Ok::<(), aqueduct_core::run::InvalidLimit>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "RawLimit")]
pub struct Limit {
    key: LimitKey,
    max: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    per: Option<Duration>,
}

/// The key of a limit: the runs that name it share the limit.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct LimitKey(String);

/// The limits of a run: at most [`MAX_LIMITS`], each kind of each key once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<Limit>", into = "Vec<Limit>")]
pub struct Limits(Vec<Limit>);

/// The error of a limit that is none, or of one too many.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidLimit(String);

impl Limit {
    /// Creates a limit of `max` runs with the key `key` that consumers hold at once.
    ///
    /// # Errors
    ///
    /// Returns an error unless `max` is at least 1 and the key has 1 to 256 bytes.
    pub fn concurrency(key: impl Into<String>, max: u32) -> Result<Self, InvalidLimit> {
        Self::checked(LimitKey::new(key)?, max, None)
    }

    /// Creates a limit of `max` starts of runs with the key `key` in each `per`.
    ///
    /// So many may start at once; after them one starts each `per / max`, so that never more than twice
    /// as many start within `per`. A start counts when the run is claimed, whatever becomes of it.
    ///
    /// # Errors
    ///
    /// Returns an error unless `max` is at least 1, `per` is whole milliseconds from 1 ms to a year, and
    /// the key has 1 to 256 bytes.
    pub fn rate(key: impl Into<String>, max: u32, per: Duration) -> Result<Self, InvalidLimit> {
        Self::checked(LimitKey::new(key)?, max, Some(per))
    }

    fn checked(key: LimitKey, max: u32, per: Option<Duration>) -> Result<Self, InvalidLimit> {
        Self::check_numbers(&format!("`{key}`"), max, per)?;
        Ok(Self { key, max, per })
    }

    /// Creates a limit of numbers that were checked, and a key that a template has made.
    pub(crate) fn rendered(key: String, max: u32, per: Option<Duration>) -> Self {
        let key = LimitKey(key);
        Self { key, max, per }
    }

    /// Checks the numbers of a limit.
    pub(crate) fn check_numbers(
        which: &str,
        max: u32,
        per: Option<Duration>,
    ) -> Result<(), InvalidLimit> {
        if max == 0 {
            let problem =
                format!("the limit {which} is 0, so that nothing starts: it must be 1 or more");
            return Err(InvalidLimit(problem));
        }
        let is_whole = |per: Duration| per.subsec_nanos().is_multiple_of(1_000_000);
        let is_valid =
            |per: &Duration| *per >= Duration::from_millis(1) && *per <= MAX_WAIT && is_whole(*per);
        if let Some(per) = per.filter(|per| !is_valid(per)) {
            let problem = format!(
                "the time of the rate limit {which} must be whole ms from 1 ms to a year, it is {per:?}"
            );
            return Err(InvalidLimit(problem));
        }
        Ok(())
    }

    /// Returns the key.
    #[must_use]
    pub fn key(&self) -> &LimitKey {
        &self.key
    }

    /// Returns how many may run at once, or start in the time of a rate limit.
    #[must_use]
    pub fn max(&self) -> u32 {
        self.max
    }

    /// Returns the time of a rate limit; `None` for a concurrency limit.
    #[must_use]
    pub fn per(&self) -> Option<Duration> {
        self.per
    }

    /// Returns whether this is the same limit as another, their numbers aside.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        self.key == other.key && self.per.is_some() == other.per.is_some()
    }
}

impl InvalidLimit {
    pub(crate) fn too_many(which: &str) -> Self {
        Self(format!(
            "there are at most {MAX_LIMITS} limits; `{which}` would have one more"
        ))
    }

    pub(crate) fn twice(task: &TaskName) -> Self {
        Self(format!("a limit of `{task}` is given twice"))
    }
}

impl LimitKey {
    /// Creates a key.
    ///
    /// # Errors
    ///
    /// Returns an error unless the text has 1 to 256 bytes.
    pub fn new(text: impl Into<String>) -> Result<Self, InvalidLimit> {
        let text = text.into();
        if text.is_empty() || text.len() > MAX_KEY_BYTES {
            let problem = format!(
                "the key of a limit must have 1 to {MAX_KEY_BYTES} bytes, this one has {}",
                text.len()
            );
            return Err(InvalidLimit(problem));
        }
        Ok(Self(text))
    }

    /// Returns the text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Limits {
    /// Adds a limit, in place of the same one if it is there.
    ///
    /// # Errors
    ///
    /// Returns an error if there are [`MAX_LIMITS`] others.
    pub fn set(&mut self, limit: Limit) -> Result<(), InvalidLimit> {
        if let Some(same) = self.0.iter_mut().find(|it| it.is_same(&limit)) {
            *same = limit;
        } else if self.0.len() >= MAX_LIMITS {
            return Err(InvalidLimit::too_many(limit.key.as_str()));
        } else {
            self.0.push(limit);
        }
        Ok(())
    }

    /// Returns the limits, in the order they were added.
    #[must_use]
    pub fn as_slice(&self) -> &[Limit] {
        &self.0
    }

    /// Returns whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns those that [`TaskError::retry_key_after`](crate::TaskError::retry_key_after) holds back:
    /// the rate limits, or all if there is none.
    pub fn held_back(&self) -> impl Iterator<Item = &Limit> {
        let has_rate = self.0.iter().any(|limit| limit.per.is_some());
        self.0
            .iter()
            .filter(move |limit| limit.per.is_some() || !has_rate)
    }
}

/// A limit as it is written, before it is checked.
#[derive(Deserialize)]
struct RawLimit {
    key: LimitKey,
    max: u32,
    #[serde(default)]
    per: Option<Duration>,
}

impl TryFrom<RawLimit> for Limit {
    type Error = InvalidLimit;

    fn try_from(raw: RawLimit) -> Result<Self, InvalidLimit> {
        Self::checked(raw.key, raw.max, raw.per)
    }
}

impl TryFrom<Vec<Limit>> for Limits {
    type Error = InvalidLimit;

    fn try_from(all: Vec<Limit>) -> Result<Self, InvalidLimit> {
        let mut limits = Self::default();
        for limit in all {
            limits.set(limit)?;
        }
        Ok(limits)
    }
}

impl From<Limits> for Vec<Limit> {
    fn from(limits: Limits) -> Self {
        limits.0
    }
}

impl TryFrom<String> for LimitKey {
    type Error = InvalidLimit;

    fn try_from(text: String) -> Result<Self, InvalidLimit> {
        Self::new(text)
    }
}

impl From<LimitKey> for String {
    fn from(key: LimitKey) -> Self {
        key.0
    }
}

impl fmt::Display for LimitKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.per {
            None => write!(f, "{} at once of `{}`", self.max, self.key),
            Some(per) => write!(f, "{} per {per:?} of `{}`", self.max, self.key),
        }
    }
}
