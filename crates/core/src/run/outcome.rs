//! How one attempt ended: classified once, matched on ever after.

use std::time::Duration;

use crate::payload::Payload;
use crate::run::failure::Failure;
use crate::run::settlement::Reason;

/// How one attempt of a run ended.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Outcome {
    /// The task returned a value.
    Succeeded {
        /// The encoded value, if the run keeps results.
        result: Option<Payload>,
    },
    /// The attempt failed: an error, a panic, a time-out.
    Failed {
        /// What happened.
        failure: Failure,
        /// The wait that the task itself asked for before the next attempt.
        retry_after: Option<Duration>,
        /// How long nothing is to start that shares the limits of the run.
        hold_back: Option<Duration>,
    },
    /// The attempt ended with the death of the worker process that it ran in.
    Crashed {
        /// How it died.
        failure: Failure,
        /// How many crashes the run may have; with the last of them it fails for good.
        budget: u32,
    },
    /// The task ended itself, or somebody outside asked for the end.
    Cancelled {
        /// Who asked, or why.
        reason: Reason,
    },
    /// The task asked to be started again later.
    Snoozed {
        /// How much later.
        wait: Duration,
    },
    /// This consumer cannot run it: unknown task, or parameters of another version.
    NotRunnable {
        /// What is missing or does not fit.
        failure: Failure,
    },
    /// The consumer stops and gives the run back.
    Released,
}

impl Outcome {
    /// Returns how long nothing is to start that shares the limits of the run; zero holds nothing back.
    #[must_use]
    pub fn hold_back(&self) -> Duration {
        match self {
            Self::Failed {
                hold_back: Some(wait),
                ..
            } => *wait,
            _ => Duration::ZERO,
        }
    }
}
