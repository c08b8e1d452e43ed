//! The three seams of the broker that fails on demand.

use std::time::Duration;

use crate::{
    Broker, BrokerAdmin, BrokerError, CancelAnswer, Capabilities, CheckpointRequest, Checkpointed,
    ClaimRequest, Claimed, ConsumerInfo, EnqueueRequest, Enqueued, ExtendRequest, Extended, Fire,
    Fired, Holder, KeyHolder, LimitInfo, PauseScope, QueueLengths, ReclaimRequest, Reclaimed,
    RunFilter, RunPage, ScheduleDefinition, ScheduleSnapshot, ScheduleStore, SettleRequest,
    Settled, TaskInfo, TurnInfo, Upserted, WaitAnswer, WaitEndedRequest, WaitRequest,
};
use aqueduct_core::key::Key;
use aqueduct_core::run::{Limit, Reason, TaskRun};
use aqueduct_core::{QueueName, RunId, ScheduleName};

use super::twice::Twice;
use super::{FaultyBroker, Operation};

impl Broker for FaultyBroker {
    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    async fn enqueue(&self, request: &EnqueueRequest) -> Result<Vec<Enqueued>, BrokerError> {
        self.call(Operation::Enqueue, || self.inner.enqueue(request))
            .await
    }

    async fn claim(&self, request: &ClaimRequest) -> Result<Claimed, BrokerError> {
        let back = self.with_script(|script| script.twice.give_back(&request.settle));
        let given = back.map(|settle| request.clone().settling(settle));
        let asked = given.as_ref().unwrap_or(request);
        let claim = self.call(Operation::Claim, || self.inner.claim(asked));
        let mut claimed = claim.await?;
        Twice::deny(&request.settle, &asked.settle, &mut claimed.settled);
        self.with_script(|script| script.twice.choose(&claimed.leases));
        Ok(claimed)
    }

    async fn settle(&self, request: &SettleRequest) -> Result<Vec<Settled>, BrokerError> {
        let back = self.with_script(|script| script.twice.give_back(&request.items));
        let given = back.map(|items| SettleRequest::new(request.consumer, request.sequence, items));
        let asked = given.as_ref().unwrap_or(request);
        let settle = self.call(Operation::Settle, || self.inner.settle(asked));
        let mut settled = settle.await?;
        Twice::deny(&request.items, &asked.items, &mut settled);
        Ok(settled)
    }

    async fn extend(&self, request: &ExtendRequest) -> Result<Extended, BrokerError> {
        self.call(Operation::Extend, || self.inner.extend(request))
            .await
    }

    async fn checkpoint(&self, request: &CheckpointRequest) -> Result<Checkpointed, BrokerError> {
        self.call(Operation::Checkpoint, || self.inner.checkpoint(request))
            .await
    }

    async fn reclaim(&self, request: &ReclaimRequest) -> Result<Reclaimed, BrokerError> {
        self.call(Operation::Reclaim, || self.inner.reclaim(request))
            .await
    }

    async fn wait_ready(&self, request: &WaitRequest) -> Result<(), BrokerError> {
        self.call(Operation::WaitReady, || self.inner.wait_ready(request))
            .await
    }

    async fn wait_ended(&self, request: &WaitEndedRequest) -> Result<WaitAnswer, BrokerError> {
        self.call(Operation::WaitEnded, || self.inner.wait_ended(request))
            .await
    }

    async fn queue_lengths(&self, queues: &[QueueName]) -> Result<Vec<QueueLengths>, BrokerError> {
        self.call(Operation::QueueLengths, || self.inner.queue_lengths(queues))
            .await
    }
}

impl ScheduleStore for FaultyBroker {
    async fn upsert(
        &self,
        definitions: &[ScheduleDefinition],
    ) -> Result<Vec<Upserted>, BrokerError> {
        let seam = self.inner.schedules()?;
        self.call(Operation::Upsert, || seam.upsert(definitions))
            .await
    }

    async fn list(&self) -> Result<ScheduleSnapshot, BrokerError> {
        let seam = self.inner.schedules()?;
        self.call(Operation::List, || seam.list()).await
    }

