//! What the broker has done, as the laws hear of it.

use std::time::Duration;

use aqueduct::broker_api::{
    CheckpointRequest, Checkpointed, ClaimRequest, EnqueueRequest, Enqueued, ExtendRequest,
    Extended, Fire, Fired, LeaseToken, PauseScope, ReclaimRequest, Reclaimed, ScheduleDefinition,
    Settle, SettleRequest, Settled, Upserted,
};
use aqueduct::run::{CancelAnswer, WaitAnswer};
use aqueduct::{QueueName, RunId, ScheduleName, TaskRun, Timestamp};
use aqueduct_core::ConsumerId;

use super::ledger::{Held, Ledger};
use super::view::View;

/// One step of the broker: what it was asked for, and its answer.
#[derive(Debug)]
#[non_exhaustive]
#[expect(missing_docs, reason = "named after the methods of the broker")]
pub enum Deed {
    Enqueued {
        request: EnqueueRequest,
        answers: Vec<Enqueued>,
    },
    Claimed {
        request: ClaimRequest,
        leases: Vec<TaskRun>,
        settled: Vec<Settled>,
    },
    Settled {
        request: SettleRequest,
        settled: Vec<Settled>,
    },
    Extended {
        request: ExtendRequest,
        extended: Extended,
    },
    Checkpointed {
        request: CheckpointRequest,
        answer: Checkpointed,
    },
    Reclaimed {
        request: ReclaimRequest,
        done: Reclaimed,
    },
    Fired {
        fire: Fire,
        fired: Fired,
    },
    Upserted {
        definitions: Vec<ScheduleDefinition>,
        answers: Vec<Upserted>,
    },
    Switched {
        schedule: ScheduleName,
        enabled: bool,
    },
    Removed {
        schedule: ScheduleName,
    },
    Cancelled {
        runs: Vec<RunId>,
        answers: Vec<CancelAnswer>,
    },
    Requeued {
        runs: Vec<RunId>,
        answers: Vec<bool>,
    },
    Discarded {
        runs: Vec<RunId>,
        answers: Vec<bool>,
    },
    Purged {
        queue: QueueName,
        count: usize,
    },
    Paused {
        scope: PauseScope,
        paused: bool,
    },
    WaitBegan {
        number: u64,
        run: RunId,
    },
    WaitOver {
        number: u64,
        answer: WaitAnswer,
    },
}

/// One step, and all that there is to judge it by.
#[derive(Debug)]
#[non_exhaustive]
pub struct Heard<'a> {
    /// The step.
    pub deed: &'a Deed,
    /// Whether it was asked for the first time; a repetition must have changed nothing.
    pub is_first: bool,
    /// The time of the broker.
    pub now: Timestamp,
    /// The latest time that the broker has ever shown: its clock may have been set back.
    pub latest: Timestamp,
    /// How long it is since the step before, however the clock was set meanwhile.
    pub passed: Duration,
    /// What consumers lost with this step, because they died, as the ledger has it.
    pub taken: &'a [(RunId, Held)],
    /// Who holds what after the step, as it must be.
    pub ledger: &'a Ledger,
    /// What the broker stored before.
    pub before: &'a View,
    /// What it stores now.
    pub after: &'a View,
}

impl Heard<'_> {
    /// Returns the settlements of the step that are made for the first time, with their answers.
    pub fn settlements(&self) -> impl Iterator<Item = (ConsumerId, &Settle, Settled)> {
        let (consumer, items, answers) = match self.deed {
            Deed::Claimed {
                request, settled, ..
            } => (request.consumer, &*request.settle, &**settled),
            Deed::Settled { request, settled } => (request.consumer, &*request.items, &**settled),
            _ => (ConsumerId::from_u128(0), &[][..], &[][..]),
        };
        let is_first = self.is_first;
        let pairs = items.iter().zip(answers).filter(move |_| is_first);
        pairs.map(move |(item, answer)| (consumer, item, *answer))
    }

    /// Returns the runs that the step gave out, repetitions of a claim included.
    pub fn leases(&self) -> impl Iterator<Item = (&TaskRun, LeaseToken)> {
        let (consumer, leases) = match self.deed {
            Deed::Claimed {
                request, leases, ..
            } => (request.consumer, &**leases),
            _ => (ConsumerId::from_u128(0), &[][..]),
        };
        leases.iter().map(move |run| {
            let token = LeaseToken {
                run: run.id,
                consumer,
                attempt: run.tally.attempt,
            };
            (run, token)
        })
    }
}
