//! The other two seams of a simple store: all of it is in front.

use std::time::Duration;

use aqueduct_broker_api::{
    BrokerAdmin, BrokerError, CancelAnswer, ConsumerInfo, Fire, Fired, Holder, KeyHolder,
    LimitInfo, PauseScope, RunFilter, RunPage, ScheduleDefinition, ScheduleSnapshot, ScheduleStore,
    SimpleBroker, TaskInfo, TurnInfo, Upserted,
};
use aqueduct_core::key::Key;
use aqueduct_core::run::{Limit, Reason, TaskRun};
use aqueduct_core::{QueueName, RunId, ScheduleName};

use super::SimpleFront;

/// Knows of what is in front: delayed, held and failed runs; three methods cannot look into the store.
impl<S: SimpleBroker> BrokerAdmin for SimpleFront<S> {
    async fn find(&self, runs: &[RunId]) -> Result<Vec<Option<TaskRun>>, BrokerError> {
        self.front.find(runs).await
    }

    async fn list(&self, filter: &RunFilter) -> Result<RunPage, BrokerError> {
        BrokerAdmin::list(&self.front, filter).await
    }

    async fn cancel(
        &self,
        runs: &[RunId],
        reason: Reason,
    ) -> Result<Vec<CancelAnswer>, BrokerError> {
        self.front.cancel(runs, reason).await
    }

    async fn requeue(&self, runs: &[RunId]) -> Result<Vec<bool>, BrokerError> {
        self.front.requeue(runs).await
    }

    async fn holders(&self, runs: &[RunId]) -> Result<Vec<Option<Holder>>, BrokerError> {
        self.front.holders(runs).await
    }

    async fn key_holders(&self, keys: &[Key]) -> Result<Vec<Option<KeyHolder>>, BrokerError> {
        self.front.key_holders(keys).await
    }

    async fn discard(&self, runs: &[RunId]) -> Result<Vec<bool>, BrokerError> {
        self.front.discard(runs).await
    }

    async fn purge(&self, queue: &QueueName) -> Result<usize, BrokerError> {
        self.front.purge(queue).await
    }

    async fn set_paused(&self, scope: &PauseScope, paused: bool) -> Result<(), BrokerError> {
        self.front.set_paused(scope, paused).await
    }

    async fn paused(&self) -> Result<Vec<PauseScope>, BrokerError> {
        self.front.paused().await
    }

    async fn tasks(&self) -> Result<Vec<TaskInfo>, BrokerError> {
        self.front.tasks().await
    }

    async fn consumers(&self) -> Result<Vec<ConsumerInfo>, BrokerError> {
        self.front.consumers().await
    }

    async fn limits(&self, limits: &[Limit]) -> Result<Vec<LimitInfo>, BrokerError> {
        self.front.limits(limits).await
    }

    async fn turn(&self, run: RunId) -> Result<Option<TurnInfo>, BrokerError> {
        self.front.turn(run).await
    }

    async fn unreadable(&self) -> Result<u64, BrokerError> {
        self.front.unreadable().await
    }
}

impl<S: SimpleBroker> ScheduleStore for SimpleFront<S> {
    async fn upsert(
        &self,
        definitions: &[ScheduleDefinition],
    ) -> Result<Vec<Upserted>, BrokerError> {
        self.front.upsert(definitions).await
    }

    async fn list(&self) -> Result<ScheduleSnapshot, BrokerError> {
        ScheduleStore::list(&self.front).await
    }

    async fn fire(&self, fire: &Fire) -> Result<Fired, BrokerError> {
        let fired = self.front.fire(fire).await?;
        if let Fired::Fired(Some(run)) = fired {
            self.pass_on_or_keep(run).await;
        }
        Ok(fired)
    }

    async fn set_enabled(
        &self,
        schedule: &ScheduleName,
        enabled: bool,
    ) -> Result<bool, BrokerError> {
        self.front.set_enabled(schedule, enabled).await
    }

    async fn remove(&self, schedule: &ScheduleName) -> Result<bool, BrokerError> {
        self.front.remove(schedule).await
    }

    async fn wait_changed(&self, seen: u64, at_most: Duration) -> Result<bool, BrokerError> {
        self.front.wait_changed(seen, at_most).await
    }
}
