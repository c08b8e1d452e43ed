//! What cases are written with: a bench, consumers, producers, tasks to queue.

use std::sync::Arc;
use std::time::Duration;

use aqueduct_broker_api::{
    AdminHandle, Broker, BrokerAdmin, BrokerError, BrokerHandle, ClaimRequest, Claimed,
    EnqueueRequest, Enqueued, ExtendRequest, Extended, Introduction, LaneWant, Lease, LeaseToken,
    QueueLengths, ReclaimRequest, Reclaimed, Report, ScheduleHandle, Sequence, Settle,
    SettleRequest, Settled, Settlement,
};
use aqueduct_core::run::{Failure, FailureKind, TaskRun};
use aqueduct_core::{
    ConsumerId, Lane, Payload, ProducerId, QueueName, QueuedTask, RunId, RunState, TaskName,
    Timestamp,
};

use crate::harness::{ErasedHarness, Fixture, Harness, TestClock};

/// When the clocks of fixtures begin: 2026-01-01.
pub const START: Timestamp = Timestamp::from_millis(1_767_225_600_000);

/// The lease of test consumers.
const LEASE: Duration = Duration::from_secs(5);

/// The beat of test consumers.
const BEAT: Duration = Duration::from_secs(1);

/// How long a broker may take to wake a waiter before the case gives up on it.
const PATIENCE: Duration = Duration::from_secs(10);

/// An empty broker, its clock, and shorthands.
#[derive(Clone, Debug)]
pub struct Bench {
    /// The broker.
    pub broker: BrokerHandle,
    clock: Arc<dyn TestClock>,
    harness: Arc<dyn ErasedHarness>,
}

/// A consumer that keeps its identity and its sequence.
#[derive(Debug)]
pub struct Consumer {
    /// Its identity.
    pub id: ConsumerId,
    broker: BrokerHandle,
    last: Sequence,
}

/// A producer that keeps its identity and its sequence.
#[derive(Debug)]
pub struct Producer {
    /// Its identity.
    pub id: ProducerId,
    broker: BrokerHandle,
    last: Sequence,
}

/// Returns a task of that name to queue, with parameters that tell runs apart.
#[must_use]
pub fn named(task: &str) -> QueuedTask {
    let payload = Payload::encode(
        &[("task", task)]
            .into_iter()
            .collect::<std::collections::BTreeMap<_, _>>(),
    );
    let id = RunId::generate(START);
    let mut task = QueuedTask::new(id, task.parse().unwrap(), payload.unwrap());
    task.has_new_id = true;
    task
}

impl Bench {
    /// Makes a bench of a fresh fixture.
    ///
    /// # Cancel safety
    ///
    /// Never dropped before it ends.
    pub async fn of(harness: impl Harness) -> Self {
        Self::with(Arc::new(harness)).await
    }

    /// Makes another bench, with a fresh fixture of the same harness.
    pub(crate) async fn again(&self) -> Self {
        Self::with(Arc::clone(&self.harness)).await
    }

    async fn with(harness: Arc<dyn ErasedHarness>) -> Self {
        let Fixture { broker, clock } = harness.make().await;
        Self {
            broker,
            clock,
            harness,
        }
    }

    pub(crate) fn admin(&self) -> &AdminHandle {
        self.broker.admin().expect("the broker has no BrokerAdmin")
    }

    pub(crate) fn schedules(&self) -> &ScheduleHandle {
        self.broker
            .schedules()
            .expect("the broker has no ScheduleStore")
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(crate) async fn advance(&self, by: Duration) {
        self.clock.advance(by).await;
    }

    /// Moves time forward as it passes where consumers beat.
    pub(crate) async fn advance_in_beats(&self, by: Duration) -> Reclaimed {
        let mut sum = Reclaimed::default();
        let mut left = by;
        while !left.is_zero() {
            let step = left.min(BEAT);
            self.advance(step).await;
            let reclaimed = self.beat().await;
            sum.requeued += reclaimed.requeued;
            sum.failed += reclaimed.failed;
            sum.expired += reclaimed.expired;
            sum.swept += reclaimed.swept;
            left -= step;
        }
        sum
    }

    pub(crate) async fn beat(&self) -> Reclaimed {
        self.broker
            .reclaim(&ReclaimRequest::new(BEAT, LEASE))
            .await
            .unwrap()
    }

    pub(crate) fn consumer(&self) -> Consumer {
        Consumer {
            id: ConsumerId::generate(),
            broker: self.broker.clone(),
            last: Sequence::default(),
        }
    }

    pub(crate) fn producer(&self) -> Producer {
        Producer {
            id: ProducerId::generate(),
            broker: self.broker.clone(),
            last: Sequence::default(),
        }
    }

    /// Queues tasks, each accepted.
    pub(crate) async fn queue(&self, tasks: impl IntoIterator<Item = QueuedTask>) {
        let tasks: Vec<QueuedTask> = tasks.into_iter().collect();
        for answer in self.producer().enqueue(tasks).await.unwrap() {
            assert!(
                matches!(answer, Enqueued::Accepted(_)),
                "not accepted: {answer:?}"
            );
        }
    }

    pub(crate) async fn queue_one(&self, task: &str) -> RunId {
        let task = named(task);
        let id = task.id;
        self.queue([task]).await;
        id
    }

    pub(crate) async fn find(&self, id: RunId) -> Option<TaskRun> {
        self.admin().find(&[id]).await.unwrap().pop().flatten()
    }

    pub(crate) async fn state(&self, id: RunId) -> Option<RunState> {
        self.find(id).await.map(|run| run.state)
    }

    pub(crate) async fn lengths(&self) -> QueueLengths {
        self.lengths_of("default").await
    }

    pub(crate) async fn lengths_of(&self, queue: &str) -> QueueLengths {
        let queue = [queue_name(queue)];
        self.broker.queue_lengths(&queue).await.unwrap().remove(0)
    }
}

impl Producer {
    pub(crate) async fn enqueue(
        &mut self,
        tasks: Vec<QueuedTask>,
    ) -> Result<Vec<Enqueued>, BrokerError> {
        self.last = self.last.next();
        self.broker
            .enqueue(&EnqueueRequest::new(self.id, self.last, tasks))
            .await
    }
}

impl Consumer {
    pub(crate) fn next_claim(&mut self, max: usize) -> ClaimRequest {
        self.last = self.last.next();
        let queues = Arc::from([QueueName::DEFAULT]);
        ClaimRequest::new(self.id, self.last, LEASE).want(LaneWant::new(Lane::Io, queues, max))
    }

