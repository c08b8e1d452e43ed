//! The administrative seam: look up, list, pause, cancel, requeue, purge.

mod filter;
mod info;
mod pause;

pub use filter::{RunFilter, RunPage};
pub use info::{ConsumerInfo, Holder, LimitInfo, MAX_HELD_BY, TaskInfo, TurnInfo};
pub use pause::PauseScope;

use std::fmt;
use std::future::Future;

use aqueduct_core::key::Key;
use aqueduct_core::run::{CancelAnswer, Limit, Reason};
use aqueduct_core::{QueueName, RunId, TaskRun};

use crate::error::BrokerError;
use crate::key_holder::KeyHolder;

/// The most runs in one page, and in one administrative call.
pub const MAX_PAGE: usize = 512;

/// The bytes with which a page is full, however few runs it has: it ends with the run that reaches them.
pub const FULL_PAGE_BYTES: usize = 4 * 1024 * 1024;

/// Looks into a broker and steers it.
///
/// # Cancel safety
///
/// Dropping the future of any method may leave its step done or not done, never half done.
pub trait BrokerAdmin: fmt::Debug + Send + Sync + 'static {
    /// Returns each run as it is now, or `None` for one that the broker does not know.
    ///
    /// # Errors
    ///
    /// Returns an error if the broker did not answer, or more than [`MAX_PAGE`] are asked for.
    fn find(
        &self,
        runs: &[RunId],
    ) -> impl Future<Output = Result<Vec<Option<TaskRun>>, BrokerError>> + Send;

    /// Returns a page of the runs that match a filter: fewer than asked for where they have [`FULL_PAGE_BYTES`].
    ///
    /// # Errors
    ///
    /// Returns an error if the broker did not answer.
    fn list(&self, filter: &RunFilter)
    -> impl Future<Output = Result<RunPage, BrokerError>> + Send;

    /// Returns who holds each run, or `None` for one that nobody holds.
    ///
    /// # Errors
    ///
    /// Returns an error if the broker did not answer, or more than [`MAX_PAGE`] are asked for.
    fn holders(
        &self,
        runs: &[RunId],
    ) -> impl Future<Output = Result<Vec<Option<Holder>>, BrokerError>> + Send;

    /// Tells which runs hold unique keys; one answer a key, in order, `None` for a free one.
    ///
    /// Keys are at most [`MAX_PAGE`].
    ///
    /// # Errors
    ///
    /// Returns an error if there are too many keys, or the broker did not answer.
    fn key_holders(
        &self,
        keys: &[Key],
    ) -> impl Future<Output = Result<Vec<Option<KeyHolder>>, BrokerError>> + Send;

    /// Asks for the end of runs; returns one answer a run, in order.
    ///
    /// A run that waits ends at once. For a running one the request outlives the attempt: whatever its
    /// consumer settles, or if it dies, the run ends and never starts again.
    ///
    /// # Errors
    ///
    /// Returns an error if the broker did not answer.
    fn cancel(
        &self,
        runs: &[RunId],
        reason: Reason,
    ) -> impl Future<Output = Result<Vec<CancelAnswer>, BrokerError>> + Send;

    /// Queues ended runs anew, with fresh budgets; returns which of them were.
    ///
    /// # Errors
    ///
    /// Returns an error if the broker did not answer.
    fn requeue(
        &self,
        runs: &[RunId],
    ) -> impl Future<Output = Result<Vec<bool>, BrokerError>> + Send;

    /// Removes ended runs and what was kept of them; returns which of them were.
    ///
    /// A run that has not ended stays as it is.
    ///
    /// # Errors
    ///
    /// Returns an error if the broker did not answer, or more than [`MAX_PAGE`] are given.
    fn discard(
        &self,
        runs: &[RunId],
    ) -> impl Future<Output = Result<Vec<bool>, BrokerError>> + Send;

    /// Removes up to [`MAX_PAGE`] waiting or delayed runs of a queue; returns how many: fewer only if no more are
    /// there. A follow-up of one that is removed ends as if that had been cancelled.
    ///
    /// # Errors
    ///
    /// Returns an error if the broker did not answer.
    fn purge(&self, queue: &QueueName) -> impl Future<Output = Result<usize, BrokerError>> + Send;

    /// Stops or resumes the claiming of runs.
    ///
    /// # Errors
    ///
    /// Returns an error if the broker did not answer.
    fn set_paused(
        &self,
        scope: &PauseScope,
        paused: bool,
    ) -> impl Future<Output = Result<(), BrokerError>> + Send;

    /// Returns what is paused.
    ///
    /// # Errors
    ///
    /// Returns an error if the broker did not answer.
    fn paused(&self) -> impl Future<Output = Result<Vec<PauseScope>, BrokerError>> + Send;

    /// Returns what is known of each task that has ended a run.
    ///
    /// # Errors
    ///
    /// Returns an error if the broker did not answer.
    fn tasks(&self) -> impl Future<Output = Result<Vec<TaskInfo>, BrokerError>> + Send;

    /// Returns the consumers whose lease has not run out.
    ///
    /// # Errors
    ///
    /// Returns an error if the broker did not answer.
    fn consumers(&self) -> impl Future<Output = Result<Vec<ConsumerInfo>, BrokerError>> + Send;

    /// Returns how each of these limits stands, in order; with none, up to [`MAX_PAGE`] that are in use.
    ///
    /// # Errors
    ///
    /// Returns an error if the broker did not answer, or more than [`MAX_PAGE`] are asked for.
    fn limits(
        &self,
        limits: &[Limit],
    ) -> impl Future<Output = Result<Vec<LimitInfo>, BrokerError>> + Send;

    /// Returns where a run stands that takes turns with those of other fair keys; `None` for any other, for one that is not
    /// ready, and for one that stands too far behind to be looked for.
    ///
    /// # Errors
    ///
    /// Returns an error if the broker did not answer.
    fn turn(
        &self,
        run: RunId,
    ) -> impl Future<Output = Result<Option<TurnInfo>, BrokerError>> + Send;

    /// Returns how many entries of the store cannot be read as runs, and were set aside for somebody to look at.
    ///
    /// # Errors
    ///
    /// Returns an error if the broker did not answer.
    fn unreadable(&self) -> impl Future<Output = Result<u64, BrokerError>> + Send;
}
