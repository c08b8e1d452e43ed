//! A broker whose every step is judged.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aqueduct::broker_api::{
    Broker, BrokerAdmin, BrokerError, BrokerErrorKind, BrokerHandle, Capabilities,
    CheckpointRequest, Checkpointed, ClaimRequest, Claimed, ConsumerInfo, EnqueueRequest, Enqueued,
    ExtendRequest, Extended, Fire, Fired, Holder, KeyHolder, Lease, LimitInfo, PauseScope,
    QueueLengths, ReclaimRequest, Reclaimed, RunFilter, RunPage, ScheduleDefinition,
    ScheduleSnapshot, ScheduleStore, SettleRequest, Settled, TaskInfo, TurnInfo, Upserted,
    WaitEndedRequest, WaitRequest,
};
use aqueduct::key::Key;
use aqueduct::run::{CancelAnswer, Limit, Reason, WaitAnswer};
use aqueduct::{QueueName, RunId, ScheduleName, TaskRun};
use aqueduct_core::Clock;

use super::court::Court;
use super::defect::Defect;
use super::defective::Store;
use super::event::Deed;
use super::view::View;

/// A broker around another; each of its steps is judged by the same court. Clones are the same.
#[derive(Clone, Debug)]
pub struct Observed {
    store: Store,
    clock: Clock,
    court: Arc<Mutex<Court>>,
}

impl Observed {
    /// Observes a broker that goes by a clock.
    #[must_use]
    pub fn new(broker: BrokerHandle, clock: Clock, court: Court) -> Self {
        Self {
            store: Store::new(broker, None),
            clock,
            court: Arc::new(Mutex::new(court)),
        }
    }

    /// Lets the broker do something wrong.
    #[must_use]
    pub fn with_defect(mut self, defect: Option<Defect>) -> Self {
        self.store = Store::new(self.store.inner, defect);
        self
    }

    /// Returns the court.
    pub fn court(&self) -> MutexGuard<'_, Court> {
        self.court.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn hear(&self, deed: Deed) {
        let view = View::of(&self.store.inner).await;
        self.court().hear(&deed, &self.clock, view);
    }

    /// Judges a refusal: the only one there is cause for is that of a request that is too old.
    fn refused(&self, error: &BrokerError, is_stale: bool) {
        if error.kind() != BrokerErrorKind::Stale || !is_stale {
            self.court()
                .accuse(format!("refused without cause: {error}"));
        }
    }
}

impl Broker for Observed {
    fn capabilities(&self) -> Capabilities {
        self.store.inner.capabilities()
    }

    async fn enqueue(&self, request: &EnqueueRequest) -> Result<Vec<Enqueued>, BrokerError> {
        let answer = self.store.enqueue(request).await;
        match &answer {
            Ok(answers) => {
                let (request, answers) = (request.clone(), answers.clone());
                self.hear(Deed::Enqueued { request, answers }).await;
            }
            Err(error) => {
                let (producer, sequence) = (request.producer, request.sequence);
                let is_stale = self.court().ledger().is_stale_of(producer, sequence);
                self.refused(error, is_stale);
            }
        }
        answer
    }

    async fn claim(&self, request: &ClaimRequest) -> Result<Claimed, BrokerError> {
        let answer = self.store.claim(request).await;
        match &answer {
            Ok(claimed) => {
                let deed = Deed::Claimed {
                    request: request.clone(),
                    leases: claimed.leases.iter().map(Lease::run).cloned().collect(),
                    settled: claimed.settled.clone(),
                };
                self.hear(deed).await;
            }
            Err(error) => {
                let (consumer, sequence) = (request.consumer, request.sequence);
                let is_stale = self.court().ledger().is_stale(consumer, sequence);
                self.refused(error, is_stale);
            }
        }
        answer
    }

    async fn settle(&self, request: &SettleRequest) -> Result<Vec<Settled>, BrokerError> {
        let settled = self.store.inner.settle(request).await?;
        let deed = Deed::Settled {
            request: request.clone(),
            settled: settled.clone(),
        };
        self.hear(deed).await;
        Ok(settled)
    }

    async fn extend(&self, request: &ExtendRequest) -> Result<Extended, BrokerError> {
        let extended = self.store.extend(request).await?;
        let deed = Deed::Extended {
            request: request.clone(),
            extended: extended.clone(),
        };
        self.hear(deed).await;
        Ok(extended)
    }

    async fn checkpoint(&self, request: &CheckpointRequest) -> Result<Checkpointed, BrokerError> {
        let answer = self.store.inner.checkpoint(request).await?;
        let request = request.clone();
        self.hear(Deed::Checkpointed { request, answer }).await;
        Ok(answer)
    }

    async fn reclaim(&self, request: &ReclaimRequest) -> Result<Reclaimed, BrokerError> {
        let done = self.store.reclaim(request).await?;
        let request = *request;
        self.hear(Deed::Reclaimed { request, done }).await;
        Ok(done)
    }

    async fn wait_ready(&self, request: &WaitRequest) -> Result<(), BrokerError> {
        self.store.inner.wait_ready(request).await
    }

    async fn wait_ended(&self, request: &WaitEndedRequest) -> Result<WaitAnswer, BrokerError> {
        let (number, run) = (self.court().next_wait(), request.run);
        self.hear(Deed::WaitBegan { number, run }).await;
        let answer = self.store.wait_ended(request).await?;
        let told = answer.clone();
        self.hear(Deed::WaitOver {
            number,
            answer: told,
        })
        .await;
        Ok(answer)
    }