    pub(crate) async fn send(&self, request: &ClaimRequest) -> Result<Claimed, BrokerError> {
        self.broker.claim(request).await
    }

    pub(crate) async fn claim(&mut self, max: usize) -> Vec<Lease> {
        let request = self.next_claim(max);
        self.send(&request).await.unwrap().leases
    }

    pub(crate) async fn claim_one(&mut self) -> Lease {
        self.claim(1).await.pop().expect("there is a run to claim")
    }

    /// Claims up to `max` runs and returns the names of their tasks.
    pub(crate) async fn claim_names(&mut self, max: usize) -> Vec<String> {
        names(&self.claim(max).await)
    }

    pub(crate) fn next_settle(&mut self, items: Vec<Settle>) -> SettleRequest {
        self.last = self.last.next();
        SettleRequest::new(self.id, self.last, items)
    }

    pub(crate) async fn settle_items(&mut self, items: Vec<Settle>) -> Vec<Settled> {
        let request = self.next_settle(items);
        self.broker.settle(&request).await.unwrap()
    }

    pub(crate) async fn settle(&mut self, lease: Lease, settlement: Settlement) -> Settled {
        self.settle_items(vec![lease.settle(settlement)])
            .await
            .remove(0)
    }

    pub(crate) async fn extend(&self, held: Vec<LeaseToken>) -> Extended {
        let request = ExtendRequest::new(self.id, LEASE, self.last).holding(held);
        self.broker.extend(&request).await.unwrap()
    }

    /// Beats for the last time.
    pub(crate) async fn leave(&self, held: Vec<LeaseToken>) -> Extended {
        let request = ExtendRequest::leaving(self.id, self.last).holding(held);
        self.broker.extend(&request).await.unwrap()
    }

    /// Beats, and says what it takes.
    pub(crate) async fn introduce(&self, introduction: Arc<Introduction>) {
        let request = ExtendRequest::new(self.id, LEASE, self.last);
        let request = request.with_introduction(introduction);
        self.broker.extend(&request).await.unwrap();
    }

    /// Beats, with what runs report.
    pub(crate) async fn report(&self, held: Vec<LeaseToken>, reports: Vec<Report>) -> Extended {
        let request = ExtendRequest::new(self.id, LEASE, self.last).holding(held);
        self.broker
            .extend(&request.reporting(reports))
            .await
            .unwrap()
    }

    pub(crate) async fn extend_answered(
        &self,
        answered: Sequence,
        held: Vec<LeaseToken>,
    ) -> Extended {
        let request = ExtendRequest::new(self.id, LEASE, answered).holding(held);
        self.broker.extend(&request).await.unwrap()
    }

    pub(crate) fn last(&self) -> Sequence {
        self.last
    }
}

/// Waits for what must come soon; fails with `problem` if it does not.
pub(crate) async fn within<T>(problem: &str, wait: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, wait).await.expect(problem)
}

/// Returns the names of the tasks of some leases.
pub(crate) fn names(leases: &[Lease]) -> Vec<String> {
    leases
        .iter()
        .map(|lease| lease.run().task.to_string())
        .collect()
}

pub(crate) fn failure() -> Failure {
    Failure::new(FailureKind::Error, "it did not work")
}

pub(crate) fn succeed() -> Settlement {
    Settlement::Succeed { result: None }
}

pub(crate) fn fail() -> Settlement {
    Settlement::Fail { failure: failure() }
}

pub(crate) fn retry(wait: Duration) -> Settlement {
    Settlement::Retry {
        wait,
        failure: failure(),
    }
}

pub(crate) fn queue_name(name: &str) -> QueueName {
    name.parse().unwrap()
}

pub(crate) fn task_name(name: &str) -> TaskName {
    name.parse().unwrap()
}

/// Some time within the lease of test consumers.
pub(crate) const HALF_LEASE: Duration = Duration::from_millis(2500);

/// Longer than the lease of test consumers.
pub(crate) const PAST_LEASE: Duration = Duration::from_secs(6);
