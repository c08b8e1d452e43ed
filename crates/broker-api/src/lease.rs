//! A lease on one run, and the token that proves it.

use aqueduct_core::{ConsumerId, RunId, TaskRun};

use crate::Settlement;
use crate::settle::Settle;

/// A time-bound claim on one run; settling consumes it.
///
/// All leases of a consumer share its expiry, which `claim` and `extend` renew.
#[derive(Debug)]
#[must_use = "an unsettled lease makes the run start again after it expires"]
pub struct Lease {
    run: TaskRun,
    consumer: ConsumerId,
}

/// Proves that a consumer holds a run: the consumer's identity and the attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(
    clippy::exhaustive_structs,
    reason = "the fence is exactly these three"
)]
pub struct LeaseToken {
    /// The run.
    pub run: RunId,
    /// The consumer that claimed it.
    pub consumer: ConsumerId,
    /// The attempt that the claim began.
    pub attempt: u32,
}

impl Lease {
    /// Creates the lease of `consumer` on a run that it has just claimed.
    pub fn new(run: TaskRun, consumer: ConsumerId) -> Self {
        Self { run, consumer }
    }

    /// Returns the run.
    #[must_use]
    pub fn run(&self) -> &TaskRun {
        &self.run
    }

    /// Returns the proof of the lease, which can extend but not end it.
    #[must_use]
    pub fn token(&self) -> LeaseToken {
        LeaseToken {
            run: self.run.id,
            consumer: self.consumer,
            attempt: self.run.tally.attempt,
        }
    }

    /// Gives the lease up for a settlement.
    #[must_use]
    pub fn settle(self, settlement: Settlement) -> Settle {
        Settle::new(self.token(), settlement)
    }

    /// Takes the lease apart, for an executor that tracks what it owes by itself.
    #[must_use]
    pub fn into_parts(self) -> (TaskRun, LeaseToken) {
        let token = self.token();
        (self.run, token)
    }
}
