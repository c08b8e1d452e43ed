//! Waiting for the end of a run, from any process.

use std::fmt;
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::time::Duration;

use serde::de::DeserializeOwned;

use super::blocking::wait_for;
use super::error::QueueError;
use super::handle::RunHandle;
use crate::payload::{Payload, PayloadError};
use crate::run::{Failure, FailureKind, MAX_WAIT, Reason, RunState, TaskRun, WaitAnswer};

/// A wait for the final state of a run: `.await` it for the value that its task returned.
///
/// It ends with the run, not with its first attempt, and does not ask again and again meanwhile. A
/// broker that does not answer for a while is waited for as well; dropping the wait changes nothing.
#[must_use = "nothing is waited for until this is awaited"]
pub struct Wait<'h, Out> {
    handle: &'h RunHandle<Out>,
    at_most: Duration,
}

/// Why a wait returned no value.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WaitError {
    /// The run failed for good.
    #[error("the run failed after {attempts} attempts: {failure}")]
    Failed {
        /// Why its last attempt failed.
        failure: Failure,
        /// How many attempts were made, those that were given back included.
        attempts: u32,
    },
    /// The run was cancelled, by its task or from outside.
    #[error("the run was cancelled: {reason}")]
    Cancelled {
        /// Who asked, or why.
        reason: Reason,
    },
    /// The run was not started before its deadline.
    #[error("the run expired: it was not started in time")]
    Expired,
    /// The run had not ended when the time of the wait was over; it goes on.
    #[error("the run has not ended within {at_most:?}; it goes on")]
    TimedOut {
        /// How long was waited.
        at_most: Duration,
    },
    /// The run was queued without a kept result: nothing would be left to wait for.
    #[error(
        "the run keeps no result, so nobody can wait for it: queue it with `.keep_result(…)`, or give \
         its task `keep_result = \"1h\"`"
    )]
    NotKept,
    /// The broker has nothing of the run.
    #[error(
        "the broker has nothing of the run: it keeps no result (`keep_result`), or no longer, or was \
         never queued"
    )]
    Unknown,
    /// The task was not queued, or the broker refused to let wait.
    #[error("it was not queued, or cannot be waited for")]
    Broker(#[from] QueueError),
    /// The value is of another type than the handle, or than `()` where the call was by name: say the type with
    /// [`RunHandle::new`].
    #[error(
        "the value is not of the type of its handle: of a call by name, say it with \
         `RunHandle::<T>::new(&manager, id)`"
    )]
    Value(#[from] PayloadError),
}

impl<'h, Out> Wait<'h, Out> {
    pub(super) fn on(handle: &'h RunHandle<Out>) -> Self {
        Self {
            handle,
            at_most: MAX_WAIT,
        }
    }

    /// Waits for so long at most, a year at the most; without it, for a year.
    ///
    /// A wait that is over says [`WaitError::TimedOut`]; the run goes on.
    pub fn at_most(mut self, at_most: Duration) -> Self {
        self.at_most = at_most.min(MAX_WAIT);
        self
    }

    /// Waits on this thread.
    ///
    /// For synchronous bodies of CPU tasks, which have a thread of their own. In an asynchronous task
    /// it holds up all others of the same thread: `.await` the wait there.
    ///
    /// # Errors
    ///
    /// Returns an error if the run ended without a value, or cannot be waited for.
    pub fn blocking(self) -> Result<Out, WaitError>
    where
        Out: DeserializeOwned,
    {
        wait_for(self.into_future())
    }

    async fn value(self) -> Result<Out, WaitError>
    where
        Out: DeserializeOwned,
    {
        let (handle, at_most) = (self.handle, self.at_most);
        if handle.keeps_result() == Some(false) {
            return Err(WaitError::NotKept);
        }
        match handle.manager().wait_ended(handle.id(), at_most).await? {
            WaitAnswer::Ended(run) => value_of(*run),
            WaitAnswer::NotYet => Err(WaitError::TimedOut { at_most }),
            WaitAnswer::Unknown => Err(WaitError::Unknown),
        }
    }
}

/// Returns the value of an ended run, or why there is none.
fn value_of<Out: DeserializeOwned>(run: TaskRun) -> Result<Out, WaitError> {
    let attempts = run.tally.attempt;
    let record = run.record.unwrap_or_default();
    match run.state {
        RunState::Succeeded => {
            let value = record.result.map_or_else(|| Payload::encode(&()), Ok)?;
            Ok(value.decode()?)
        }
        RunState::Cancelled => Err(WaitError::Cancelled {
            reason: record.reason.unwrap_or_else(|| Reason::new("no reason")),
        }),
        RunState::Expired => Err(WaitError::Expired),
        // Brokers answer with runs that have ended.
        _ => Err(WaitError::Failed {
            failure: record
                .failure
                .unwrap_or_else(|| Failure::new(FailureKind::Error, "nothing is known of it")),
            attempts,
        }),
    }
}

impl<'h, Out: DeserializeOwned + 'h> IntoFuture for Wait<'h, Out> {
    type Output = Result<Out, WaitError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send + 'h>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.value())
    }
}

impl<Out> fmt::Debug for Wait<'_, Out> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wait")
            .field("run", &self.handle.id())
            .field("at_most", &self.at_most)
            .finish()
    }
}
