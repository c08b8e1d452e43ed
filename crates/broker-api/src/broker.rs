//! The contract: what an implementor of a broker writes.

use std::fmt;
use std::future::Future;

use aqueduct_core::QueueName;

use crate::capabilities::Capabilities;
use crate::checkpoint::{CheckpointRequest, Checkpointed};
use crate::claim::{ClaimRequest, Claimed};
use crate::enqueue::EnqueueRequest;
use crate::error::BrokerError;
use crate::extend::{ExtendRequest, Extended};
use crate::lengths::QueueLengths;
use crate::reclaim::{ReclaimRequest, Reclaimed};
use crate::settle::{SettleRequest, Settled};
use crate::wait::{WaitEndedRequest, WaitRequest};
use crate::{Enqueued, WaitAnswer};

/// Stores runs and hands them out under leases.
///
/// Implementors write `async fn`. Everything else in the workspace holds a
/// [`BrokerHandle`](crate::BrokerHandle) and is not generic over the broker.
///
/// # Contract
///
/// - **One place.** A stored run is in exactly one place: waiting, delayed, held by one consumer, or
///   kept after its end. Each change of place is one atomic step; the allowed changes are those of
///   [`RunState::after`](aqueduct_core::RunState::after).
/// - **Batches.** Every call takes a batch and is atomic per item, not per batch. One bad item never
///   blocks another.
/// - **Replay.** A request is borrowed: a client repeats it as it is when its answer was lost. Enqueues, claims and settlements carry
///   the client's identity and a [`Sequence`]: a repetition within [`REPLAY_WINDOW`] changes nothing
///   and returns the recorded answer.
/// - **Fencing.** Only the current holder of a run, by consumer *and* attempt, can settle or extend it.
///   Anyone else gets [`Settled::LeaseLost`] or is listed in [`Extended::lost`]: values, not errors.
/// - **Time.** The broker's clock decides what is due, expired or reclaimable. Waits in requests and
///   answers are relative.
/// - **Bounds.** No call touches more than a bounded number of runs, and the cost of a run does not
///   grow with the number of waiting runs, tasks or consumers.
/// - **Order.** Higher priorities first, first in first out within one; but at least one claim in
///   sixteen starts from the lowest priority, so that nothing starves. A run that is given
///   back goes to the head of its queue; several in one step are served in the order of their ids.
///
/// `docs/SEMANTICS.md` has the reasons; the crate `aqueduct-broker-conformance` tests each point.
///
/// # Cancel safety
///
/// Dropping the future of any method may leave its step done or not done, never half done. The
/// caller repeats it with the same sequence.
pub trait Broker: fmt::Debug + Send + Sync + 'static {
    /// Returns what this broker can do, as facts that never change while it lives.
    fn capabilities(&self) -> Capabilities;

    /// Stores runs; returns one answer a task, in order.
    ///
    /// # Errors
    ///
    /// Returns an error if it is unknown whether the tasks are stored, or the broker refuses all.
    fn enqueue(
        &self,
        request: &EnqueueRequest,
    ) -> impl Future<Output = Result<Vec<Enqueued>, BrokerError>> + Send;

    /// Settles what the request says, then claims runs for one consumer, in one atomic step each.
    ///
    /// Also registers the consumer, renews its lease, and moves due runs to their queues.
    ///
    /// # Errors
    ///
    /// Returns an error if it is unknown what was settled or claimed; the caller repeats the call.
    fn claim(
        &self,
        request: &ClaimRequest,
    ) -> impl Future<Output = Result<Claimed, BrokerError>> + Send;

    /// Records how attempts ended; returns one answer an item, in order.
    ///
    /// # Errors
    ///
    /// Returns an error if it is unknown what was recorded; the caller repeats the call.
    fn settle(
        &self,
        request: &SettleRequest,
    ) -> impl Future<Output = Result<Vec<Settled>, BrokerError>> + Send;

    /// Renews the lease of a consumer on what it holds; this is the heartbeat.
    ///
    /// # Errors
    ///
    /// Returns an error if it is unknown whether the lease was renewed.
    fn extend(
        &self,
        request: &ExtendRequest,
    ) -> impl Future<Output = Result<Extended, BrokerError>> + Send;

    /// Keeps a value of a held run for the attempts that follow.
    ///
    /// It comes with each later [`Lease`](crate::Lease) of the run, and goes in the step that ends the run. Only the
    /// current holder can keep one, and one of a lower number in the same attempt changes nothing. A broker that has not
    /// the capability `checkpoints` returns an error of the kind `NotSupported`.
    ///
    /// # Errors
    ///
    /// Returns an error if it is unknown whether the value is kept, or the broker refuses it.
    fn checkpoint(
        &self,
        request: &CheckpointRequest,
    ) -> impl Future<Output = Result<Checkpointed, BrokerError>> + Send;

    /// Takes back the runs of dead consumers, expires and sweeps; bounded by the request.
    ///
    /// Every consumer calls it in a beat; nothing happens twice.
    ///
    /// # Errors
    ///
    /// Returns an error if the broker did not answer.
    fn reclaim(
        &self,
        request: &ReclaimRequest,
    ) -> impl Future<Output = Result<Reclaimed, BrokerError>> + Send;

    /// Waits until a claim may find something, at most as long as the request says.
    ///
    /// May return early for no reason; must return soon after a run became ready. A wake-up that
    /// one waiter drops unseen must reach another.
    ///
    /// # Errors
    ///
    /// Returns an error if waiting is not possible; the caller claims and waits again.
    fn wait_ready(
        &self,
        request: &WaitRequest,
    ) -> impl Future<Output = Result<(), BrokerError>> + Send;

    /// Waits until a run that keeps its result has ended, at most as long as the request says.
    ///
    /// Returns the run after its end, or at once [`WaitAnswer::Unknown`] for one that the broker does
    /// not know, and for an unended one that keeps no result. An attempt that ends without the run ends
    /// no wait; whatever ends the run does, and so does its removal. The end is told, not looked for: a
    /// broker that cannot do that has not the capability `waits`.
    ///
    /// # Errors
    ///
    /// Returns an error if waiting is not possible, or one of the bounds [`MAX_WAITS`](crate::MAX_WAITS)
    /// and [`MAX_WAITERS_OF_A_RUN`](crate::MAX_WAITERS_OF_A_RUN) is reached; the caller asks again.
    fn wait_ended(
        &self,
        request: &WaitEndedRequest,
    ) -> impl Future<Output = Result<WaitAnswer, BrokerError>> + Send;

    /// Returns how many runs are where, for the named queues, or for all known if none is named.
    ///
    /// # Errors
    ///
    /// Returns an error if the broker did not answer.
    fn queue_lengths(
        &self,
        queues: &[QueueName],
    ) -> impl Future<Output = Result<Vec<QueueLengths>, BrokerError>> + Send;
}

/// The number of a request among those of one client, from 1, growing by one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sequence(u64);

/// How many of the last requests of a client a broker can answer again.
///
/// A client has at most this many requests under way. An older sequence is refused with
/// [`BrokerErrorKind::Stale`](crate::BrokerErrorKind::Stale).
pub const REPLAY_WINDOW: u64 = 64;

impl Sequence {
    /// The first request of a client.
    pub const FIRST: Self = Self(1);

    /// Creates the sequence with that number.
    #[must_use]
    pub const fn from_number(number: u64) -> Self {
        Self(number)
    }

    /// Returns the number.
    #[must_use]
    pub const fn number(self) -> u64 {
        self.0
    }

    /// Returns the sequence after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}
