//! Events in the life of runs, for observers that must never harm a run.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::id::RunId;
use crate::name::{QueueName, TaskName};
use crate::run::{Failure, Reason, RunState};
use crate::time::Timestamp;

/// Something that happened to a run.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct RunEvent {
    /// The run.
    pub run: RunId,
    /// Its task.
    pub task: TaskName,
    /// Its queue.
    pub queue: QueueName,
    /// The attempt; 0 before the first.
    pub attempt: u32,
    /// When it happened, by the clock of the observing process.
    pub at: Timestamp,
    /// What happened.
    pub kind: RunEventKind,
}

/// What can happen to a run.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum RunEventKind {
    /// The broker accepted the run.
    Queued,
    /// A later call gave the run, which waited with the same unique key, its parameters.
    Replaced {
        /// The id that the call would have made a run with.
        by: RunId,
    },
    /// An attempt began.
    Started,
    /// A running task reports how far it is.
    Progress(Progress),
    /// An attempt ended and the broker recorded it.
    Ended {
        /// The state that the run is in now.
        state: RunState,
        /// How long the attempt took.
        took: Duration,
        /// Why it failed, if it did.
        failure: Option<Failure>,
        /// Why it was cancelled, if it was.
        reason: Option<Reason>,
    },
    /// An attempt ended here after its lease was lost: nothing was recorded.
    LeaseLost,
}

/// How far a running task is, as it says itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// How much is done.
    pub done: u64,
    /// Of how much; 0 if that is not known.
    pub total: u64,
    /// In words, at most [`MAX_PROGRESS_TEXT_BYTES`]; empty if there is nothing to say.
    pub text: String,
}

/// The most bytes of the words of a report; more is cut.
pub const MAX_PROGRESS_TEXT_BYTES: usize = 256;

/// Takes events without ever blocking, failing or panicking into the caller.
pub trait EventSink: fmt::Debug + Send + Sync + 'static {
    /// Hands an event on; drops and counts it when there is no room.
    fn emit(&self, event: RunEvent);
}

/// A place for an event sink that may be empty.
#[derive(Clone, Debug, Default)]
pub struct Events(Option<Arc<dyn EventSink>>);

impl Progress {
    /// Creates a report; words beyond [`MAX_PROGRESS_TEXT_BYTES`] are cut.
    #[must_use]
    pub fn new(done: u64, total: u64, text: impl Into<String>) -> Self {
        let mut text = text.into();
        text.truncate(text.floor_char_boundary(MAX_PROGRESS_TEXT_BYTES));
        Self { done, total, text }
    }
}

impl RunEvent {
    /// Creates an event.
    #[must_use]
    pub fn new(run: RunId, task: TaskName, queue: QueueName, kind: RunEventKind) -> Self {
        Self {
            run,
            task,
            queue,
            attempt: 0,
            at: Timestamp::MIN,
            kind,
        }
    }

    /// Sets the attempt.
    #[must_use]
    pub fn with_attempt(mut self, attempt: u32) -> Self {
        self.attempt = attempt;
        self
    }

    /// Sets the time.
    #[must_use]
    pub fn at(mut self, at: Timestamp) -> Self {
        self.at = at;
        self
    }
}

impl Events {
    /// Creates a place that drops every event for free.
    #[must_use]
    pub fn none() -> Self {
        Self(None)
    }

    /// Creates a place that hands events to `sink`.
    #[must_use]
    pub fn to(sink: Arc<dyn EventSink>) -> Self {
        Self(Some(sink))
    }

    /// Emits the event that `make` returns, if anybody observes.
    pub fn emit(&self, make: impl FnOnce() -> RunEvent) {
        if let Some(sink) = &self.0 {
            sink.emit(make());
        }
    }

    /// Returns whether anybody observes.
    #[must_use]
    pub fn is_observed(&self) -> bool {
        self.0.is_some()
    }
}
