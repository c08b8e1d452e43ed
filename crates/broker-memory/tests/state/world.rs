//! What the tests are written with: a broker, its clock, consumers.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use aqueduct_broker_api::{
    Broker, BrokerAdmin, ClaimRequest, EnqueueRequest, Enqueued, LaneWant, Lease, LimitInfo,
    ReclaimRequest, Reclaimed, Sequence, Settle, Settlement,
};
use aqueduct_broker_conformance::{START, named};
use aqueduct_broker_memory::MemoryBroker;
use aqueduct_core::clock::ManualClock;
use aqueduct_core::run::{Failure, FailureKind, Limit, Reason};
use aqueduct_core::{ConsumerId, Lane, ProducerId, QueueName, QueuedTask, RunId, TaskRun};

pub(crate) const SECOND: Duration = Duration::from_secs(1);
pub(crate) const MILLI: Duration = Duration::from_millis(1);

/// The lease of the consumer, which no test lets run out.
const LEASE: Duration = Duration::from_hours(24);

/// A broker on a clock that the test moves, and one consumer.
pub(crate) struct World {
    pub(crate) broker: MemoryBroker,
    pub(crate) clock: ManualClock,
    consumer: ConsumerId,
    last: Sequence,
}

impl World {
    pub(crate) fn new() -> Self {
        let clock = ManualClock::new(START);
        Self {
            broker: MemoryBroker::with_clock(clock.clock()),
            clock,
            consumer: ConsumerId::generate(),
            last: Sequence::default(),
        }
    }

    pub(crate) async fn queue(&self, tasks: impl IntoIterator<Item = QueuedTask>) {
        for task in tasks {
            let answer = self.answer(task).await;
            assert!(matches!(answer, Enqueued::Accepted(_)), "{answer:?}");
        }
    }

    /// Queues one task, and returns the answer.
    pub(crate) async fn answer(&self, task: QueuedTask) -> Enqueued {
        let request = EnqueueRequest::new(ProducerId::generate(), Sequence::FIRST, vec![task]);
        self.broker.enqueue(&request).await.unwrap().remove(0)
    }

    pub(crate) async fn claim(&mut self, most: usize) -> Vec<Lease> {
        let request = self.next_claim(most);
        self.broker.claim(&request).await.unwrap().leases
    }

    /// Claims what there is, and returns the names of the tasks.
    pub(crate) async fn claim_names(&mut self) -> Vec<String> {
        let leases = self.claim(99).await;
        let name = |lease: &Lease| lease.run().task.to_string();
        leases.iter().map(name).collect()
    }

    pub(crate) async fn claim_one(&mut self) -> Lease {
        self.claim(1).await.pop().unwrap()
    }

    pub(crate) async fn settle(&mut self, lease: Lease, settlement: Settlement) {
        self.settle_item(lease.settle(settlement)).await;
    }

    pub(crate) async fn settle_item(&mut self, item: Settle) {
        let request = self.next_claim(0).settling(vec![item]);
        self.broker.claim(&request).await.unwrap();
    }

    fn next_claim(&mut self, most: usize) -> ClaimRequest {
        self.last = self.last.next();
        let want = LaneWant::new(Lane::Io, Arc::from([QueueName::DEFAULT]), most);
        ClaimRequest::new(self.consumer, self.last, LEASE).want(want)
    }

    pub(crate) async fn cancel(&self, id: RunId) {
        let reason = Reason::new("enough");
        self.broker.cancel(&[id], reason).await.unwrap();
    }

    pub(crate) async fn find(&self, id: RunId) -> TaskRun {
        self.broker.find(&[id]).await.unwrap().remove(0).unwrap()
    }

    /// Returns how the limits stand that are in use.
    pub(crate) async fn limits(&self) -> Vec<LimitInfo> {
        self.broker.limits(&[]).await.unwrap()
    }

    pub(crate) async fn beat(&self) -> Reclaimed {
        self.beat_with_limit(1000).await
    }

    pub(crate) async fn beat_with_limit(&self, most: usize) -> Reclaimed {
        let request = ReclaimRequest::new(SECOND, LEASE).with_limit(most);
        self.broker.reclaim(&request).await.unwrap()
    }
}

/// Begins a wait, or looks whether it is over.
pub(crate) fn begin<T>(wait: Pin<&mut impl Future<Output = T>>) -> Poll<T> {
    wait.poll(&mut Context::from_waker(Waker::noop()))
}

/// Returns a task with these limits.
pub(crate) fn limited(task: &str, limits: impl IntoIterator<Item = Limit>) -> QueuedTask {
    let mut task = named(task);
    for limit in limits {
        task.options_mut().limits.set(limit).unwrap();
    }
    task
}

pub(crate) fn at_once(key: &str, max: u32) -> Limit {
    Limit::concurrency(key, max).unwrap()
}

pub(crate) fn rate(key: &str, max: u32, per: Duration) -> Limit {
    Limit::rate(key, max, per).unwrap()
}

pub(crate) fn succeed() -> Settlement {
    Settlement::Succeed { result: None }
}

pub(crate) fn failure() -> Failure {
    Failure::new(FailureKind::Error, "it did not work")
}
