//! What consumer and worker say to each other beyond frames; both are one build.

#[cfg(test)]
mod tests;

use std::time::Duration;

use aqueduct_broker_api::wire::{self as envelope, WireError};
use aqueduct_core::checkpoint::CheckpointErrorKind;
use aqueduct_core::manager::{QueueError, QueueErrorKind};
use aqueduct_core::payload::{Payload, PayloadError};
use aqueduct_core::queue::{Due, Enqueued};
use aqueduct_core::run::{CancelAnswer, Lineage, RunOptions, WaitAnswer};
use aqueduct_core::task::TaskErrorKind;
use aqueduct_core::{
    Lane, Priority, QueueName, QueuedTask, RunId, RunState, TaskError, TaskName, Timestamp,
};
use serde::{Deserialize, Serialize};

/// Something that only the consumer can do.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::cpu) enum Request {
    Enqueue(Vec<Queued>),
    Find(RunId),
    Cancel {
        run: RunId,
        reason: String,
    },
    WaitEnded {
        run: RunId,
        at_most: Duration,
    },
    Pause(Duration),
    Checkpoint {
        number: u32,
        #[serde(with = "serde_bytes")]
        value: Vec<u8>,
    },
}

/// What became of a request.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::cpu) enum Reply {
    Enqueued(Vec<Answer>),
    /// The envelope of a run.
    Found(#[serde(with = "serde_bytes")] Option<Vec<u8>>),
    Cancelled(Cancelled),
    Waited(Waited),
    Paused,
    Checkpointed,
    NotKept(NotKept, String),
    Failed(Problem, String),
}

/// A task on its way to the broker. Its lineage is not here: the consumer knows it better.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::cpu) struct Queued {
    id: RunId,
    task: TaskName,
    queue: QueueName,
    lane: Lane,
    priority: Priority,
    due: Start,
    expires_in: Option<Duration>,
    #[serde(with = "serde_bytes")]
    payload: Vec<u8>,
    #[serde(with = "serde_bytes")]
    input: Option<Vec<u8>>,
    options: Option<Box<RunOptions>>,
    with_previous: bool,
}

#[derive(Debug, Serialize, Deserialize)]
enum Start {
    Now,
    After(Duration),
    At(Timestamp),
}

/// What became of one task.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::cpu) enum Answer {
    Accepted { is_scheduled: bool },
    Duplicate(RunId),
    Replaced(RunId),
    KeyTaken(RunId),
    QueueFull { limit: Option<u64> },
}

/// [`CancelAnswer`], as bytes.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(in crate::cpu) enum Cancelled {
    AtOnce,
    Requested,
    AlreadyEnded(RunState),
    Unknown,
}

/// [`WaitAnswer`], as bytes.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::cpu) enum Waited {
    /// The envelope of the run.
    Ended(#[serde(with = "serde_bytes")] Vec<u8>),
    NotYet,
    Unknown,
}

/// [`QueueErrorKind`], as bytes.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(in crate::cpu) enum Problem {
    UnknownTask,
    InvalidParams,
    LimitExceeded,
    Contradiction,
    QueueFull,
    KeyTaken,
    NotSupported,
    Unavailable,
    Refused,
}

/// [`CheckpointErrorKind`], as bytes.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(in crate::cpu) enum NotKept {
    InvalidValue,
    LeaseLost,
    NotSupported,
    Full,
    Unavailable,
    Refused,
}

/// What the error of a task asks for; its message is beside it.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::cpu) enum Asked {
    Retry,
    RetryAfter(Duration),
    RetryKeyAfter(Duration),
    Fatal,
    Cancel(String),
    Snooze(Duration),
    InvalidResult,
    NotRunnable,
}

impl Queued {
    pub(in crate::cpu) fn of(task: QueuedTask) -> Self {
        Self {
            id: task.id,
            task: task.task,
            queue: task.queue,
            lane: task.lane,
            priority: task.priority,
            due: match task.due {
                Due::Now => Start::Now,
                Due::After(wait) => Start::After(wait),
                Due::At(time) => Start::At(time),
            },
            expires_in: task.expires_in,
            payload: task.payload.as_bytes().to_vec(),
            input: task.input.map(|input| input.as_bytes().to_vec()),
            options: task.options,
            with_previous: task.with_previous,
        }
    }

