//! Errors, lost replies, repeated and late requests on every operation lose nothing, and a lost
//! reply runs nothing twice.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aqueduct::broker_api::BrokerHandle;
use aqueduct::{App, Broker, RunState, State, TaskManager, task, tasks};
use aqueduct_broker_conformance::{Fault, FaultyBroker, Operation};
use aqueduct_broker_memory::MemoryBroker;
use integration::{Watcher, soon};
use tokio::sync::Semaphore;

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

/// Lets `waits` end.
type Gate = Semaphore;

#[task]
async fn waits(gate: State<Arc<Gate>>) {
    gate.acquire().await.unwrap().forget();
}

/// Queues, runs and settles through a faulty broker; returns how often each number was worked on.
///
/// Until the consumer has made three calls of `beat`, if it is given, one run goes on beside them.
async fn work_all(faulty: &FaultyBroker, beat: Option<Operation>) -> BTreeMap<u32, u32> {
    let (mut watcher, observer) = Watcher::new();
    let gate = Arc::new(Gate::new(0));
    let app = App::new(Broker::from(BrokerHandle::with_schedules(faulty.clone())))
        .tasks(tasks![work, count, waits])
        .state(Worked::default())
        .state(Arc::clone(&gate))
        .consumer(|consumer| consumer.concurrency(8).lease(Duration::from_secs(2)))
        .observe(observer);
    let app = app.start().await.unwrap();
    // It waits before the first run and after the last one, however fast runs come in between.
    soon("it waits", faulty.called(Operation::WaitReady, 1)).await;
    queue_all(app.task_manager()).await;
    let ends = watcher.ends_of_task("work", RUNS.try_into().unwrap()).await;
    assert!(ends.values().all(|state| *state == RunState::Succeeded));
    soon("it waits anew", faulty.called(Operation::WaitReady, 2)).await;
    if let Some(beat) = beat {
        let long = waits::queue(app.task_manager()).await.unwrap();
        soon("the consumer makes its calls", faulty.called(beat, 3)).await;
        gate.add_permits(1);
        assert_eq!(watcher.end_of(long.id()).await, RunState::Succeeded);
    }
    let worked = app.task_manager().run(count::with()).await.unwrap();
    app.stop().await.unwrap();
    worked
}

/// Each number, worked on once.
fn once() -> BTreeMap<u32, u32> {
    (0..RUNS).map(|number| (number, 1)).collect()
}

async fn each_once(operation: Operation, every: u64, fault: Fault) {
    let inner = BrokerHandle::new(MemoryBroker::new());
    let faulty = FaultyBroker::new(inner).every_of(operation, every, fault);
    let worked = work_all(&faulty, None).await;
    let uses_it = operation != Operation::Settle;
    assert!(!uses_it || faulty.injected() > 0, "nothing was injected");
    assert_eq!(worked, once(), "{operation:?} with {fault:?}");
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
async fn on_waiting() {
    for fault in [Fault::Error, Fault::LostReply, Fault::Repeated] {
        each_once(Operation::WaitReady, 2, fault).await;
    }
}

#[tokio::test]
async fn on_every_operation_at_once() {
    for fault in [Fault::Error, Fault::LostReply, Fault::Repeated] {
        let inner = BrokerHandle::new(MemoryBroker::new());
        let faulty = FaultyBroker::new(inner).every(3, fault);
        let worked = work_all(&faulty, None).await;
        assert_eq!(worked, once(), "{fault:?}");
    }
}

/// A run that goes on until the broker has been asked to renew and to reclaim a few times.
#[tokio::test]
async fn on_the_heartbeat() {
    use Operation::{Extend, Reclaim};
    let mut worlds = tokio::task::JoinSet::new();
    for operation in [Extend, Reclaim] {
        for fault in [Fault::Error, Fault::LostReply, Fault::Repeated] {
            worlds.spawn(async move {
                let inner = BrokerHandle::new(MemoryBroker::new());
                let faulty = FaultyBroker::new(inner).every_of(operation, 2, fault);
                let worked = work_all(&faulty, Some(operation)).await;
                assert!(faulty.injected() > 0, "{operation:?} {fault:?}");
                assert_eq!(worked, once(), "{operation:?} {fault:?}");
            });
        }
    }
    worlds.join_all().await;
}

/// Looking a run up and asking for its end, where the first reply to each is lost.
#[tokio::test]
async fn on_looking_up_and_cancelling() {
    let inner = BrokerHandle::new(MemoryBroker::new());
    let faulty = FaultyBroker::new(inner)
        .every_of(Operation::Find, 2, Fault::LostReply)
        .every_of(Operation::Cancel, 2, Fault::LostReply);
    let app = App::new(Broker::from(BrokerHandle::new(faulty)))
        .tasks(tasks![work, count, waits])
        .state(Worked::default())
        .state(Arc::new(Gate::new(0)));
    let manager = app.into_task_manager().unwrap();
    let run = work::queue(&manager, 1).await.unwrap();
    assert!(manager.find(run.id()).await.unwrap_err().is_retryable());
    assert!(manager.find(run.id()).await.unwrap().is_some());
    assert!(
        manager
            .cancel(run.id(), "enough")
            .await
            .unwrap_err()
            .is_retryable()
    );
    manager.cancel(run.id(), "enough").await.unwrap();
    let _lost = manager.find(run.id()).await.unwrap_err();
    let run = manager.find(run.id()).await.unwrap().unwrap();
    assert_eq!(run.state, RunState::Cancelled);
}
