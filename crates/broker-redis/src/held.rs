//! What this process knows of the runs that its consumers hold, so that the server need not look at each when
//! they are settled.

use std::sync::{Mutex, MutexGuard, PoisonError};

use aqueduct_broker_api::{Lease, LeaseToken};
use aqueduct_core::id::IdMap;
use aqueduct_core::{ConsumerId, QueueName, RunId, TaskName};

use crate::whole::Frees;

/// The ledgers of the consumers of this process.
#[derive(Debug, Default)]
pub(crate) struct Ledgers(Mutex<IdMap<ConsumerId, Ledger>>);

/// The runs that one consumer holds.
///
/// A ledger is exact or there is none. It is taken out while a request of its consumer is under way, and lost
/// if the answer is; it begins anew when the server says that the consumer held nothing. The server compares the
/// number of requests and the number of runs with its own before it trusts one.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    /// How many requests of the consumer the server has done.
    requests: u64,
    runs: IdMap<RunId, Held>,
}

/// A run that is held.
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) task: TaskName,
    pub(crate) queue: QueueName,
    /// What it frees when it succeeds; `None` if the server has to look.
    pub(crate) frees: Option<Frees>,
    attempt: u32,
}

/// The most consumers with a ledger.
const MAX_LEDGERS: usize = 64;

impl Ledgers {
    /// Takes the ledger of a consumer out, if it has one.
    pub(crate) fn take(&self, consumer: ConsumerId) -> Option<Ledger> {
        self.all().remove(&consumer)
    }

    /// Keeps a ledger; one that is empty is not worth it.
    pub(crate) fn keep(&self, consumer: ConsumerId, ledger: Ledger) {
        let mut all = self.all();
        if !ledger.runs.is_empty() && all.len() < MAX_LEDGERS {
            all.insert(consumer, ledger);
        }
    }

    fn all(&self) -> MutexGuard<'_, IdMap<ConsumerId, Ledger>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ledger {
    pub(crate) fn requests(&self) -> u64 {
        self.requests
    }

    pub(crate) fn len(&self) -> usize {
        self.runs.len()
    }

    /// Takes a run out, if it is held in this attempt.
    pub(crate) fn remove(&mut self, token: &LeaseToken) -> Option<Held> {
        let is_current = self.runs.get(&token.run)?.attempt == token.attempt;
        is_current.then(|| self.runs.remove(&token.run)).flatten()
    }

    /// Adds what was claimed, of each run whether it carries what it frees, by the request that is the server's number `requests`.
    pub(crate) fn add(&mut self, leases: &[Lease], carrying: &[bool], requests: u64) {
        self.requests = requests;
        self.runs
            .extend(leases.iter().zip(carrying).map(|(lease, carries)| {
                let run = lease.run();
                let held = Held {
                    task: run.task.clone(),
                    queue: run.queue.clone(),
                    frees: Frees::of(run, *carries),
                    attempt: run.tally.attempt,
                };
                (run.id, held)
            }));
    }
}
