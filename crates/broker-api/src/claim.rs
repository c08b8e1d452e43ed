//! The request to claim runs, fused with settlements, and its answer.

use std::sync::Arc;
use std::time::Duration;

use aqueduct_core::run::Reason;
use aqueduct_core::{ConsumerId, Lane, QueueName, RunId, TaskRun, Timestamp};

use crate::broker::Sequence;
use crate::lease::Lease;
use crate::settle::{Settle, Settled};

/// The most runs that one claim returns.
pub const MAX_CLAIM_BATCH: usize = 512;

/// A request to settle some runs and claim others, for one consumer.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ClaimRequest {
    /// Who asks: fresh for each start of a process.
    pub consumer: ConsumerId,
    /// The number of this request; claims and settlements of a consumer share one count.
    pub sequence: Sequence,
    /// How long the consumer's lease lasts from now, unless it is renewed.
    pub lease: Duration,
    /// What to claim, lane by lane; at most [`MAX_CLAIM_BATCH`] in all.
    pub wants: Vec<LaneWant>,
    /// What to settle first.
    pub settle: Vec<Settle>,
}

/// How many runs of one lane a consumer can start, and from which queues.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct LaneWant {
    /// The lane.
    pub lane: Lane,
    /// The queues to look at, in this order.
    pub queues: Arc<[QueueName]>,
    /// The most runs to claim, over all the queues.
    pub max: usize,
}

/// The answer to a claim.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Claimed {
    /// What was claimed.
    pub leases: Vec<Lease>,
    /// What became of each settlement, in the order of the request.
    pub settled: Vec<Settled>,
    /// Runs of this consumer whose end was asked for; repeated until they are settled.
    pub cancels: Vec<Cancel>,
    /// The time of the broker when it answered: what is left of a run's time counts from here.
    pub now: Timestamp,
}

/// A request, from outside, to end a run that a consumer holds.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Cancel {
    /// The run.
    pub run: RunId,
    /// Who asked, or why.
    pub reason: Reason,
}

impl ClaimRequest {
    /// Creates a request that asks for nothing yet.
    #[must_use]
    pub fn new(consumer: ConsumerId, sequence: Sequence, lease: Duration) -> Self {
        Self {
            consumer,
            sequence,
            lease,
            wants: Vec::new(),
            settle: Vec::new(),
        }
    }

    /// Adds a lane to claim from.
    #[must_use]
    pub fn want(mut self, want: LaneWant) -> Self {
        self.wants.push(want);
        self
    }

    /// Sets what to settle first.
    #[must_use]
    pub fn settling(mut self, settle: Vec<Settle>) -> Self {
        self.settle = settle;
        self
    }
}

impl LaneWant {
    /// Creates a want of at most `max` runs of `lane`.
    #[must_use]
    pub fn new(lane: Lane, queues: Arc<[QueueName]>, max: usize) -> Self {
        Self { lane, queues, max }
    }

    /// Returns whether the run is of the lane and waits in one of the queues.
    #[must_use]
    pub fn accepts(&self, run: &TaskRun) -> bool {
        self.lane == run.lane && self.queues.contains(&run.queue)
    }
}

impl Cancel {
    /// Creates a request to end `run`.
    #[must_use]
    pub fn new(run: RunId, reason: Reason) -> Self {
        Self { run, reason }
    }
}
