//! The administrative seam.

use aqueduct_broker_api::{
    BrokerAdmin, BrokerError, BrokerErrorKind, CancelAnswer, ConsumerInfo, Holder, KeyHolder,
    LimitInfo, MAX_PAGE, PauseScope, RunFilter, RunPage, TaskInfo, TurnInfo,
};
use aqueduct_core::key::Key;
use aqueduct_core::run::{Limit, Reason};
use aqueduct_core::{QueueName, RunId, TaskRun};

use crate::MemoryBroker;

impl BrokerAdmin for MemoryBroker {
    async fn find(&self, runs: &[RunId]) -> Result<Vec<Option<TaskRun>>, BrokerError> {
        check_page("find", runs)?;
        let state = self.state();
        Ok(runs.iter().map(|run| state.find(*run).cloned()).collect())
    }

    async fn list(&self, filter: &RunFilter) -> Result<RunPage, BrokerError> {
        Ok(self.state().list(filter))
    }

    async fn cancel(
        &self,
        runs: &[RunId],
        reason: Reason,
    ) -> Result<Vec<CancelAnswer>, BrokerError> {
        check_page("cancel", runs)?;
        Ok(self.step(|state, now| {
            runs.iter()
                .map(|run| state.cancel(*run, &reason, now))
                .collect()
        }))
    }

    async fn requeue(&self, runs: &[RunId]) -> Result<Vec<bool>, BrokerError> {
        check_page("requeue", runs)?;
        Ok(self.step(|state, now| runs.iter().map(|run| state.requeue(*run, now)).collect()))
    }

    async fn holders(&self, runs: &[RunId]) -> Result<Vec<Option<Holder>>, BrokerError> {
        check_page("tell the holders", runs)?;
        let state = self.state();
        Ok(runs.iter().map(|run| state.holder(*run)).collect())
    }

    async fn key_holders(&self, keys: &[Key]) -> Result<Vec<Option<KeyHolder>>, BrokerError> {
        BrokerError::check_batch("tell the holders of keys", keys.len(), MAX_PAGE)?;
        Ok(self.step(|state, now| keys.iter().map(|key| state.key_holder(key, now)).collect()))
    }

    async fn discard(&self, runs: &[RunId]) -> Result<Vec<bool>, BrokerError> {
        check_page("discard", runs)?;
        Ok(self.step(|state, _| runs.iter().map(|run| state.discard(*run)).collect()))
    }

    async fn purge(&self, queue: &QueueName) -> Result<usize, BrokerError> {
        Ok(self.step(|state, now| state.purge(queue, now)))
    }

    async fn set_paused(&self, scope: &PauseScope, paused: bool) -> Result<(), BrokerError> {
        self.step(|state, _| state.set_paused(scope, paused));
        Ok(())
    }

    async fn paused(&self) -> Result<Vec<PauseScope>, BrokerError> {
        Ok(self.state().paused())
    }

    async fn tasks(&self) -> Result<Vec<TaskInfo>, BrokerError> {
        Ok(self.state().task_infos())
    }

    async fn consumers(&self) -> Result<Vec<ConsumerInfo>, BrokerError> {
        Ok(self.step(|state, now| state.consumer_infos(now)))
    }

    async fn limits(&self, limits: &[Limit]) -> Result<Vec<LimitInfo>, BrokerError> {
        self.step(|state, now| state.limit_infos(limits, now))
    }

    async fn turn(&self, run: RunId) -> Result<Option<TurnInfo>, BrokerError> {
        Ok(self.state().turn(run))
    }

    async fn unreadable(&self) -> Result<u64, BrokerError> {
        // What is in memory was never bytes.
        Ok(0)
    }
}

fn check_page(operation: &'static str, runs: &[RunId]) -> Result<(), BrokerError> {
    if runs.len() <= MAX_PAGE {
        return Ok(());
    }
    let message = format!(
        "{} runs are over the limit of {MAX_PAGE} a call",
        runs.len()
    );
    Err(BrokerError::new(
        BrokerErrorKind::LimitExceeded,
        operation,
        message,
    ))
}
