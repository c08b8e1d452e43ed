//! A handle on a run that was queued.

use std::fmt;
use std::marker::PhantomData;

use super::error::QueueError;
use crate::id::RunId;
use crate::queue::Enqueued;

/// A handle on a queued run whose task returns `Out`.
pub struct RunHandle<Out> {
    id: RunId,
    is_new: bool,
    output: PhantomData<fn() -> Out>,
}

impl<Out> RunHandle<Out> {
    pub(super) fn from_answer(id: RunId, answer: Enqueued) -> Result<Self, QueueError> {
        match answer {
            Enqueued::Accepted(_) => Ok(Self {
                id,
                is_new: true,
                output: PhantomData,
            }),
            Enqueued::Duplicate(id) => Ok(Self {
                id,
                is_new: false,
                output: PhantomData,
            }),
            Enqueued::QueueFull => Err(QueueError::queue_full()),
        }
    }

    /// Returns the identity of the run.
    #[must_use]
    pub fn id(&self) -> RunId {
        self.id
    }

    /// Returns whether this call added the run; false if another one held its unique key.
    #[must_use]
    pub fn is_new(&self) -> bool {
        self.is_new
    }
}

impl<Out> Clone for RunHandle<Out> {
    fn clone(&self) -> Self {
        Self {
            id: self.id,
            is_new: self.is_new,
            output: PhantomData,
        }
    }
}

impl<Out> fmt::Debug for RunHandle<Out> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunHandle")
            .field("id", &self.id)
            .field("is_new", &self.is_new)
            .finish()
    }
}
