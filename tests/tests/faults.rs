//! Errors, lost replies, repeated and late requests on every operation lose nothing, and a lost
//! reply runs nothing twice.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use aqueduct::broker_api::BrokerHandle;
use aqueduct::{App, Broker, RunState, State, TaskManager, task, tasks};
use aqueduct_broker_conformance::{Fault, FaultyBroker, Operation};
use aqueduct_broker_memory::MemoryBroker;
use integration::Watcher;

/// How often each number was worked on.
#[derive(Default)]
struct Worked(Mutex<BTreeMap<u32, u32>>);

#[task]
async fn work(worked: State<Worked>, number: u32) {
    *worked.0.lock().unwrap().entry(number).or_default() += 1;
}

#[task]
async fn count(worked: State<Worked>) -> BTreeMap<u32, u32> {
    worked.0.lock().unwrap().clone()
}

const RUNS: u32 = 200;

async fn queue_all(manager: &TaskManager) {
    for number in 0..RUNS {
        work::queue(manager, number).await.unwrap();
    }
}

/// Queues, runs and settles through a faulty broker; returns how often each number was worked on.
async fn run_through(operation: Operation, every: u64, fault: Fault) -> BTreeMap<u32, u32> {
    let inner = BrokerHandle::new(MemoryBroker::new());
    let faulty = FaultyBroker::new(inner).every_of(operation, every, fault);
    let (mut watcher, observer) = Watcher::new();
    let app = App::new(Broker::from(BrokerHandle::with_schedules(faulty.clone())))
        .tasks(tasks![work, count])
        .state(Worked::default())
        .consumer(|consumer| consumer.concurrency(8))
        .observe(observer);
    let app = app.start().await.unwrap();
    queue_all(app.task_manager()).await;
    let ends = watcher.ends_of_task("work", RUNS.try_into().unwrap()).await;
    assert!(ends.values().all(|state| *state == RunState::Succeeded));
    let worked = app.task_manager().run(count::with()).await.unwrap();
    assert!(
        faulty.injected() > 0 || faulty.calls(operation) == 0,
        "the fault was injected"
    );
    app.stop().await.unwrap();
    worked
}

async fn each_once(operation: Operation, every: u64, fault: Fault) {
    let worked = run_through(operation, every, fault).await;
    let expected: BTreeMap<u32, u32> = (0..RUNS).map(|number| (number, 1)).collect();
    assert_eq!(worked, expected, "{operation:?} with {fault:?}");
}

#[tokio::test]
async fn on_enqueue() {
    for fault in [Fault::Error, Fault::LostReply] {
        each_once(Operation::Enqueue, 2, fault).await;
    }
    each_once(Operation::Enqueue, 1, Fault::Repeated).await;
    each_once(
        Operation::Enqueue,
        50,
        Fault::Delay(Duration::from_millis(5)),
    )
    .await;
}

#[tokio::test]
async fn on_claim() {
    for fault in [Fault::Error, Fault::LostReply] {
        each_once(Operation::Claim, 3, fault).await;
    }
    each_once(Operation::Claim, 1, Fault::Repeated).await;
    each_once(Operation::Claim, 20, Fault::Delay(Duration::from_millis(5))).await;
}

#[tokio::test]
async fn on_settle() {
    for fault in [Fault::Error, Fault::LostReply, Fault::Repeated] {
        each_once(Operation::Settle, 2, fault).await;
    }
}

#[tokio::test]
async fn on_the_heartbeat() {
    for operation in [Operation::Extend, Operation::Reclaim] {
        for fault in [Fault::Error, Fault::LostReply, Fault::Repeated] {
            each_once(operation, 2, fault).await;
        }
    }
}
