//! The request to record how attempts ended, and its answers.

use std::time::Duration;

use aqueduct_core::{ConsumerId, RunState};

use crate::Settlement;
use crate::broker::Sequence;
use crate::lease::LeaseToken;

/// The most settlements in one request.
pub const MAX_SETTLE_BATCH: usize = 512;

/// A request to record how attempts of one consumer ended.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct SettleRequest {
    /// Who asks.
    pub consumer: ConsumerId,
    /// The number of this request; claims and settlements of a consumer share one count.
    pub sequence: Sequence,
    /// What to record, at most [`MAX_SETTLE_BATCH`].
    pub items: Vec<Settle>,
}

/// What to record of one run, and the proof of the right to.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Settle {
    /// The proof.
    pub token: LeaseToken,
    /// What to record.
    pub settlement: Settlement,
    /// How long nothing starts that shares the limits of the run; zero holds nothing back.
    pub hold_back: Duration,
}

/// What became of a settlement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Settled {
    /// It is recorded; the run is now in this state.
    Applied(RunState),
    /// Somebody else holds the run, or nobody: nothing was recorded.
    LeaseLost,
}

impl SettleRequest {
    /// Creates a request.
    #[must_use]
    pub fn new(consumer: ConsumerId, sequence: Sequence, items: Vec<Settle>) -> Self {
        Self {
            consumer,
            sequence,
            items,
        }
    }
}

impl Settle {
    /// Creates a settlement with its proof.
    #[must_use]
    pub fn new(token: LeaseToken, settlement: Settlement) -> Self {
        Self {
            token,
            settlement,
            hold_back: Duration::ZERO,
        }
    }

    /// Lets nothing start for so long that shares the rate limits of the run, or its limits if none of
    /// them is a rate limit; see [`Limits::held_back`](aqueduct_core::run::Limits::held_back).
    #[must_use]
    pub fn holding_back(mut self, wait: Duration) -> Self {
        self.hold_back = wait;
        self
    }
}
