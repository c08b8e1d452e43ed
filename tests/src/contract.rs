//! Clients on the level of the contract: one request at a time, as a consumer or a producer sends it.

use std::sync::Arc;
use std::time::Duration;

use aqueduct::broker_api::{
    Broker, ClaimRequest, EnqueueRequest, Enqueued, ExtendRequest, Extended, LaneWant, Lease,
    LeaseToken, ReclaimRequest, Reclaimed, Sequence, SettleRequest, Settled, Settlement,
};
use aqueduct::redis::RedisBroker;
use aqueduct::run::{Failure, FailureKind};
use aqueduct::{Lane, Payload, QueueName, RunId, TaskName, Timestamp};
use aqueduct_core::{ConsumerId, ProducerId, QueuedTask};

/// A consumer that keeps its identity and its sequence, and does only what it is told.
#[derive(Debug)]
pub struct Client {
    /// Its identity.
    pub id: ConsumerId,
    broker: RedisBroker,
    lease: Duration,
    last: Sequence,
}

impl Client {
    /// Makes a consumer with a lease of that length.
    #[must_use]
    pub fn new(broker: &RedisBroker, lease: Duration) -> Self {
        Self {
            id: ConsumerId::generate(),
            broker: broker.clone(),
            lease,
            last: Sequence::default(),
        }
    }

    /// Claims up to so many runs of the default queue.
    ///
    /// # Panics
    ///
    /// Panics if the broker does not answer.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future may leave runs claimed.
    pub async fn claim(&mut self, most: usize) -> Vec<Lease> {
        self.last = self.last.next();
        let want = LaneWant::new(Lane::Io, Arc::from([QueueName::DEFAULT]), most);
        let request = ClaimRequest::new(self.id, self.last, self.lease).want(want);
        self.broker.claim(&request).await.expect("an answer").leases
    }

    /// Settles attempts as successful, and claims up to so many runs, in one step.
    ///
    /// # Panics
    ///
    /// Panics if the broker does not answer, or a lease was lost.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future may leave it done or not.
    pub async fn exchange(&mut self, ended: Vec<Lease>, most: usize) -> Vec<Lease> {
        self.last = self.last.next();
        let want = LaneWant::new(Lane::Io, Arc::from([QueueName::DEFAULT]), most);
        let settle = ended.into_iter().map(|lease| lease.settle(succeed()));
        let request = ClaimRequest::new(self.id, self.last, self.lease).want(want);
        let request = request.settling(settle.collect());
        let claimed = self.broker.claim(&request).await.expect("an answer");
        assert!(!claimed.settled.contains(&Settled::LeaseLost));
        claimed.leases
    }

    /// Claims one run, which must be there.
    ///
    /// # Panics
    ///
    /// Panics if there is none.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future may leave a run claimed.
    pub async fn claim_one(&mut self) -> Lease {
        self.claim(1).await.pop().expect("there is a run to claim")
    }

    /// Settles one attempt.
    ///
    /// # Panics
    ///
    /// Panics if the broker does not answer.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future may leave it settled or not.
    pub async fn settle(&mut self, token: LeaseToken, settlement: Settlement) -> Settled {
        let request = self.next_settle(token, settlement);
        self.broker
            .settle(&request)
            .await
            .expect("an answer")
            .remove(0)
    }

    /// Makes the next request to settle, to be sent any number of times.
    pub fn next_settle(&mut self, token: LeaseToken, settlement: Settlement) -> SettleRequest {
        self.last = self.last.next();
        let items = vec![aqueduct::broker_api::Settle::new(token, settlement)];
        SettleRequest::new(self.id, self.last, items)
    }

    /// Makes the request to renew the lease on what it holds.
    #[must_use]
    pub fn renewal(&self, held: Vec<LeaseToken>) -> ExtendRequest {
        ExtendRequest::new(self.id, self.lease, self.last).holding(held)
    }

    /// Renews the lease.
    ///
    /// # Panics
    ///
    /// Panics if the broker does not answer.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future may leave it renewed or not.
    pub async fn extend(&self, held: Vec<LeaseToken>) -> Extended {
        let request = self.renewal(held);
        self.broker.extend(&request).await.expect("an answer")
    }
}

/// A producer that keeps its identity and its sequence.
#[derive(Debug)]
pub struct Source {
    id: ProducerId,
    broker: RedisBroker,
    last: Sequence,
}

impl Source {
    /// Makes a producer.
    #[must_use]
    pub fn new(broker: &RedisBroker) -> Self {
        Self {
            id: ProducerId::generate(),
            broker: broker.clone(),
            last: Sequence::default(),
        }
    }

    /// Queues runs in one request.
    ///
    /// # Panics
    ///
    /// Panics if the broker does not answer.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future may leave them queued or not.
    pub async fn enqueue(&mut self, tasks: Vec<QueuedTask>) -> Vec<Enqueued> {
        self.last = self.last.next();
        let request = EnqueueRequest::new(self.id, self.last, tasks);
        self.broker.enqueue(&request).await.expect("an answer")
    }
}

/// Returns a run to queue, with an id that nobody else has.
#[must_use]
pub fn run() -> QueuedTask {
    let task = TaskName::from_static("note");
    let mut task = QueuedTask::new(RunId::generate(Timestamp::MIN), task, Payload::empty());
    task.has_new_id = true;
    task
}

/// Queues runs in one request, of a producer of its own.
///
/// # Panics
///
/// Panics if the broker does not answer.
///
/// # Cancel safety
///
/// Dropping the future may leave them queued or not.
pub async fn enqueue(broker: &RedisBroker, tasks: Vec<QueuedTask>) -> Vec<Enqueued> {
    Source::new(broker).enqueue(tasks).await
}

/// Queues one run, which must be accepted; returns its id.
///
/// # Panics
///
/// Panics if it is not.
///
/// # Cancel safety
///
/// Dropping the future may leave it queued or not.
pub async fn enqueue_one(broker: &RedisBroker, task: QueuedTask) -> RunId {
    let id = task.id;
    let answer = enqueue(broker, vec![task]).await.remove(0);
    assert!(matches!(answer, Enqueued::Accepted(_)), "{answer:?}");
    id
}

/// Takes back what the dead hold, once; a beat of a minute, so that no pause counts as a standstill.
///
/// # Panics
///
/// Panics if the broker does not answer.
///
/// # Cancel safety
///
/// Dropping the future may leave it done or not.
pub async fn reclaim(broker: &RedisBroker) -> Reclaimed {
    let beat = ReclaimRequest::new(Duration::from_mins(1), Duration::from_secs(1));
    broker.reclaim(&beat).await.expect("an answer")
}

/// Takes back what the dead hold, until so many runs were taken back.
///
/// # Panics
///
/// Panics if they are not for too long.
///
/// # Cancel safety
///
/// Dropping the future may leave some taken back.
pub async fn reclaim_all(broker: &RedisBroker, count: usize) {
    let taken = async {
        let mut taken = 0;
        while taken < count {
            let reclaimed = reclaim(broker).await;
            taken += reclaimed.requeued + reclaimed.failed + reclaimed.cancelled;
        }
        assert_eq!(taken, count);
    };
    crate::soon("the dead are not found", taken).await;
}

/// The settlement of an attempt that succeeded.
#[must_use]
pub fn succeed() -> Settlement {
    Settlement::Succeed { result: None }
}

/// The settlement of an attempt that failed for good.
#[must_use]
pub fn fail() -> Settlement {
    Settlement::Fail { failure: failure() }
}

/// What failed.
#[must_use]
pub fn failure() -> Failure {
    Failure::new(FailureKind::Error, "it did not work")
}
