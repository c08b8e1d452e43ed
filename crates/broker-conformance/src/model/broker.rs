//! The model as a broker, behind one lock.

use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aqueduct_broker_api::{
    Broker, BrokerAdmin, BrokerError, CancelAnswer, Capabilities, CheckpointRequest, Checkpointed,
    ClaimRequest, Claimed, ConsumerInfo, EnqueueRequest, Enqueued, ExtendRequest, Extended, Fire,
    Fired, Holder, KeyHolder, LimitInfo, PauseScope, QueueLengths, ReclaimRequest, Reclaimed,
    RunFilter, RunPage, ScheduleDefinition, ScheduleSnapshot, ScheduleStore, SettleRequest,
    Settled, TaskInfo, TurnInfo, Upserted, WaitAnswer, WaitEndedRequest, WaitRequest,
};
use aqueduct_core::key::Key;
use aqueduct_core::run::{Limit, Reason, TaskRun};
use aqueduct_core::{Clock, QueueName, RunId, RunState, ScheduleName, Timestamp};
use tokio::sync::Notify;

use super::Model;

/// The reference broker; clones are the same broker.
#[derive(Clone, Debug)]
pub struct ModelBroker(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    model: Mutex<Model>,
    clock: Clock,
    changed: Notify,
}

impl ModelBroker {
    /// Creates an empty broker.
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        Self(Arc::new(Shared {
            model: Mutex::default(),
            clock,
            changed: Notify::new(),
        }))
    }

    fn model(&self) -> MutexGuard<'_, Model> {
        self.0.model.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a step, and wakes everybody: they look for themselves.
    fn step<T>(&self, step: impl FnOnce(&mut Model, Timestamp) -> T) -> T {
        let result = step(&mut self.model(), self.0.clock.now());
        self.0.changed.notify_waiters();
        result
    }

    async fn until(&self, is_so: impl Fn(&mut Model, Timestamp) -> bool) {
        loop {
            let mut moves = self.0.clock.moves();
            let mut changed = pin!(self.0.changed.notified());
            changed.as_mut().enable();
            if is_so(&mut self.model(), self.0.clock.now()) {
                return;
            }
            tokio::select! {
                () = changed => {}
                () = moves.moved() => {}
            }
        }
    }
}

impl Broker for ModelBroker {
    fn capabilities(&self) -> Capabilities {
        Capabilities::in_process()
    }

    async fn enqueue(&self, request: &EnqueueRequest) -> Result<Vec<Enqueued>, BrokerError> {
        self.step(|model, now| model.enqueue(request, now))
    }

    async fn claim(&self, request: &ClaimRequest) -> Result<Claimed, BrokerError> {
        self.step(|model, now| model.claim(request, now))
    }

    async fn settle(&self, request: &SettleRequest) -> Result<Vec<Settled>, BrokerError> {
        self.step(|model, now| model.settle(request, now))
    }

    async fn extend(&self, request: &ExtendRequest) -> Result<Extended, BrokerError> {
        self.step(|model, now| Ok(model.extend(request, now)))
    }

    async fn checkpoint(&self, request: &CheckpointRequest) -> Result<Checkpointed, BrokerError> {
        self.step(|model, now| model.checkpoint(request, now))
    }

    async fn reclaim(&self, request: &ReclaimRequest) -> Result<Reclaimed, BrokerError> {
        self.step(|model, now| Ok(model.reclaim(request, now)))
    }

    async fn wait_ready(&self, request: &WaitRequest) -> Result<(), BrokerError> {
        let is_ready = |model: &mut Model, now: Timestamp| {
            model.promote(now);
            let is_wanted = |run: &TaskRun| {
                let scope = PauseScope::Queue(run.queue.clone());
                run.state == RunState::Queued
                    && request.queues.contains(&run.queue)
                    && request.lanes.contains(&run.lane)
                    && !model.paused.contains(&scope)
                    && !model.is_blocked(run)
            };
            model.runs().any(is_wanted)
        };
        let _ = tokio::time::timeout(request.at_most, self.until(is_ready)).await;
        Ok(())
    }

    async fn wait_ended(&self, request: &WaitEndedRequest) -> Result<WaitAnswer, BrokerError> {
        let is_over = |model: &mut Model, _| {
            let run = model.find(request.run);
            run.is_none_or(|run| run.state.is_final() || !run.keeps_result())
        };
        if tokio::time::timeout(request.at_most, self.until(is_over))
            .await
            .is_err()
        {
            return Ok(WaitAnswer::NotYet);
        }
        let run = self.model().find(request.run).cloned();
        let run = run.filter(|run| run.state.is_final());
        Ok(run.map_or(WaitAnswer::Unknown, |run| WaitAnswer::Ended(Box::new(run))))
    }

    async fn queue_lengths(&self, queues: &[QueueName]) -> Result<Vec<QueueLengths>, BrokerError> {
        let model = self.model();
        let mut names = queues.to_vec();
        if names.is_empty() {
            names = model.runs().map(|run| run.queue.clone()).collect();
            names.sort();
            names.dedup();
        }
        Ok(names.iter().map(|name| model.lengths(name)).collect())
    }
}

