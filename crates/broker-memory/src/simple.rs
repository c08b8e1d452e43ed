//! Makes a full broker of a simple one: the in-memory state machine in front of its three methods.

use std::collections::BTreeMap;
use std::time::Duration;

use aqueduct_broker_api::{
    Broker, BrokerAdmin, BrokerError, BrokerHandle, CancelAnswer, Capabilities, ClaimRequest,
    Claimed, ConsumerInfo, EnqueueRequest, Enqueued, ExtendRequest, Extended, Fire, Fired,
    LaneWant, PauseScope, QueueLengths, ReclaimRequest, Reclaimed, RunFilter, RunPage,
    ScheduleDefinition, ScheduleSnapshot, ScheduleStore, SettleRequest, Settled, SimpleBroker,
    TaskInfo, Upserted, WaitRequest,
};
use aqueduct_core::run::{Reason, TaskRun};
use aqueduct_core::{Clock, QueueName, RunId, ScheduleName};

use crate::MemoryBroker;

/// Turns a [`SimpleBroker`] into a full broker; implemented for every one.
pub trait SimpleBrokerExt: SimpleBroker + Sized {
    /// Puts the in-memory state machine in front of this store.
    ///
    /// Runs that may start at once go to the store. Delays, leases, retries and schedules are kept in
    /// the memory of this process, in front of it; what a consumer holds is lost with the process.
    fn into_broker(self) -> BrokerHandle {
        self.into_broker_on(Clock::system())
    }

    /// Does the same on another clock, so that tests can move it.
    fn into_broker_on(self, clock: Clock) -> BrokerHandle {
        let front = MemoryBroker::with_clock(clock);
        BrokerHandle::new(SimpleFront { store: self, front })
    }
}

impl<S: SimpleBroker> SimpleBrokerExt for S {}

/// A simple store, and the state machine in front of it.
#[derive(Debug)]
struct SimpleFront<S> {
    store: S,
    front: MemoryBroker,
}

/// How often a store is asked for its lengths while nothing else happens: this is the one place of
/// the workspace that polls, since three methods cannot say when something has arrived.
const LOOK_EVERY: Duration = Duration::from_millis(50);

impl<S: SimpleBroker> SimpleFront<S> {
    /// Hands the accepted runs that may start at once to the store; one that it refuses stays here.
    async fn pass_on(&self, ids: Vec<RunId>) -> Result<(), BrokerError> {
        for id in ids {
            let Some(run) = self.front.step(|state, _| state.take_out(id)) else {
                continue;
            };
            if let Err(error) = self.store.queue_task(run.clone()).await {
                self.front.step(|state, _| state.adopt(run));
                return Err(error);
            }
        }
        Ok(())
    }

    /// Fetches as many runs as are wanted and not here; what came before an error is kept.
    async fn fetch(&self, wants: &[LaneWant]) {
        let wanted: usize = wants.iter().map(|want| want.max).sum();
        let here = self.front.step(|state, now| {
            state.promote(now);
            wants
                .iter()
                .map(|want| state.count_ready(&want.queues, want.lane))
                .sum::<usize>()
        });
        for _ in here..wanted {
            match self.store.get_task_run().await {
                Ok(Some(run)) => self.front.step(|state, _| state.adopt(run)),
                Ok(None) | Err(_) => return,
            }
        }
    }

    async fn has_stored(&self, request: &WaitRequest) -> Result<bool, BrokerError> {
        let lengths = self.store.queue_length().await?;
        Ok(request
            .queues
            .iter()
            .any(|queue| lengths.get(queue).is_some_and(|length| *length > 0)))
    }

    async fn until_ready(&self, request: &WaitRequest) -> Result<(), BrokerError> {
        loop {
            let is_here = self.front.step(|state, now| {
                state.promote(now);
                state.has_ready(&request.queues, &request.lanes)
            });
            if is_here || self.has_stored(request).await? {
                return Ok(());
            }
            let mut look = request.clone();
            look.at_most = LOOK_EVERY;
            self.front.wait_ready(&look).await?;
        }
    }
}

impl<S: SimpleBroker> Broker for SimpleFront<S> {
    fn capabilities(&self) -> Capabilities {
        let mut capabilities = Capabilities::minimal();
        capabilities.delayed = true;
        capabilities.schedules = true;
        capabilities
    }

    async fn enqueue(&self, request: &EnqueueRequest) -> Result<Vec<Enqueued>, BrokerError> {
        let ids = request.tasks.iter().map(|task| task.id).collect();
        let answers = self.front.enqueue(request).await?;
        self.pass_on(ids).await?;
        Ok(answers)
    }

    async fn claim(&self, request: &ClaimRequest) -> Result<Claimed, BrokerError> {
        self.fetch(&request.wants).await;
        self.front.claim(request).await
    }

    async fn settle(&self, request: &SettleRequest) -> Result<Vec<Settled>, BrokerError> {
        self.front.settle(request).await
    }

    async fn extend(&self, request: &ExtendRequest) -> Result<Extended, BrokerError> {
        self.front.extend(request).await
    }

    async fn reclaim(&self, request: &ReclaimRequest) -> Result<Reclaimed, BrokerError> {
        self.front.reclaim(request).await
    }

    async fn wait_ready(&self, request: &WaitRequest) -> Result<(), BrokerError> {
        let ready = self.until_ready(request);
        tokio::time::timeout(request.at_most, ready)
            .await
            .unwrap_or(Ok(()))
    }

    async fn queue_lengths(&self, queues: &[QueueName]) -> Result<Vec<QueueLengths>, BrokerError> {
        let stored = self.store.queue_length().await?;
        let mut lengths: BTreeMap<QueueName, QueueLengths> = BTreeMap::new();
        for length in self.front.queue_lengths(queues).await? {
            lengths.insert(length.queue.clone(), length);
        }
        for (queue, count) in stored {
            if queues.is_empty() || queues.contains(&queue) {
                let length = lengths.entry(queue.clone());
                length.or_insert_with(|| QueueLengths::empty(queue)).queued += count;
            }
        }
        Ok(lengths.into_values().collect())
    }
}

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
            // A run that the store refuses stays in front, and is claimed from there.
            let _ = self.pass_on(vec![run]).await;
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
