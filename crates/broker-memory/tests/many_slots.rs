//! A store of very many runs, which gives its memory back once it is empty, and nothing else.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;
use std::time::Duration;

use aqueduct_broker_api::{
    Broker, BrokerAdmin, ClaimRequest, EnqueueRequest, LaneWant, Lease, MAX_PAGE, Sequence,
    Settlement,
};
use aqueduct_broker_conformance::{START, named};
use aqueduct_broker_memory::MemoryBroker;
use aqueduct_core::clock::ManualClock;
use aqueduct_core::run::Fair;
use aqueduct_core::{ConsumerId, Lane, Priority, ProducerId, QueueName, QueuedTask};

/// More than a store keeps room for when it is empty.
const MANY: usize = 65_536 + 512;

async fn queue(broker: &MemoryBroker, tasks: Vec<QueuedTask>) {
    for tasks in tasks.chunks(512) {
        let producer = ProducerId::generate();
        let request = EnqueueRequest::new(producer, Sequence::FIRST, tasks.to_vec());
        broker.enqueue(&request).await.unwrap();
    }
}

async fn broker_of_many() -> MemoryBroker {
    let broker = MemoryBroker::with_clock(ManualClock::new(START).clock());
    queue(&broker, (0..MANY).map(|_| named("a")).collect()).await;
    broker
}

fn claim(most: usize) -> ClaimRequest {
    let want = LaneWant::new(Lane::Io, Arc::from([QueueName::DEFAULT]), most);
    let lease = Duration::from_secs(5);
    ClaimRequest::new(ConsumerId::generate(), Sequence::FIRST, lease).want(want)
}

#[tokio::test]
async fn a_run_that_ends_takes_no_other_with_it() {
    let broker = broker_of_many().await;
    let mut request = claim(512);
    let leases = broker.claim(&request).await.unwrap().leases;
    let succeed = Settlement::Succeed { result: None };
    let items = leases
        .into_iter()
        .map(|lease| lease.settle(succeed.clone()));
    request.settle = items.collect();
    request.sequence = Sequence::FIRST.next();
    assert_eq!(broker.claim(&request).await.unwrap().leases.len(), 512);
    let lengths = broker.queue_lengths(&[]).await.unwrap().remove(0);
    assert_eq!((lengths.queued, lengths.running), (MANY as u64 - 1024, 512));
}

/// What is left in lists of runs that were removed is of no run that comes later, in the same slot.
#[tokio::test]
async fn what_comes_after_all_were_removed_stands_where_it_was_put() {
    let fair = |task: &mut QueuedTask| {
        let key = task.task.as_str();
        task.options_mut().fair = Some(Fair::key(key).unwrap());
    };
    for with in [|_: &mut QueuedTask| {}, fair] {
        let task = |name, priority| {
            let mut task = named(name);
            task.priority = priority;
            with(&mut task);
            task
        };
        let broker = MemoryBroker::with_clock(ManualClock::new(START).clock());
        queue(&broker, vec![task("removed", Priority::Medium)]).await;
        queue(&broker, (1..MANY).map(|_| named("a")).collect()).await;
        remove_all(&broker).await;
        let low = task("low", Priority::Low);
        queue(&broker, vec![low, task("medium", Priority::Medium)]).await;
        let mut started = Vec::new();
        // One claim passes over a bounded number of what was removed.
        for _ in 0..MANY / 1000 {
            let leases = broker.claim(&claim(9)).await.unwrap().leases;
            let name = |lease: &Lease| lease.run().task.to_string();
            started.extend(leases.iter().map(name));
        }
        assert_eq!(started, ["medium", "low"]);
    }
}

async fn remove_all(broker: &MemoryBroker) {
    let mut left = MANY;
    while left > 0 {
        let removed = broker.purge(&QueueName::DEFAULT).await.unwrap();
        assert_eq!(removed, left.min(MAX_PAGE), "a page at a time");
        left -= removed;
    }
}
