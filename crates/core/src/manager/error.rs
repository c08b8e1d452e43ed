//! The error of queueing a task.

use std::error::Error;
use std::fmt;

use crate::id::RunId;
use crate::name::{QueueName, TaskName};

/// Why a task was not queued, or why the broker did not answer.
#[derive(Debug)]
pub struct QueueError {
    kind: QueueErrorKind,
    message: String,
    holder: Option<RunId>,
    source: Option<Box<dyn Error + Send + Sync>>,
}

/// The ways in which queueing can go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum QueueErrorKind {
    /// No task of that name is registered.
    UnknownTask,
    /// The parameters do not fit the task.
    InvalidParams,
    /// The parameters or an option are over a limit.
    LimitExceeded,
    /// Two options of the call contradict each other.
    Contradiction,
    /// The queue has reached its length limit, or the broker has no room left: later there may be room.
    QueueFull,
    /// Another run holds the unique key, and the call asked to be refused then, or cannot replace it.
    KeyTaken,
    /// The broker lacks what the call asks for.
    NotSupported,
    /// The broker did not answer: the task may be queued or not.
    Unavailable,
    /// The broker or a layer refused, and a repetition would not help.
    Refused,
}

impl QueueError {
    /// Creates an error of `kind` with a message.
    #[must_use]
    pub fn new(kind: QueueErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            holder: None,
            source: None,
        }
    }

    /// Adds the cause.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    pub(super) fn unknown_task(name: &str, nearest: Option<&TaskName>) -> Self {
        let shown: String = name.chars().take(MAX_SHOWN_NAME).collect();
        let hint = match nearest {
            Some(nearest) => format!("did you mean `{nearest}`?"),
            None => "add it with `.tasks(tasks![…])`".to_owned(),
        };
        let message = format!(
            "no task named `{}` is registered; {hint}",
            shown.escape_debug()
        );
        Self::new(QueueErrorKind::UnknownTask, message)
    }

    /// Creates the error of runs that a queue has no room for: one queue a run, with its length limit.
    ///
    /// Of several, which are stored together or not at all, one of the queues has no room.
    #[must_use]
    pub fn queue_full(runs: &[(QueueName, Option<u64>)]) -> Self {
        let mut queues: Vec<String> = runs.iter().map(shown).collect();
        queues.dedup();
        let queues = queues.join(" or ");
        let problem = match runs.len() {
            ..=1 => "is full".to_owned(),
            several => format!("has no room for {several} runs that belong together"),
        };
        let message = format!(
            "the queue {queues} {problem}; try again later, wait with `waiting_for_room`, start more consumers, \
             or raise its `max_queue_length`"
        );
        Self::new(QueueErrorKind::QueueFull, message)
    }

    pub(crate) fn key_taken(holder: RunId) -> Self {
        let message = format!(
            "nothing was queued: run {holder} holds the unique key, and the call asks to be refused then, or cannot \
             replace that run, which has begun or is of another task; queue it when that run has given the key back"
        );
        Self {
            holder: Some(holder),
            ..Self::new(QueueErrorKind::KeyTaken, message)
        }
    }

    pub(crate) fn no_answer() -> Self {
        Self::new(
            QueueErrorKind::Refused,
            "the broker returned no answer for the task",
        )
    }

    /// Returns what went wrong.
    #[must_use]
    pub fn kind(&self) -> QueueErrorKind {
        self.kind
    }

    /// Returns the run that holds the unique key, if that is why the call was refused.
    #[must_use]
    pub fn holder(&self) -> Option<RunId> {
        self.holder
    }

    /// Returns whether the call failed for a reason that may be gone in a moment, so that it is worth repeating.
    ///
    /// A unique key that is taken is none: the broker did what the call asked for.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        matches!(
            self.kind,
            QueueErrorKind::Unavailable | QueueErrorKind::QueueFull
        )
    }
}

impl fmt::Display for QueueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for QueueError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source
            .as_deref()
            .map(|source| source as &(dyn Error + 'static))
    }
}

/// Writes a queue with how many unended runs it may have.
fn shown((queue, limit): &(QueueName, Option<u64>)) -> String {
    match limit {
        Some(limit) => format!("`{queue}` (max_queue_length={limit})"),
        None => format!("`{queue}`"),
    }
}

/// How much of an unknown name is shown.
const MAX_SHOWN_NAME: usize = 80;
