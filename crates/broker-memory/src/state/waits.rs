//! Who waits for the end of which run.

use std::collections::BTreeMap;

use aqueduct_broker_api::{BrokerError, BrokerErrorKind, MAX_WAITS};
use aqueduct_core::RunId;
use aqueduct_core::run::{TaskRun, WaitAnswer};
use tokio::sync::oneshot;

use super::State;

/// The waits for ends.
#[derive(Debug, Default)]
pub(super) struct Waits {
    waiting: BTreeMap<WaitKey, Teller>,
    last_number: u64,
    /// Those whose run has ended, with the run, to be told outside the lock.
    ended: Vec<(Teller, Box<TaskRun>)>,
}

/// The run that is waited for, and the number of the wait.
pub(crate) type WaitKey = (RunId, u64);

/// Tells one wait of the end of its run.
pub(crate) type Teller = oneshot::Sender<Box<TaskRun>>;

/// How a wait begins.
#[derive(Debug)]
pub(crate) enum Begun {
    /// There is nothing to wait for.
    Answered(WaitAnswer),
    /// The end will be told; if the run is removed, the teller is dropped.
    Waiting(WaitKey, oneshot::Receiver<Box<TaskRun>>),
}

impl Waits {
    fn begin(&mut self, run: RunId) -> Result<Begun, BrokerError> {
        if self.waiting.len() >= MAX_WAITS {
            let message = format!("{MAX_WAITS} waits are under way");
            let kind = BrokerErrorKind::LimitExceeded;
            return Err(BrokerError::new(kind, "wait for an end", message));
        }
        let (teller, told) = oneshot::channel();
        self.last_number += 1;
        let key = (run, self.last_number);
        self.waiting.insert(key, teller);
        Ok(Begun::Waiting(key, told))
    }

    /// Takes out whoever waits for a run.
    fn take(&mut self, run: RunId) -> Vec<Teller> {
        let of_the_run = (run, 0)..=(run, u64::MAX);
        let keys: Vec<WaitKey> = self
            .waiting
            .range(of_the_run)
            .map(|(key, _)| *key)
            .collect();
        let tellers = keys.iter().filter_map(|key| self.waiting.remove(key));
        tellers.collect()
    }

    /// Notes that a run has ended.
    pub(super) fn end(&mut self, run: &TaskRun) {
        for teller in self.take(run.id) {
            self.ended.push((teller, Box::new(run.clone())));
        }
    }

    /// Forgets who waits for a run that is removed: they look, and do not find it.
    pub(super) fn forget(&mut self, run: RunId) {
        drop(self.take(run));
    }
}

impl State {
    /// Begins a wait for the end of a run.
    pub(crate) fn begin_wait(&mut self, id: RunId) -> Result<Begun, BrokerError> {
        let answer = match self.find(id) {
            Some(run) if run.state.is_final() => WaitAnswer::Ended(Box::new(run.clone())),
            Some(run) if run.keeps_result() => return self.waits.begin(id),
            _ => WaitAnswer::Unknown,
        };
        Ok(Begun::Answered(answer))
    }

    /// Forgets a wait that nobody listens to any more.
    pub(crate) fn end_wait(&mut self, key: WaitKey) {
        self.waits.waiting.remove(&key);
    }

    /// Returns whom to tell of which ended run.
    pub(crate) fn take_ended(&mut self) -> Vec<(Teller, Box<TaskRun>)> {
        std::mem::take(&mut self.waits.ended)
    }
}
