//! The three-method broker: the least that somebody can write and use.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;

use aqueduct_core::{QueueName, TaskRun};

use crate::claim::LaneWant;
use crate::error::BrokerError;

/// A broker of three methods: put a run in, take a run out, tell the lengths.
///
/// The crate `aqueduct-broker-memory` turns it into a full [`Broker`](crate::Broker): a state machine
/// in the memory of the process stands in front of this store.
///
/// # What is where
///
/// In the store: every run that waits and may start at once. A run that a stopping consumer gives
/// back returns to the store, with its [checkpoint](aqueduct_core::run::Checkpoint): a store that keeps runs as
/// [`wire`](crate::wire) bytes keeps that too.
///
/// In the memory of the process, and lost with it, after a graceful stop as well:
///
/// - runs that are delayed, snoozed, parked or wait for a retry
/// - runs that a consumer of the process holds
/// - runs of a paused task that a claim has met
/// - runs whose [`SimpleBroker::queue_task`] had an unknown outcome, until it is repeated
/// - schedules, pauses, and the runs that are kept after their end
///
/// So the result says in its [`Capabilities`](crate::Capabilities) that it is neither durable nor
/// fenced.
///
/// # Errors
///
/// The kind of a [`BrokerError`] decides what the adapter does; see
/// [`BrokerErrorKind`](crate::BrokerErrorKind).
pub trait SimpleBroker: fmt::Debug + Send + Sync + 'static {
    /// Puts a run in: a new one, one that is given back, or one that was not wanted.
    ///
    /// A run whose `tally.attempt` is over 0 was given back. It goes before the others, so that it is the
    /// next to be served; a store that cannot do that serves it later.
    ///
    /// # Errors
    ///
    /// Returns an error if the run was not stored, or if that is unknown:
    ///
    /// - `LimitExceeded`: the store is full and nothing was stored. The producer is told that the
    ///   queue is full.
    /// - `Unavailable` or `Timeout`: unknown. The run stays in memory in front and may start from
    ///   there; the producer repeats the request, and the run is offered to the store again. The store
    ///   may get it twice, with the same id.
    /// - Any other kind: nothing was stored. The run is dropped and the producer gets the error.
    ///
    /// A run of a schedule, or one that is given back, is never dropped: it stays in front.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future may leave the run stored or not; the adapter takes it for unknown.
    fn queue_task(&self, run: TaskRun) -> impl Future<Output = Result<(), BrokerError>> + Send;

    /// Takes out the oldest run that `want` accepts, or returns `None` at once if there is none.
    ///
    /// One run a call, whatever `want.max` says; it is how many more the consumer has room for. A run
    /// that `want` does not accept is put back by [`SimpleBroker::queue_task`], which costs it its
    /// place; use [`LaneWant::accepts`], or its queues and lane in a query.
    ///
    /// # Errors
    ///
    /// Returns an error if the store did not answer. The consumer logs and counts it, and waits longer
    /// before each next try, 3 s at most.
    ///
    /// # Cancel safety
    ///
    /// A consumer that waited for as long as its lease drops the future of this call. A run that the
    /// call has taken out by then is lost, unless the store notices. A quarter of the lease after its
    /// begin, a claim that has runs asks for no more.
    fn get_task_run(
        &self,
        want: &LaneWant,
    ) -> impl Future<Output = Result<Option<TaskRun>, BrokerError>> + Send;

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
