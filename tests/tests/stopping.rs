//! Stopping under load, and the death of a consumer, lose nothing.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aqueduct::broker_api::BrokerHandle;
use aqueduct::memory::MemoryBroker;
use aqueduct::{App, Broker, RunState, State, TaskContext, task, tasks};
use aqueduct_broker_conformance::{Fault, FaultyBroker};
use integration::{Watcher, soon};
use tokio::sync::{Notify, Semaphore};

#[derive(Clone, Default)]
struct Done(Arc<Mutex<BTreeSet<u32>>>);

/// Lets runs end; without permits they go on until they are stopped.
struct Gate(Semaphore);

#[task]
async fn work(done: State<Done>, gate: State<Gate>, number: u32) {
    let permit = gate.0.acquire().await.unwrap();
    permit.forget();
    done.0.lock().unwrap().insert(number);
}

#[task]
async fn ends_when_asked(ctx: TaskContext, done: State<Done>, number: u32) {
    ctx.cancelled().await;
    done.0.lock().unwrap().insert(number);
}

fn app(broker: &MemoryBroker, done: &Done, permits: usize) -> App {
    App::new(Broker::new(broker.clone()))
        .tasks(tasks![work, ends_when_asked])
        .state(done.clone())
        .state(Gate(Semaphore::new(permits)))
        .consumer(|consumer| {
            consumer
                .concurrency(16)
                .shutdown_grace(Duration::from_millis(10))
        })
}

#[tokio::test]
async fn what_did_not_end_is_given_back_at_once() {
    let (broker, done) = (MemoryBroker::new(), Done::default());
    let (mut watcher, observer) = Watcher::new();
    let first = app(&broker, &done, 20)
        .observe(observer)
        .start()
        .await
        .unwrap();
    for number in 0..100 {
        work::queue(first.task_manager(), number).await.unwrap();
    }
    watcher.ends_of_task("work", 20).await;
    let report = first.stop().await.unwrap().consumer.unwrap();
    assert_eq!(report.unsettled, 0);
    assert_eq!(
        report.abandoned, 0,
        "tasks that wait are dropped, not left behind"
    );
    assert_eq!(done.0.lock().unwrap().len(), 20);

    // The rest runs in the next consumer, without waiting for a lease, as a first attempt.
    let (mut watcher, observer) = Watcher::new();
    let second = app(&broker, &done, 1000)
        .observe(observer)
        .start()
        .await
        .unwrap();
    let ends = watcher.ends_of_task("work", 80).await;
    assert!(ends.values().all(|state| *state == RunState::Succeeded));
    assert_eq!(second.stop().await.unwrap().consumer.unwrap().released, 0);
    assert_eq!(*done.0.lock().unwrap(), (0..100).collect());
}

#[tokio::test]
async fn a_task_that_ends_when_asked_is_finished_not_given_back() {
    let (broker, done) = (MemoryBroker::new(), Done::default());
    let (mut watcher, observer) = Watcher::new();
    let app = app(&broker, &done, 0)
        .consumer(|consumer| consumer.shutdown_grace(Duration::from_mins(1)))
        .observe(observer);
    let app = app.start().await.unwrap();
    let run = ends_when_asked::queue(app.task_manager(), 7).await.unwrap();
    watcher.start_of(run.id()).await;
    let report = app.stop().await.unwrap().consumer.unwrap();
    assert_eq!((report.finished, report.released), (1, 0));
    assert!(done.0.lock().unwrap().contains(&7));
}

/// Tells that it runs, then never ends.
#[task]
async fn hangs(began: State<Arc<Notify>>) {
    began.notify_one();
    std::future::pending::<()>().await;
}

#[tokio::test]
async fn the_runs_of_a_dead_consumer_start_elsewhere() {
    let broker = MemoryBroker::new();
    let began = Arc::new(Notify::new());
    let app = |broker: Broker| {
        App::new(broker)
            .tasks(tasks![hangs])
            .state(Arc::clone(&began))
            .consumer(|consumer| {
                let lease = Duration::from_secs(2);
                consumer.lease(lease).shutdown_grace(Duration::ZERO)
            })
    };
    // A consumer that reaches nobody any more is dead to everybody else.
    let handle = BrokerHandle::new(broker.clone());
    let cut_off = FaultyBroker::new(handle).every(1, Fault::Error);
    let connected = cut_off.healed();
    let first = app(Broker::new(cut_off.clone())).start().await.unwrap();
    let id = hangs::queue(first.task_manager()).await.unwrap().id();
    began.notified().await;
    drop(connected);
    let second = app(Broker::new(broker)).start().await.unwrap();
    soon("nobody took back the run of the dead", began.notified()).await;
    let run = second.task_manager().find(id).await.unwrap().unwrap();
    assert_eq!(
        (run.tally.attempt, run.tally.crashes),
        (2, 1),
        "counted, and as a crash"
    );
    second.stop().await.unwrap();
}