    async fn fire(&self, fire: &Fire) -> Result<Fired, BrokerError> {
        let seam = self.inner.schedules()?;
        self.call(Operation::Fire, || seam.fire(fire)).await
    }

    async fn set_enabled(&self, name: &ScheduleName, enabled: bool) -> Result<bool, BrokerError> {
        let seam = self.inner.schedules()?;
        self.call(Operation::SetEnabled, || seam.set_enabled(name, enabled))
            .await
    }

    async fn remove(&self, name: &ScheduleName) -> Result<bool, BrokerError> {
        let seam = self.inner.schedules()?;
        self.call(Operation::Remove, || seam.remove(name)).await
    }

    async fn wait_changed(&self, seen: u64, at_most: Duration) -> Result<bool, BrokerError> {
        let seam = self.inner.schedules()?;
        self.call(Operation::WaitChanged, || seam.wait_changed(seen, at_most))
            .await
    }
}

impl BrokerAdmin for FaultyBroker {
    async fn find(&self, runs: &[RunId]) -> Result<Vec<Option<TaskRun>>, BrokerError> {
        let seam = self.inner.admin()?;
        self.call(Operation::Find, || seam.find(runs)).await
    }

    async fn list(&self, filter: &RunFilter) -> Result<RunPage, BrokerError> {
        let seam = self.inner.admin()?;
        self.call(Operation::ListRuns, || seam.list(filter)).await
    }

    async fn cancel(
        &self,
        runs: &[RunId],
        reason: Reason,
    ) -> Result<Vec<CancelAnswer>, BrokerError> {
        let seam = self.inner.admin()?;
        self.call(Operation::Cancel, || seam.cancel(runs, reason.clone()))
            .await
    }

    async fn requeue(&self, runs: &[RunId]) -> Result<Vec<bool>, BrokerError> {
        let seam = self.inner.admin()?;
        self.call(Operation::Requeue, || seam.requeue(runs)).await
    }

    async fn holders(&self, runs: &[RunId]) -> Result<Vec<Option<Holder>>, BrokerError> {
        let seam = self.inner.admin()?;
        self.call(Operation::Holders, || seam.holders(runs)).await
    }

    async fn key_holders(&self, keys: &[Key]) -> Result<Vec<Option<KeyHolder>>, BrokerError> {
        let seam = self.inner.admin()?;
        self.call(Operation::KeyHolders, || seam.key_holders(keys))
            .await
    }

    async fn discard(&self, runs: &[RunId]) -> Result<Vec<bool>, BrokerError> {
        let seam = self.inner.admin()?;
        self.call(Operation::Discard, || seam.discard(runs)).await
    }

    async fn purge(&self, queue: &QueueName) -> Result<usize, BrokerError> {
        let seam = self.inner.admin()?;
        self.call(Operation::Purge, || seam.purge(queue)).await
    }

    async fn set_paused(&self, scope: &PauseScope, paused: bool) -> Result<(), BrokerError> {
        let seam = self.inner.admin()?;
        self.call(Operation::SetPaused, || seam.set_paused(scope, paused))
            .await
    }

    async fn paused(&self) -> Result<Vec<PauseScope>, BrokerError> {
        let seam = self.inner.admin()?;
        self.call(Operation::Paused, || seam.paused()).await
    }

    async fn tasks(&self) -> Result<Vec<TaskInfo>, BrokerError> {
        let seam = self.inner.admin()?;
        self.call(Operation::Tasks, || seam.tasks()).await
    }

    async fn consumers(&self) -> Result<Vec<ConsumerInfo>, BrokerError> {
        let seam = self.inner.admin()?;
        self.call(Operation::Consumers, || seam.consumers()).await
    }

    async fn limits(&self, limits: &[Limit]) -> Result<Vec<LimitInfo>, BrokerError> {
        let seam = self.inner.admin()?;
        self.call(Operation::Limits, || seam.limits(limits)).await
    }

    async fn turn(&self, run: RunId) -> Result<Option<TurnInfo>, BrokerError> {
        let seam = self.inner.admin()?;
        self.call(Operation::Turn, || seam.turn(run)).await
    }

    async fn unreadable(&self) -> Result<u64, BrokerError> {
        let seam = self.inner.admin()?;
        self.call(Operation::Unreadable, || seam.unreadable()).await
    }
}
