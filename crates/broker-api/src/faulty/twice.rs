//! Runs that are given to a second attempt although the first succeeds.

use std::collections::BTreeSet;

use aqueduct_core::{RunId, TaskName};

use crate::lease::Lease;
use crate::settle::{Settle, Settled};
use crate::{LeaseToken, Settlement};

/// Which runs are given twice.
#[derive(Debug, Default)]
pub(super) struct Twice {
    tasks: Vec<TaskName>,
    /// The attempts whose success is not recorded; for ever, since requests may be repeated.
    attempts: BTreeSet<(RunId, u32)>,
}

impl Twice {
    pub(super) fn next(&mut self, task: TaskName) {
        self.tasks.push(task);
    }

    /// Chooses among the runs that are given to a consumer.
    pub(super) fn choose(&mut self, leases: &[Lease]) {
        for lease in leases {
            let run = lease.run();
            if let Some(at) = self.tasks.iter().position(|task| *task == run.task) {
                self.tasks.remove(at);
                self.attempts.insert((run.id, run.tally.attempt));
            }
        }
    }

    fn is_chosen(&self, token: &LeaseToken) -> bool {
        self.attempts.contains(&(token.run, token.attempt))
    }

    /// Returns settlements that give chosen runs back in place of their success; `None` if none is chosen.
    pub(super) fn give_back(&self, settle: &[Settle]) -> Option<Vec<Settle>> {
        if !settle.iter().any(|it| self.is_chosen(&it.token)) {
            return None;
        }
        let give_back = |it: &Settle| match it.settlement {
            Settlement::Succeed { .. } if self.is_chosen(&it.token) => {
                Settle::new(it.token, Settlement::Release)
            }
            _ => it.clone(),
        };
        Some(settle.iter().map(give_back).collect())
    }

    /// Denies what was asked for in the answers to settlements that gave chosen runs back.
    pub(super) fn deny(asked: &[Settle], done: &[Settle], answers: &mut [Settled]) {
        let pairs = asked.iter().zip(done).zip(answers);
        for (_, answer) in pairs.filter(|((asked, done), _)| asked.settlement != done.settlement) {
            *answer = Settled::LeaseLost;
        }
    }
}
