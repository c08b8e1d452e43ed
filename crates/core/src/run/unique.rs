//! What runs do to each other by a key: uniqueness, and repetitions of one enqueue.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::MAX_WAIT;
use super::unique_wire::UniqueWire;
use crate::key::{InvalidKey, Key};

/// A key that at most one run holds at a time, how long it does, and what becomes of a run that finds it held.
///
/// ```
/// use aqueduct_core::run::{OnConflict, Unique, UniqueScope};
///
/// let unique = Unique::key("sync:7")?
///     .scope(UniqueScope::Queued)
///     .on_conflict(OnConflict::Replace);
/// assert_eq!(unique.key.as_str(), "sync:7");
/// # Ok::<(), aqueduct_core::key::InvalidKey>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "UniqueWire", into = "UniqueWire")]
#[non_exhaustive]
pub struct Unique {
    /// The key.
    pub key: Key,
    /// How long the run holds it.
    pub scope: UniqueScope,
    /// What becomes of a run that finds it held.
    pub on_conflict: OnConflict,
    /// How long after the first call calls that replace each other can put the run off.
    pub put_off_at_most: Option<Duration>,
}

/// How long a run holds its unique key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum UniqueScope {
    /// Until its first attempt begins.
    Queued,
    /// Until it has ended.
    #[default]
    UntilFinished,
    /// For so long after it was accepted, whatever becomes of it; at most a year.
    Window(Duration),
}

/// What becomes of a run that finds its unique key held.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum OnConflict {
    /// Nothing is added; the handle is on the run that holds the key.
    #[default]
    ReturnExisting,
    /// The run that holds the key gets the parameters and options of the new one, and its due time unless it is
    /// due already; it keeps its id and its place. One that has begun, or is of another task, is left as
    /// it is: the call is refused.
    Replace,
    /// The call is refused, with the id of the run that holds the key.
    Refuse,
}

/// A key by which repetitions of one enqueue are known, whatever became of its run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Idempotency {
    /// The key.
    pub key: Key,
    /// For how long after the first enqueue.
    #[serde(with = "super::unique_wire::millis")]
    pub window: Duration,
}

/// For how long an idempotency key is known, unless the call says otherwise: a day.
pub const IDEMPOTENCY_WINDOW: Duration = Duration::from_hours(24);

/// What gives a call a unique key: a text, a key, or a whole [`Unique`].
pub trait IntoUnique {
    /// Makes the value.
    ///
    /// # Errors
    ///
    /// Returns an error if a text is no key.
    fn into_unique(self) -> Result<Unique, InvalidKey>;
}

impl Unique {
    /// Creates the default kind: the key is held until the run has ended, another run with it adds nothing.
    #[must_use]
    pub fn new(key: Key) -> Self {
        Self {
            key,
            scope: UniqueScope::default(),
            on_conflict: OnConflict::default(),
            put_off_at_most: None,
        }
    }

    /// Creates the default kind, of a text.
    ///
    /// # Errors
    ///
    /// Returns an error unless the text has 1 to 256 bytes.
    pub fn key(text: impl Into<String>) -> Result<Self, InvalidKey> {
        Key::new(text).map(Self::new)
    }

    /// Sets how long the run holds the key.
    #[must_use]
    pub fn scope(mut self, scope: UniqueScope) -> Self {
        self.scope = scope;
        self
    }

    /// Sets what becomes of a run that finds the key held.
    #[must_use]
    pub fn on_conflict(mut self, on_conflict: OnConflict) -> Self {
        self.on_conflict = on_conflict;
        self
    }

    /// Bounds how long after the first call calls that replace each other can put the run off.
    #[must_use]
    pub fn put_off_at_most(mut self, longest: Duration) -> Self {
        self.put_off_at_most = Some(longest);
        self
    }

    /// Returns what is wrong with its times, in words.
    #[must_use]
    pub fn problem(&self) -> Option<String> {
        let window = match self.scope {
            UniqueScope::Window(window) => Some(("the window of a unique key", window)),
            _ => None,
        };
        let put_off = self
            .put_off_at_most
            .map(|it| ("what a run is put off by", it));
        window.into_iter().chain(put_off).find_map(out_of_bounds)
    }
}

impl Idempotency {
    /// Creates a key that is known for a day.
    #[must_use]
    pub fn new(key: Key) -> Self {
        Self {
            key,
            window: IDEMPOTENCY_WINDOW,
        }
    }

    /// Sets for how long it is known: 1 ms to a year.
    #[must_use]
    pub fn window(mut self, window: Duration) -> Self {
        self.window = window;
        self
    }

    /// Returns what is wrong with its window, in words.
    #[must_use]
    pub fn problem(&self) -> Option<String> {
        out_of_bounds(("the window of an idempotency key", self.window))
    }
}

impl IntoUnique for Unique {
    fn into_unique(self) -> Result<Unique, InvalidKey> {
        Ok(self)
    }
}

impl IntoUnique for Key {
    fn into_unique(self) -> Result<Unique, InvalidKey> {
        Ok(Unique::new(self))
    }
}

impl IntoUnique for &str {
    fn into_unique(self) -> Result<Unique, InvalidKey> {
        Unique::key(self)
    }
}

impl IntoUnique for String {
    fn into_unique(self) -> Result<Unique, InvalidKey> {
        Unique::key(self)
    }
}

fn out_of_bounds((what, time): (&str, Duration)) -> Option<String> {
    let is_within = time >= Duration::from_millis(1) && time <= MAX_WAIT;
    (!is_within).then(|| format!("{what} is 1 ms to a year, this one is {time:?}"))
}
