//! A handle on a run: waits for its value, cancels it, looks it up.

use std::fmt;
use std::marker::PhantomData;

use super::TaskManager;
use super::error::QueueError;
use super::target::QueueTarget;
use super::wait::Wait;
use crate::id::RunId;
use crate::name::QueueName;
use crate::queue::{Enqueued, QueuedTask};
use crate::run::{CancelAnswer, TaskRun};

/// A handle on a run whose task returns `Out`; cheap to clone.
///
/// It is made by queueing, or from the id of a run in any process: `name::handle(&manager, id)`.
pub struct RunHandle<Out> {
    manager: TaskManager,
    id: RunId,
    is_new: bool,
    has_replaced: bool,
    /// Whether the run keeps its result; `None` if this process has not queued it.
    keeps_result: Option<bool>,
    output: PhantomData<fn() -> Out>,
}

/// What is known of a call once it is on its way.
pub(super) struct Sent {
    id: RunId,
    queue: QueueName,
    keeps_result: bool,
}

impl Sent {
    pub(super) fn of(task: &QueuedTask) -> Self {
        let options = task.options.as_ref();
        Self {
            id: task.id,
            queue: task.queue.clone(),
            keeps_result: options.is_some_and(|options| options.keep_result.is_some()),
        }
    }
}

impl<Out> RunHandle<Out> {
    /// Creates a handle on a run that was queued before, perhaps by another process.
    ///
    /// `Out` is the type that its task returns; prefer `name::handle`, which knows it.
    pub fn new(target: &(impl QueueTarget + ?Sized), id: RunId) -> Self {
        Self {
            manager: target.manager().without_parent(),
            id,
            is_new: false,
            has_replaced: false,
            keeps_result: None,
            output: PhantomData,
        }
    }

    pub(super) fn from_answer(
        manager: &TaskManager,
        sent: Sent,
        answer: Enqueued,
    ) -> Result<Self, QueueError> {
        let Sent {
            id,
            queue,
            keeps_result,
        } = sent;
        match answer {
            Enqueued::Accepted(_) => Ok(Self {
                is_new: true,
                keeps_result: Some(keeps_result),
                ..Self::new(manager, id)
            }),
            Enqueued::Duplicate(id) => Ok(Self::new(manager, id)),
            Enqueued::Replaced(id) => Ok(Self {
                has_replaced: true,
                keeps_result: Some(keeps_result),
                ..Self::new(manager, id)
            }),
            Enqueued::KeyTaken(holder) => Err(QueueError::key_taken(holder)),
            Enqueued::QueueFull { limit } => Err(QueueError::queue_full(&[(queue, limit)])),
        }
    }

    /// Returns the identity of the run.
    #[must_use]
    pub fn id(&self) -> RunId {
        self.id
    }

    /// Returns whether queueing added the run; false if another one stands for it, by a unique key or an
    /// idempotency key, and of a handle that was made from an id.
    #[must_use]
    pub fn is_new(&self) -> bool {
        self.is_new
    }

    /// Returns whether queueing gave the parameters of the call to this run, which waited with the same
    /// unique key.
    #[must_use]
    pub fn has_replaced(&self) -> bool {
        self.has_replaced
    }

    /// Waits for the final state of the run: `.await` it for the value that its task returned.
    ///
    /// The run must keep its result: [`WaitError::NotKept`](super::WaitError::NotKept) and
    /// [`WaitError::Unknown`](super::WaitError::Unknown) say so if it does not.
    pub fn wait(&self) -> Wait<'_, Out> {
        Wait::on(self)
    }

    /// Asks for the end of the run; the answer says what happened.
    ///
    /// A run that waits is cancelled at once; a running task is told, and ends soon.
    ///
    /// # Errors
    ///
    /// Returns an error if the broker did not answer.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future may leave the run cancelled or not.
    pub async fn cancel(&self, reason: impl Into<String>) -> Result<CancelAnswer, QueueError> {
        self.manager.cancel(self.id, reason).await
    }

    /// Returns the run as the broker knows it now, if it still does.
    ///
    /// # Errors
    ///
    /// Returns an error if the broker did not answer.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future changes nothing.
    pub async fn find(&self) -> Result<Option<TaskRun>, QueueError> {
        self.manager.find(self.id).await
    }

    pub(crate) fn manager(&self) -> &TaskManager {
        &self.manager
    }

    pub(super) fn keeps_result(&self) -> Option<bool> {
        self.keeps_result
    }
}

impl<Out> Clone for RunHandle<Out> {
    fn clone(&self) -> Self {
        Self {
            manager: self.manager.clone(),
            id: self.id,
            is_new: self.is_new,
            has_replaced: self.has_replaced,
            keeps_result: self.keeps_result,
            output: PhantomData,
        }
    }
}

impl<Out> fmt::Debug for RunHandle<Out> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunHandle")
            .field("id", &self.id)
            .field("is_new", &self.is_new)
            .finish_non_exhaustive()
    }
}
