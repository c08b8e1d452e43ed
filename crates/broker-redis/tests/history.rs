//! What the failed attempts of a run take in Redis, and what becomes of a history that somebody broke.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;
use std::time::Duration;

use aqueduct_broker_api::{
    Broker, ClaimRequest, EnqueueRequest, LaneWant, Lease, Sequence, SettleRequest, Settlement,
};
use aqueduct_broker_redis::RedisBroker;
use aqueduct_core::run::{Failure, FailureKind, MAX_FAILURE_MESSAGE_BYTES};
use aqueduct_core::{
    ConsumerId, Lane, Payload, ProducerId, QueueName, QueuedTask, RunId, TaskName, Timestamp,
};
use aqueduct_redis_server::RedisServer;

/// A consumer that lets one run fail again and again.
struct Failing {
    broker: RedisBroker,
    consumer: ConsumerId,
    last: Sequence,
}

impl Failing {
    async fn new(server: &RedisServer) -> Self {
        let broker = RedisBroker::from_url(&server.url()).await.unwrap();
        let id = RunId::generate(Timestamp::MIN);
        let task = QueuedTask::new(id, TaskName::from_static("a"), Payload::empty());
        let request = EnqueueRequest::new(ProducerId::generate(), Sequence::FIRST, vec![task]);
        broker.enqueue(&request).await.unwrap();
        Self {
            broker,
            consumer: ConsumerId::generate(),
            last: Sequence::default(),
        }
    }

    fn next(&mut self) -> Sequence {
        self.last = self.last.next();
        self.last
    }

    async fn claim(&mut self) -> Option<Lease> {
        let want = LaneWant::new(Lane::Io, Arc::from([QueueName::DEFAULT]), 1);
        let lease = Duration::from_mins(1);
        let request = ClaimRequest::new(self.consumer, self.next(), lease).want(want);
        self.broker.claim(&request).await.unwrap().leases.pop()
    }

    async fn fail(&mut self, lease: Lease) {
        let words = "w".repeat(MAX_FAILURE_MESSAGE_BYTES);
        let retry = Settlement::Retry {
            wait: Duration::ZERO,
            failure: Failure::new(FailureKind::Error, words),
        };
        let items = vec![lease.settle(retry)];
        let request = SettleRequest::new(self.consumer, self.next(), items);
        self.broker.settle(&request).await.unwrap();
    }
}

/// Changes what is stored of all runs, or looks at it.
fn of_stored_runs(server: &RedisServer, body: &str) -> String {
    let script = format!(
        "local runs, sum = redis.call('HGETALL', KEYS[1]), 0 \
         for at = 2, #runs, 2 do {body} end return sum"
    );
    server
        .command(&["EVAL", &script, "1", "{aqueduct}:runs"])
        .unwrap()
}

#[tokio::test]
async fn the_last_attempts_take_bounded_space() {
    let server = RedisServer::start().unwrap();
    let mut failing = Failing::new(&server).await;
    let mut sizes = Vec::new();
    for _ in 0..40 {
        let lease = failing.claim().await.unwrap();
        failing.fail(lease).await;
        let size = of_stored_runs(&server, "sum = sum + #runs[at]");
        sizes.push(size.trim().parse::<usize>().unwrap());
    }
    assert!(sizes[1] > sizes[0], "nothing is kept: {sizes:?}");
    assert_eq!(sizes[39], sizes[15], "it grows and grows: {sizes:?}");
}

/// The lengths in a broken history lead nowhere, and stop no script.
#[tokio::test]
async fn a_broken_history_is_set_aside_when_it_is_claimed() {
    let server = RedisServer::start().unwrap();
    let mut failing = Failing::new(&server).await;
    let lease = failing.claim().await.unwrap();
    failing.fail(lease).await;
    let wrong_length = "redis.call('HSET', KEYS[1], runs[at - 1], \
         (string.gsub(runs[at], '\\2\\27', '\\255\\255')))";
    of_stored_runs(&server, wrong_length);
    assert!(failing.claim().await.is_none(), "it cannot be read");
    let aside = server.command(&["LLEN", "{aqueduct}:unreadable"]).unwrap();
    assert_eq!(aside.trim(), "1");
}
