//! The options of a call that runs share keys by: unique, debounced, throttled, idempotent.

use std::time::Duration;

use super::call::{Queue, TaskCall, call_options};
use super::error::{QueueError, QueueErrorKind};
use crate::key::{InvalidKey, Key};
use crate::queue::Due;
use crate::run::{Idempotency, IntoUnique, MAX_WAIT, OnConflict, Unique, UniqueScope};

/// Which option made the key of a call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Keyed {
    /// None, or the definition of the task: the call may say otherwise.
    #[default]
    No,
    /// The definition of the task, which puts its runs off.
    DebouncedTask,
    Unique,
    Debounced,
    Throttled,
}

impl Keyed {
    /// Returns whether it says itself when the run is due.
    pub(super) fn is_debounced(self) -> bool {
        matches!(self, Self::DebouncedTask | Self::Debounced)
    }

    fn name(self) -> Option<&'static str> {
        match self {
            Self::No | Self::DebouncedTask => None,
            Self::Unique => Some("unique"),
            Self::Debounced => Some("debounce"),
            Self::Throttled => Some("throttle"),
        }
    }
}

call_options! {
    /// Queues nothing if a run holds the same key: the handle is then on that run.
    ///
    /// A text is held until the run has ended; [`Unique`] says otherwise. It goes before the key that the task
    /// has. A text of no or of more than 256 bytes is refused when the call is queued.
    fn unique(self, unique: impl IntoUnique) {
        self.keyed_by(Keyed::Unique, unique.into_unique(), None)
    }

    /// Starts one run `wait` after the last call with the same key, with the parameters of that call.
    ///
    /// Each call puts the run off anew, without end if they never pause: see
    /// [`debounce_at_most`](Self::debounce_at_most). Calls after its start make a new run. It goes before the
    /// key that the task has; with `unique`, `throttle`, `delay` or `at` it is a contradiction.
    fn debounce(self, key: impl Into<String>, wait: Duration) {
        self.debounced(Unique::key(key), wait)
    }

    /// Starts one run `wait` after the last call with the same key, but `longest` after the first at the latest.
    ///
    /// As [`debounce`](Self::debounce) otherwise.
    fn debounce_at_most(self, key: impl Into<String>, wait: Duration, longest: Duration) {
        if longest < wait {
            let problem = format!(
                "a run that waits for {wait:?} cannot start {longest:?} after the first call: `longest` is \
                 at least `wait`"
            );
            return self.fail(QueueErrorKind::Contradiction, problem);
        }
        let unique = Unique::key(key);
        self.debounced(unique.map(|unique| unique.put_off_at_most(longest)), wait)
    }

    /// Queues one run with this key within `window`: for others the handle is on that run, even if it has ended.
    ///
    /// It goes before the key that the task has; with `unique` or `debounce` it is a contradiction.
    fn throttle(self, key: impl Into<String>, window: Duration) {
        let unique = Unique::key(key).map(|unique| unique.scope(UniqueScope::Window(window)));
        self.keyed_by(Keyed::Throttled, unique, None)
    }

    /// Makes repetitions of this enqueue known by a key for a day, from any process: the handle is then on the run
    /// of the first, even if it has ended.
    ///
    /// Nothing of the repetition counts but the key. A text of no or of more than 256 bytes is refused when the
    /// call is queued.
    fn idempotency_key(self, key: impl Into<String>) {
        self.idempotent(Key::new(key).map(Idempotency::new))
    }

    /// Makes repetitions of this enqueue known by a key for so long, 1 ms to a year.
    ///
    /// As [`idempotency_key`](Self::idempotency_key) otherwise.
    fn idempotency_key_for(self, key: impl Into<String>, window: Duration) {
        self.idempotent(Key::new(key).map(|key| Idempotency::new(key).window(window)))
    }
}

impl<Out> TaskCall<Out> {
    fn debounced(self, unique: Result<Unique, InvalidKey>, wait: Duration) -> Self {
        if wait < Duration::from_millis(1) || wait > MAX_WAIT {
            let problem =
                format!("the wait of a debounced call is 1 ms to a year, this one is {wait:?}");
            return self.fail(QueueErrorKind::LimitExceeded, problem);
        }
        let unique = unique.map(|unique| {
            unique
                .scope(UniqueScope::Queued)
                .on_conflict(OnConflict::Replace)
        });
        self.keyed_by(Keyed::Debounced, unique, Some(wait))
    }

    /// Gives the call its key, and a wait; refuses it if another option of the call did.
    fn keyed_by(
        mut self,
        keyed: Keyed,
        unique: Result<Unique, InvalidKey>,
        wait: Option<Duration>,
    ) -> Self {
        if let (Some(before), Some(now)) = (self.keyed.name(), keyed.name())
            && before != now
        {
            let problem = format!("`{before}` and `{now}` contradict each other: set one of them");
            return self.fail(QueueErrorKind::Contradiction, problem);
        }
        if self.keyed == Keyed::DebouncedTask {
            self = self.change(|task| task.due = Due::Now);
        }
        self.keyed = keyed;
        let unique = match unique {
            Ok(unique) => unique,
            Err(error) => return self.fail(QueueErrorKind::LimitExceeded, error.to_string()),
        };
        let call = self.change(|task| task.options_mut().unique = Some(unique));
        match wait {
            Some(wait) => call.wait_at_first(wait),
            None => call,
        }
    }

    fn wait_at_first(self, wait: Duration) -> Self {
        let due = self.task.as_ref().map_or(Due::Now, |task| task.due);
        if matches!(due, Due::At(_)) || matches!(due, Due::After(before) if before != wait) {
            return self.fail(QueueErrorKind::Contradiction, TWO_WAITS.to_owned());
        }
        self.change(|task| task.due = Due::After(wait))
    }

    fn idempotent(self, idempotency: Result<Idempotency, InvalidKey>) -> Self {
        match idempotency {
            Ok(idempotency) => {
                self.change(|task| task.options_mut().idempotency = Some(idempotency))
            }
            Err(error) => self.fail(QueueErrorKind::LimitExceeded, error.to_string()),
        }
    }
}

/// Refuses keys whose times are out of bounds, or a wait that is.
pub(super) fn check_keys(task: &crate::queue::QueuedTask) -> Result<(), QueueError> {
    let Some(options) = &task.options else {
        return Ok(());
    };
    let unique = options.unique.as_ref().and_then(Unique::problem);
    let repeated = options.idempotency.as_ref().and_then(Idempotency::problem);
    match unique.or(repeated) {
        Some(problem) => Err(QueueError::new(QueueErrorKind::LimitExceeded, problem)),
        None => Ok(()),
    }
}

/// What is wrong with a debounced call that has another due time.
pub(super) const TWO_WAITS: &str =
    "a debounced run is due when its calls have paused: leave `delay` and `at` out";