impl BrokerAdmin for ModelBroker {
    async fn find(&self, runs: &[RunId]) -> Result<Vec<Option<TaskRun>>, BrokerError> {
        let model = self.model();
        Ok(runs.iter().map(|run| model.find(*run).cloned()).collect())
    }

    async fn list(&self, filter: &RunFilter) -> Result<RunPage, BrokerError> {
        let model = self.model();
        let is_after = |run: &&TaskRun| filter.after.is_none_or(|after| run.id > after);
        let mut runs: Vec<TaskRun> = model
            .runs()
            .filter(is_after)
            .filter(|run| filter.matches(run))
            .cloned()
            .collect();
        runs.sort_by_key(|run| run.id);
        Ok(RunPage::beginning(&runs, filter.page_size()))
    }

    async fn cancel(
        &self,
        runs: &[RunId],
        reason: Reason,
    ) -> Result<Vec<CancelAnswer>, BrokerError> {
        Ok(self.step(|model, now| {
            runs.iter()
                .map(|run| model.cancel(*run, &reason, now))
                .collect()
        }))
    }

    async fn requeue(&self, runs: &[RunId]) -> Result<Vec<bool>, BrokerError> {
        Ok(self.step(|model, now| runs.iter().map(|run| model.requeue(*run, now)).collect()))
    }

    async fn holders(&self, runs: &[RunId]) -> Result<Vec<Option<Holder>>, BrokerError> {
        let model = self.model();
        Ok(runs.iter().map(|run| model.holder(*run)).collect())
    }

    async fn key_holders(&self, keys: &[Key]) -> Result<Vec<Option<KeyHolder>>, BrokerError> {
        Ok(self.step(|model, now| {
            keys.iter()
                .map(|key| model.unique_holder(key, now))
                .collect()
        }))
    }

    async fn discard(&self, runs: &[RunId]) -> Result<Vec<bool>, BrokerError> {
        Ok(self.step(|model, _| runs.iter().map(|run| model.discard(*run)).collect()))
    }

    async fn purge(&self, queue: &QueueName) -> Result<usize, BrokerError> {
        Ok(self.step(|model, now| model.purge(queue, now)))
    }

    async fn set_paused(&self, scope: &PauseScope, paused: bool) -> Result<(), BrokerError> {
        self.step(|model, now| {
            model.paused.retain(|known| known != scope);
            if paused {
                model.paused.push(scope.clone());
            } else {
                model.resume(scope, now);
            }
        });
        Ok(())
    }

    async fn paused(&self) -> Result<Vec<PauseScope>, BrokerError> {
        Ok(self.model().paused.clone())
    }

    async fn tasks(&self) -> Result<Vec<TaskInfo>, BrokerError> {
        Ok(Vec::new())
    }

    async fn consumers(&self) -> Result<Vec<ConsumerInfo>, BrokerError> {
        let (model, now) = (self.model(), self.0.clock.now());
        let holds = |id| {
            let held = model
                .runs
                .iter()
                .filter(|run| run.holder.is_some_and(|(by, _)| by == id));
            held.count() as u64
        };
        let living = model
            .consumers
            .iter()
            .filter(|(_, consumer)| consumer.lease_until > now);
        Ok(living
            .map(|(id, it)| {
                ConsumerInfo::new(*id, it.lease_until, holds(*id))
                    .with_introduction(it.introduction.clone())
            })
            .collect())
    }

    async fn limits(&self, limits: &[Limit]) -> Result<Vec<LimitInfo>, BrokerError> {
        Ok(self.model().limit_infos(limits, self.0.clock.now()))
    }

    async fn turn(&self, run: RunId) -> Result<Option<TurnInfo>, BrokerError> {
        Ok(self.model().turn(run))
    }

    async fn unreadable(&self) -> Result<u64, BrokerError> {
        Ok(0)
    }
}

impl ScheduleStore for ModelBroker {
    async fn upsert(
        &self,
        definitions: &[ScheduleDefinition],
    ) -> Result<Vec<Upserted>, BrokerError> {
        Ok(self.step(|model, now| {
            definitions
                .iter()
                .map(|it| model.schedules.upsert(it.clone(), now))
                .collect()
        }))
    }

    async fn list(&self) -> Result<ScheduleSnapshot, BrokerError> {
        let model = self.model();
        let entries = model.schedules.entries.values().cloned().collect();
        Ok(ScheduleSnapshot::new(
            entries,
            self.0.clock.now(),
            model.schedules.revision,
        ))
    }

    async fn fire(&self, fire: &Fire) -> Result<Fired, BrokerError> {
        Ok(self.step(|model, now| model.fire(fire, now)))
    }

    async fn set_enabled(&self, name: &ScheduleName, enabled: bool) -> Result<bool, BrokerError> {
        Ok(self.step(|model, now| model.schedules.set_enabled(name, enabled, now)))
    }

    async fn remove(&self, name: &ScheduleName) -> Result<bool, BrokerError> {
        Ok(self.step(|model, _| model.schedules.remove(name)))
    }

    async fn wait_changed(&self, seen: u64, at_most: Duration) -> Result<bool, BrokerError> {
        let has_changed = |model: &mut Model, _| model.schedules.revision != seen;
        Ok(tokio::time::timeout(at_most, self.until(has_changed))
            .await
            .is_ok())
    }
}