    /// Returns the task, as one that the run of `lineage` has queued.
    pub(in crate::cpu) fn into_task(self, lineage: Lineage) -> Result<QueuedTask, QueueError> {
        let invalid =
            |error: PayloadError| QueueError::new(QueueErrorKind::InvalidParams, error.to_string());
        let payload = Payload::from_bytes(&self.payload).map_err(invalid)?;
        let input = self.input.as_deref().map(Payload::gathered).transpose();
        let mut task = QueuedTask::new(self.id, self.task, payload);
        task.input = input.map_err(invalid)?;
        task.with_previous = self.with_previous;
        task.queue = self.queue;
        task.lane = self.lane;
        task.priority = self.priority;
        task.due = match self.due {
            Start::Now => Due::Now,
            Start::After(wait) => Due::After(wait),
            Start::At(time) => Due::At(time),
        };
        task.expires_in = self.expires_in;
        task.options = self.options;
        task.lineage = lineage;
        Ok(task)
    }
}

impl Answer {
    pub(in crate::cpu) fn of(answer: Enqueued) -> Self {
        match answer {
            Enqueued::Accepted(state) => Self::Accepted {
                is_scheduled: state == RunState::Scheduled,
            },
            Enqueued::Duplicate(run) => Self::Duplicate(run),
            Enqueued::Replaced(run) => Self::Replaced(run),
            Enqueued::KeyTaken(run) => Self::KeyTaken(run),
            Enqueued::QueueFull { limit } => Self::QueueFull { limit },
            _ => Self::QueueFull { limit: None },
        }
    }

    pub(in crate::cpu) fn into_enqueued(self) -> Enqueued {
        match self {
            Self::Accepted { is_scheduled: true } => Enqueued::Accepted(RunState::Scheduled),
            Self::Accepted { .. } => Enqueued::Accepted(RunState::Queued),
            Self::Duplicate(run) => Enqueued::Duplicate(run),
            Self::Replaced(run) => Enqueued::Replaced(run),
            Self::KeyTaken(run) => Enqueued::KeyTaken(run),
            Self::QueueFull { limit } => Enqueued::QueueFull { limit },
        }
    }
}

impl Cancelled {
    pub(in crate::cpu) fn of(answer: CancelAnswer) -> Self {
        match answer {
            CancelAnswer::Cancelled => Self::AtOnce,
            CancelAnswer::Requested => Self::Requested,
            CancelAnswer::AlreadyEnded(state) => Self::AlreadyEnded(state),
            _ => Self::Unknown,
        }
    }

    pub(in crate::cpu) fn into_answer(self) -> CancelAnswer {
        match self {
            Self::AtOnce => CancelAnswer::Cancelled,
            Self::Requested => CancelAnswer::Requested,
            Self::AlreadyEnded(state) => CancelAnswer::AlreadyEnded(state),
            Self::Unknown => CancelAnswer::Unknown,
        }
    }
}

impl Waited {
    pub(in crate::cpu) fn of(answer: WaitAnswer) -> Result<Self, WireError> {
        Ok(match answer {
            WaitAnswer::Ended(run) => Self::Ended(envelope::encode(&run)?),
            WaitAnswer::NotYet => Self::NotYet,
            WaitAnswer::Unknown => Self::Unknown,
        })
    }

    pub(in crate::cpu) fn into_answer(self) -> Result<WaitAnswer, WireError> {
        Ok(match self {
            Self::Ended(bytes) => WaitAnswer::Ended(Box::new(envelope::decode(&bytes)?)),
            Self::NotYet => WaitAnswer::NotYet,
            Self::Unknown => WaitAnswer::Unknown,
        })
    }
}

