//! The three-method broker: the least that somebody can write and use.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;

use aqueduct_core::{QueueName, TaskRun};

use crate::error::BrokerError;

/// A broker of three methods: put a run in, take a run out, tell the lengths.
///
/// The crate `aqueduct-broker-memory` turns it into a full [`Broker`](crate::Broker): delays,
/// leases, retries and schedules are kept in the memory of the process, in front of this store. The
/// result says in its [`Capabilities`](crate::Capabilities) that it is neither durable nor fenced: a
/// run that was taken out and not finished is lost with the process.
pub trait SimpleBroker: fmt::Debug + Send + Sync + 'static {
    /// Puts a run in.
    ///
    /// # Errors
    ///
    /// Returns an error if the run was not stored.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future may leave the run stored or not.
    fn queue_task(&self, run: TaskRun) -> impl Future<Output = Result<(), BrokerError>> + Send;

    /// Takes the next run out, or returns `None` at once if there is none.
    ///
    /// # Errors
    ///
    /// Returns an error if the store did not answer.
    ///
    /// # Cancel safety
    ///
    /// The caller never drops the future before it ends.
    fn get_task_run(&self) -> impl Future<Output = Result<Option<TaskRun>, BrokerError>> + Send;

    /// Returns how many runs wait, by queue.
    ///
    /// # Errors
    ///
    /// Returns an error if the store did not answer.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future changes nothing.
    fn queue_length(
        &self,
    ) -> impl Future<Output = Result<BTreeMap<QueueName, u64>, BrokerError>> + Send;
}
