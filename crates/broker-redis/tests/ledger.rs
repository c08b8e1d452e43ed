//! What a process believes to hold is trusted only if nobody else has changed it.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;
use std::time::Duration;

use aqueduct_broker_api::{
    Broker, BrokerAdmin, ClaimRequest, EnqueueRequest, LaneWant, Lease, Sequence, SettleRequest,
    Settled, Settlement,
};
use aqueduct_broker_redis::RedisBroker;
use aqueduct_core::run::Limit;
use aqueduct_core::{
    ConsumerId, Lane, Payload, ProducerId, QueueName, QueuedTask, RunId, RunState, TaskName,
    Timestamp,
};
use aqueduct_redis_server::RedisServer;

const SUCCEEDED: Settled = Settled::Applied(RunState::Succeeded);

/// One consumer as seen from a process of its own.
struct Process {
    broker: RedisBroker,
    consumer: ConsumerId,
}

impl Process {
    async fn of(server: &RedisServer, consumer: ConsumerId) -> Self {
        let broker = RedisBroker::from_url(&server.url()).await.unwrap();
        Self { broker, consumer }
    }

    async fn claim(&self, number: u64, max: usize) -> Vec<Lease> {
        let want = LaneWant::new(Lane::Io, Arc::from([QueueName::DEFAULT]), max);
        let (number, lease) = (Sequence::from_number(number), Duration::from_mins(1));
        let request = ClaimRequest::new(self.consumer, number, lease).want(want);
        self.broker.claim(&request).await.unwrap().leases
    }

    async fn settle(&self, number: u64, lease: Lease, settlement: Settlement) -> Settled {
        let number = Sequence::from_number(number);
        let items = vec![lease.settle(settlement)];
        let request = SettleRequest::new(self.consumer, number, items);
        self.broker.settle(&request).await.unwrap()[0]
    }
}

fn success() -> Settlement {
    Settlement::Succeed { result: None }
}

async fn queue(broker: &RedisBroker, runs: usize) {
    let task = || {
        let id = RunId::generate(Timestamp::MIN);
        QueuedTask::new(id, TaskName::from_static("a"), Payload::empty())
    };
    let tasks = (0..runs).map(|_| task()).collect();
    let request = EnqueueRequest::new(ProducerId::generate(), Sequence::FIRST, tasks);
    broker.enqueue(&request).await.unwrap();
}

#[tokio::test]
async fn a_run_that_was_settled_elsewhere_is_not_settled_again() {
    let server = RedisServer::start().unwrap();
    let consumer = ConsumerId::generate();
    let (here, there) = (
        Process::of(&server, consumer).await,
        Process::of(&server, consumer).await,
    );
    queue(&here.broker, 2).await;
    let mut first = here.claim(1, 1).await;
    let same = first.pop().unwrap();
    let copy = Lease::new(same.run().clone(), consumer);
    // As many runs are held as before, but another one.
    assert_eq!(there.settle(2, copy, success()).await, SUCCEEDED);
    assert_eq!(there.claim(3, 1).await.len(), 1);
    assert_eq!(here.settle(4, same, success()).await, Settled::LeaseLost);
    let lengths = here.broker.queue_lengths(&[QueueName::DEFAULT]).await;
    assert_eq!(
        lengths.unwrap()[0].running,
        1,
        "the other run is still held"
    );
}

#[tokio::test]
async fn successes_count_whether_the_ledger_is_exact_or_lost() {
    let server = RedisServer::start().unwrap();
    let consumer = ConsumerId::generate();
    let process = Process::of(&server, consumer).await;
    queue(&process.broker, 4).await;
    let mut leases = process.claim(1, 4).await;
    assert_eq!(
        process.settle(2, leases.pop().unwrap(), success()).await,
        SUCCEEDED
    );
    // A process that is new knows nothing of what it holds.
    let anew = Process::of(&server, consumer).await;
    assert_eq!(
        anew.settle(3, leases.pop().unwrap(), success()).await,
        SUCCEEDED
    );
    assert_eq!(
        process.settle(4, leases.pop().unwrap(), success()).await,
        SUCCEEDED
    );
    let last = leases.pop().unwrap();
    let again = Lease::new(last.run().clone(), consumer);
    assert_eq!(process.settle(5, last, success()).await, SUCCEEDED);
    assert_eq!(
        process.settle(6, again, success()).await,
        Settled::LeaseLost
    );
    let lengths = process.broker.queue_lengths(&[QueueName::DEFAULT]).await;
    assert_eq!(lengths.unwrap()[0].running, 0);
}

/// Queues runs of these tasks, one by one; the first keeps its result, the others share a limit.
async fn queue_of(broker: &RedisBroker, tasks: [&'static str; 3]) -> Limit {
    let limit = Limit::concurrency("k", 3).unwrap();
    let task = |(place, name): (usize, &'static str)| {
        let id = RunId::generate(Timestamp::MIN);
        let mut task = QueuedTask::new(id, TaskName::from_static(name), Payload::empty());
        task.has_new_id = true;
        if place == 0 {
            task.options_mut().keep_result = Some(Duration::from_mins(1));
        } else {
            task.options_mut().limits.set(limit.clone()).unwrap();
        }
        task
    };
    for task in tasks.into_iter().enumerate().map(task) {
        let request = EnqueueRequest::new(ProducerId::generate(), Sequence::FIRST, vec![task]);
        broker.enqueue(&request).await.unwrap();
    }
    limit
}

fn again(lease: &Lease) -> Lease {
    Lease::new(lease.run().clone(), lease.token().consumer)
}

#[tokio::test]
async fn what_is_settled_twice_at_once_frees_its_place_once() {
    let server = RedisServer::start().unwrap();
    let process = Process::of(&server, ConsumerId::generate()).await;
    let limit = queue_of(&process.broker, ["a", "a", "a"]).await;
    let mut held = process.claim(1, 3).await;
    let (_, twice, kept) = (held.pop(), held.pop().unwrap(), held.pop().unwrap());
    let items = [again(&kept), again(&twice), twice].map(|lease| lease.settle(success()));
    let number = Sequence::from_number(2);
    let request = SettleRequest::new(process.consumer, number, items.to_vec());
    let settled = process.broker.settle(&request).await.unwrap();
    assert_eq!(settled, [SUCCEEDED, SUCCEEDED, Settled::LeaseLost]);
    let limits = process.broker.limits(&[limit]).await.unwrap();
    assert_eq!(limits[0].running, 1);
}

#[tokio::test]
async fn a_repeated_settlement_has_the_same_answers_in_the_same_order() {
    let server = RedisServer::start().unwrap();
    let consumer = ConsumerId::generate();
    let process = Process::of(&server, consumer).await;
    let there = Process::of(&server, consumer).await;
    queue_of(&process.broker, ["x", "a", "b"]).await;
    queue_of(&process.broker, ["y", "a", "b"]).await;
    let mut held = process.claim(1, 6).await;
    held.retain(|lease| {
        lease
            .run()
            .options
            .as_ref()
            .is_none_or(|it| it.keep_result.is_none())
    });
    assert_eq!(held.len(), 3, "as many as the limit lets start");
    assert_eq!(there.settle(2, again(&held[1]), success()).await, SUCCEEDED);
    let items = held.into_iter().map(|lease| lease.settle(success()));
    let request = SettleRequest::new(consumer, Sequence::from_number(3), items.collect());
    for _ in 0..2 {
        let settled = process.broker.settle(&request).await.unwrap();
        assert_eq!(settled, [SUCCEEDED, Settled::LeaseLost, SUCCEEDED]);
    }
}