    async fn queue_lengths(&self, queues: &[QueueName]) -> Result<Vec<QueueLengths>, BrokerError> {
        self.store.inner.queue_lengths(queues).await
    }
}

impl ScheduleStore for Observed {
    async fn upsert(
        &self,
        definitions: &[ScheduleDefinition],
    ) -> Result<Vec<Upserted>, BrokerError> {
        let answers = self.store.inner.schedules()?.upsert(definitions).await?;
        let deed = Deed::Upserted {
            definitions: definitions.to_vec(),
            answers: answers.clone(),
        };
        self.hear(deed).await;
        Ok(answers)
    }

    async fn list(&self) -> Result<ScheduleSnapshot, BrokerError> {
        self.store.inner.schedules()?.list().await
    }

    async fn fire(&self, fire: &Fire) -> Result<Fired, BrokerError> {
        let fired = self.store.fire(fire).await?;
        let fire = fire.clone();
        self.hear(Deed::Fired { fire, fired }).await;
        Ok(fired)
    }

    async fn set_enabled(&self, name: &ScheduleName, enabled: bool) -> Result<bool, BrokerError> {
        let known = self
            .store
            .inner
            .schedules()?
            .set_enabled(name, enabled)
            .await?;
        let schedule = name.clone();
        self.hear(Deed::Switched { schedule, enabled }).await;
        Ok(known)
    }

    async fn remove(&self, name: &ScheduleName) -> Result<bool, BrokerError> {
        let known = self.store.inner.schedules()?.remove(name).await?;
        let schedule = name.clone();
        self.hear(Deed::Removed { schedule }).await;
        Ok(known)
    }

    async fn wait_changed(&self, seen: u64, at_most: Duration) -> Result<bool, BrokerError> {
        self.store
            .inner
            .schedules()?
            .wait_changed(seen, at_most)
            .await
    }
}

impl BrokerAdmin for Observed {
    async fn find(&self, runs: &[RunId]) -> Result<Vec<Option<TaskRun>>, BrokerError> {
        self.store.inner.admin()?.find(runs).await
    }

    async fn list(&self, filter: &RunFilter) -> Result<RunPage, BrokerError> {
        self.store.inner.admin()?.list(filter).await
    }

    async fn cancel(
        &self,
        runs: &[RunId],
        reason: Reason,
    ) -> Result<Vec<CancelAnswer>, BrokerError> {
        let answers = self.store.cancel(runs, reason).await?;
        let deed = Deed::Cancelled {
            runs: runs.to_vec(),
            answers: answers.clone(),
        };
        self.hear(deed).await;
        Ok(answers)
    }

    async fn requeue(&self, runs: &[RunId]) -> Result<Vec<bool>, BrokerError> {
        let answers = self.store.inner.admin()?.requeue(runs).await?;
        let deed = Deed::Requeued {
            runs: runs.to_vec(),
            answers: answers.clone(),
        };
        self.hear(deed).await;
        Ok(answers)
    }

    async fn holders(&self, runs: &[RunId]) -> Result<Vec<Option<Holder>>, BrokerError> {
        self.store.inner.admin()?.holders(runs).await
    }

    async fn key_holders(&self, keys: &[Key]) -> Result<Vec<Option<KeyHolder>>, BrokerError> {
        self.store.inner.admin()?.key_holders(keys).await
    }

    async fn discard(&self, runs: &[RunId]) -> Result<Vec<bool>, BrokerError> {
        let answers = self.store.inner.admin()?.discard(runs).await?;
        let deed = Deed::Discarded {
            runs: runs.to_vec(),
            answers: answers.clone(),
        };
        self.hear(deed).await;
        Ok(answers)
    }

    async fn purge(&self, queue: &QueueName) -> Result<usize, BrokerError> {
        let count = self.store.inner.admin()?.purge(queue).await?;
        let queue = queue.clone();
        self.hear(Deed::Purged { queue, count }).await;
        Ok(count)
    }

    async fn set_paused(&self, scope: &PauseScope, paused: bool) -> Result<(), BrokerError> {
        self.store.inner.admin()?.set_paused(scope, paused).await?;
        let scope = scope.clone();
        self.hear(Deed::Paused { scope, paused }).await;
        Ok(())
    }

    async fn paused(&self) -> Result<Vec<PauseScope>, BrokerError> {
        self.store.inner.admin()?.paused().await
    }

    async fn tasks(&self) -> Result<Vec<TaskInfo>, BrokerError> {
        self.store.inner.admin()?.tasks().await
    }

    async fn consumers(&self) -> Result<Vec<ConsumerInfo>, BrokerError> {
        self.store.inner.admin()?.consumers().await
    }

    async fn limits(&self, limits: &[Limit]) -> Result<Vec<LimitInfo>, BrokerError> {
        self.store.inner.admin()?.limits(limits).await
    }

    async fn turn(&self, run: RunId) -> Result<Option<TurnInfo>, BrokerError> {
        self.store.inner.admin()?.turn(run).await
    }

    async fn unreadable(&self) -> Result<u64, BrokerError> {
        self.store.inner.admin()?.unreadable().await
    }
}
