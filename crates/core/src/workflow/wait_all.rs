//! Waiting for all members of a group.

use std::fmt;
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::time::Duration;

use serde::de::DeserializeOwned;

use crate::manager::{RunHandle, TaskManager, WaitError, wait_for};
use crate::run::MAX_WAIT;

/// A wait for all members of a group: `.await` it for their values, in their order.
///
/// It ends with the error of the first member that ended without a value, once those before it have ended.
/// Dropping it changes nothing.
#[must_use = "nothing is waited for until this is awaited"]
pub struct WaitAll<'h, Out> {
    manager: &'h TaskManager,
    members: &'h [RunHandle<Out>],
    at_most: Duration,
}

impl<'h, Out> WaitAll<'h, Out> {
    pub(super) fn on(manager: &'h TaskManager, members: &'h [RunHandle<Out>]) -> Self {
        Self {
            manager,
            members,
            at_most: MAX_WAIT,
        }
    }

    /// Waits for so long at most, for all members together, a year at the most; without it, for a year.
    ///
    /// A wait that is over says [`WaitError::TimedOut`]; the runs go on.
    pub fn at_most(mut self, at_most: Duration) -> Self {
        self.at_most = at_most.min(MAX_WAIT);
        self
    }

    /// Waits on this thread.
    ///
    /// For synchronous bodies of CPU tasks, which have a thread of their own. In an asynchronous task it holds
    /// up all others of the same thread: `.await` the wait there.
    ///
    /// # Errors
    ///
    /// Returns an error if a member ended without a value, or cannot be waited for.
    pub fn blocking(self) -> Result<Vec<Out>, WaitError>
    where
        Out: DeserializeOwned + Send,
    {
        wait_for(self.into_future())
    }

    async fn values(self) -> Result<Vec<Out>, WaitError>
    where
        Out: DeserializeOwned + Send,
    {
        let at_most = self.at_most;
        let clock = self.manager.clock();
        let until = clock.monotonic().saturating_add(at_most);
        let mut values = Vec::with_capacity(self.members.len());
        for member in self.members {
            let left = until.saturating_since(clock.monotonic());
            let value = member.wait().at_most(left).await;
            values.push(value.map_err(|error| match error {
                // What was left for this member is not what was asked for.
                WaitError::TimedOut { .. } => WaitError::TimedOut { at_most },
                error => error,
            })?);
        }
        Ok(values)
    }
}

impl<'h, Out: DeserializeOwned + Send + 'h> IntoFuture for WaitAll<'h, Out> {
    type Output = Result<Vec<Out>, WaitError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send + 'h>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.values())
    }
}

impl<Out> fmt::Debug for WaitAll<'_, Out> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WaitAll")
            .field("members", &self.members.len())
            .field("at_most", &self.at_most)
            .finish()
    }
}
