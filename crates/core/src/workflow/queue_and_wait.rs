//! Queueing a workflow and waiting for what it returns, in one.

use std::fmt;
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::time::Duration;

use crate::manager::{WaitError, wait_for};
use crate::run::MAX_WAIT;

/// A workflow on its way, and the wait for what it returns, an `Out`: `.await` it for both.
///
/// Dropping it once it was polled may leave the whole workflow queued or none of it.
#[must_use = "nothing is queued until this is awaited"]
pub struct QueueAndWaitWorkflow<'m, Out> {
    /// Queues it, and waits so long at most.
    work: Box<dyn FnOnce(Duration) -> Work<'m, Out> + Send + 'm>,
    at_most: Duration,
}

type Work<'m, Out> = Pin<Box<dyn Future<Output = Result<Out, WaitError>> + Send + 'm>>;

impl<'m, Out> QueueAndWaitWorkflow<'m, Out> {
    pub(super) fn new<F>(work: impl FnOnce(Duration) -> F + Send + 'm) -> Self
    where
        F: Future<Output = Result<Out, WaitError>> + Send + 'm,
    {
        Self {
            work: Box::new(|at_most| Box::pin(work(at_most))),
            at_most: MAX_WAIT,
        }
    }

    /// Waits for so long at most after the workflow was queued, a year at the most; without it, for a year.
    ///
    /// A wait that is over says [`WaitError::TimedOut`]; the runs go on. To cancel them then, queue the workflow
    /// and wait on its handle.
    pub fn at_most(mut self, at_most: Duration) -> Self {
        self.at_most = at_most;
        self
    }

    /// Queues the workflow and waits for what it returns, on this thread.
    ///
    /// For synchronous bodies of CPU tasks, which have a thread of their own. In an asynchronous task it holds
    /// up all others of the same thread: `.await` the workflow there.
    ///
    /// # Errors
    ///
    /// Returns an error if the workflow was not queued, or a run that is waited for ended without a value.
    pub fn blocking(self) -> Result<Out, WaitError> {
        wait_for(self.into_future())
    }
}

impl<'m, Out> IntoFuture for QueueAndWaitWorkflow<'m, Out> {
    type Output = Result<Out, WaitError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send + 'm>>;

    fn into_future(self) -> Self::IntoFuture {
        (self.work)(self.at_most)
    }
}

impl<Out> fmt::Debug for QueueAndWaitWorkflow<'_, Out> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QueueAndWaitWorkflow")
            .field("at_most", &self.at_most)
            .finish_non_exhaustive()
    }
}
