//! The heartbeat: a consumer renews its lease and lists what it holds.

use std::sync::Arc;
use std::time::Duration;

use aqueduct_core::event::Progress;
use aqueduct_core::{ConsumerId, RunId};

use crate::broker::Sequence;
use crate::claim::Cancel;
use crate::introduction::Introduction;
use crate::lease::LeaseToken;

/// A consumer's heartbeat.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ExtendRequest {
    /// Who asks.
    pub consumer: ConsumerId,
    /// How long the lease lasts from now; zero ends it, if the consumer holds nothing: it has stopped.
    pub lease: Duration,
    /// What the consumer believes it holds.
    pub held: Vec<LeaseToken>,
    /// Every claim up to this one was answered; what they claimed and `held` lacks is given back.
    pub answered: Sequence,
    /// What the consumer says of itself, with its first heartbeat and now and then; a broker keeps the
    /// last, or passes over it. With the first one, runs that are parked and that this consumer takes and knows are
    /// queued at once, a bounded number: what they lacked may have come with it.
    pub introduction: Option<Arc<Introduction>>,
    /// What runs in its hands have reported since the last heartbeat, the newest of each; a broker keeps it as long
    /// as the attempt lasts, or passes over it.
    pub progress: Vec<Report>,
}

/// How far a run is, and the proof of the right to say so.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// The proof.
    pub token: LeaseToken,
    /// How far the run is.
    pub progress: Progress,
}

/// The answer to a heartbeat.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Extended {
    /// Runs in `held` that this consumer no longer holds: stop them.
    pub lost: Vec<RunId>,
    /// Runs whose end was asked for; repeated until they are settled.
    pub cancels: Vec<Cancel>,
    /// How many runs were given back because the consumer did not know of them.
    pub released: usize,
}

impl ExtendRequest {
    /// Creates a heartbeat.
    #[must_use]
    pub fn new(consumer: ConsumerId, lease: Duration, answered: Sequence) -> Self {
        Self {
            consumer,
            lease,
            held: Vec::new(),
            answered,
            introduction: None,
            progress: Vec::new(),
        }
    }

    /// Sets what runs have reported.
    #[must_use]
    pub fn reporting(mut self, progress: Vec<Report>) -> Self {
        self.progress = progress;
        self
    }

    /// Creates the last heartbeat of a consumer that has stopped: its lease ends, unless it holds something.
    #[must_use]
    pub fn leaving(consumer: ConsumerId, answered: Sequence) -> Self {
        Self::new(consumer, Duration::ZERO, answered)
    }

    /// Sets what the consumer says of itself.
    #[must_use]
    pub fn with_introduction(mut self, introduction: Arc<Introduction>) -> Self {
        self.introduction = Some(introduction);
        self
    }

    /// Sets what the consumer believes it holds.
    #[must_use]
    pub fn holding(mut self, held: Vec<LeaseToken>) -> Self {
        self.held = held;
        self
    }
}

impl Report {
    /// Creates a report with its proof.
    #[must_use]
    pub fn new(token: LeaseToken, progress: Progress) -> Self {
        Self { token, progress }
    }
}
