//! Queueing a call and waiting for its value, in one.

use std::fmt;
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::time::Duration;

use serde::de::DeserializeOwned;

use super::blocking::wait_for;
use super::call::{Queue, TaskCall};
use super::target::QueueTarget;
use super::wait::WaitError;
use crate::run::MAX_WAIT;

/// How long the result of a call is kept that is queued to be waited for, unless the call or its task
/// says otherwise.
pub const KEPT_FOR_A_WAIT: Duration = Duration::from_mins(5);

/// A call on its way, and the wait for its value: `.await` it for both.
///
/// A task that waits for another keeps its place meanwhile; see the guide on waiting.
#[must_use = "nothing is queued until this is awaited"]
pub struct QueueAndWait<'m, Out> {
    queue: Queue<'m, Out>,
    at_most: Duration,
}

impl<'m, Out> QueueAndWait<'m, Out> {
    /// Creates a call that will be queued on `target` and waited for when it is awaited.
    pub fn new(target: &'m (impl QueueTarget + ?Sized), call: TaskCall<Out>) -> Self {
        Self {
            queue: Queue::new(target, call.keeping_for(KEPT_FOR_A_WAIT)),
            at_most: MAX_WAIT,
        }
    }

    /// Waits for so long at most after the task was queued, a year at the most; without it, for a year.
    pub fn at_most(mut self, at_most: Duration) -> Self {
        self.at_most = at_most;
        self
    }

    /// Queues the call and waits for its value, on this thread.
    ///
    /// For synchronous bodies of CPU tasks, which have a thread of their own. In an asynchronous task
    /// it holds up all others of the same thread: `.await` the call there.
    ///
    /// # Errors
    ///
    /// Returns an error if the call was not queued, or ended without a value.
    pub fn blocking(self) -> Result<Out, WaitError>
    where
        Out: DeserializeOwned,
    {
        wait_for(self.into_future())
    }
}

impl<'m, Out: DeserializeOwned + 'm> IntoFuture for QueueAndWait<'m, Out> {
    type Output = Result<Out, WaitError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send + 'm>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let handle = self.queue.await?;
            handle.wait().at_most(self.at_most).await
        })
    }
}

impl<Out> fmt::Debug for QueueAndWait<'_, Out> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QueueAndWait")
            .field("queue", &self.queue)
            .field("at_most", &self.at_most)
            .finish()
    }
}