impl Problem {
    pub(in crate::cpu) fn of(kind: QueueErrorKind) -> Self {
        match kind {
            QueueErrorKind::UnknownTask => Self::UnknownTask,
            QueueErrorKind::InvalidParams => Self::InvalidParams,
            QueueErrorKind::LimitExceeded => Self::LimitExceeded,
            QueueErrorKind::Contradiction => Self::Contradiction,
            QueueErrorKind::QueueFull => Self::QueueFull,
            QueueErrorKind::KeyTaken => Self::KeyTaken,
            QueueErrorKind::NotSupported => Self::NotSupported,
            QueueErrorKind::Unavailable => Self::Unavailable,
            _ => Self::Refused,
        }
    }

    pub(in crate::cpu) fn kind(self) -> QueueErrorKind {
        match self {
            Self::UnknownTask => QueueErrorKind::UnknownTask,
            Self::InvalidParams => QueueErrorKind::InvalidParams,
            Self::LimitExceeded => QueueErrorKind::LimitExceeded,
            Self::Contradiction => QueueErrorKind::Contradiction,
            Self::QueueFull => QueueErrorKind::QueueFull,
            Self::KeyTaken => QueueErrorKind::KeyTaken,
            Self::NotSupported => QueueErrorKind::NotSupported,
            Self::Unavailable => QueueErrorKind::Unavailable,
            Self::Refused => QueueErrorKind::Refused,
        }
    }
}

impl NotKept {
    pub(in crate::cpu) fn of(kind: CheckpointErrorKind) -> Self {
        match kind {
            CheckpointErrorKind::InvalidValue => Self::InvalidValue,
            CheckpointErrorKind::LeaseLost => Self::LeaseLost,
            CheckpointErrorKind::NotSupported => Self::NotSupported,
            CheckpointErrorKind::Full => Self::Full,
            CheckpointErrorKind::Unavailable => Self::Unavailable,
            _ => Self::Refused,
        }
    }

    pub(in crate::cpu) fn kind(self) -> CheckpointErrorKind {
        match self {
            Self::InvalidValue => CheckpointErrorKind::InvalidValue,
            Self::LeaseLost => CheckpointErrorKind::LeaseLost,
            Self::NotSupported => CheckpointErrorKind::NotSupported,
            Self::Full => CheckpointErrorKind::Full,
            Self::Unavailable => CheckpointErrorKind::Unavailable,
            Self::Refused => CheckpointErrorKind::Refused,
        }
    }
}

impl Asked {
    /// Takes the error of a task apart: what it asks for, and its message.
    pub(in crate::cpu) fn of(error: TaskError) -> (Self, String) {
        let message = error.to_string();
        let asked = match error.into_kind() {
            TaskErrorKind::RetryAfter(wait, _) => Self::RetryAfter(wait),
            TaskErrorKind::RetryKeyAfter(wait, _) => Self::RetryKeyAfter(wait),
            TaskErrorKind::Fatal(_) => Self::Fatal,
            TaskErrorKind::Cancel(reason) => Self::Cancel(reason.as_str().to_owned()),
            TaskErrorKind::Snooze(wait) => Self::Snooze(wait),
            TaskErrorKind::InvalidResult(_) => Self::InvalidResult,
            TaskErrorKind::InvalidParams(_) => Self::NotRunnable,
            _ => Self::Retry,
        };
        (asked, message)
    }

    /// Puts the error together again; `None` if the run cannot be executed at all.
    pub(in crate::cpu) fn into_error(self, message: String) -> Option<TaskError> {
        let error = anyhow::Error::msg(message);
        Some(match self {
            Self::Retry => TaskError::new(error),
            Self::RetryAfter(wait) => TaskError::retry_after(wait, error),
            Self::RetryKeyAfter(wait) => TaskError::retry_key_after(wait, error),
            Self::Fatal => TaskError::fatal(error),
            Self::Cancel(reason) => TaskError::cancel(reason),
            Self::Snooze(wait) => TaskError::snooze(wait),
            Self::InvalidResult => TaskErrorKind::InvalidResult(error).into(),
            Self::NotRunnable => return None,
        })
    }
}
