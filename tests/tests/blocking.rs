//! A task that blocks its thread does not stop the runtime under its neighbours.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::{Mutex, mpsc};
use std::time::Duration;

use aqueduct::broker_api::{Broker as _, BrokerHandle};
use aqueduct::{App, Broker, QueueName, State, TaskContext, TaskError, task, tasks};

/// The two ends between the test and the task that blocks.
struct Gate {
    blocked: mpsc::Sender<()>,
    go_on: Mutex<mpsc::Receiver<()>>,
    ticks: mpsc::Sender<()>,
    /// Whether the task that blocks is queued by another task, or from outside.
    from_within: bool,
    /// Whether it queues something itself before.
    queues_first: bool,
}

#[task(schedule = every("20ms"))]
async fn tick(context: TaskContext, gate: State<Gate>) -> Result<(), TaskError> {
    // The test has ended when nobody listens.
    let _ = gate.ticks.send(());
    if gate.from_within {
        block::queue(&context).await?;
    }
    Ok(())
}

#[task]
async fn nothing() {}

#[task]
async fn block(context: TaskContext, gate: State<Gate>) {
    if gate.queues_first {
        let _ = nothing::queue(&context).await;
    }
    if let Ok(go_on) = gate.go_on.try_lock() {
        let _ = gate.blocked.send(());
        let _ = go_on.recv();
    }
}

/// Nothing here takes as long, unless the runtime stands still.
const PATIENCE: Duration = Duration::from_mins(1);

/// Which thread was awake is chance: one try in four or so finds what is wrong.
const TRIES: usize = 16;

/// Blocks one of two threads, and waits for ticks, which need a timer and the consumer.
fn ticks_go_on(from_within: bool, queues_first: bool) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let (blocked, is_blocked) = mpsc::channel();
    let (go, go_on) = mpsc::channel();
    let (tick_sender, ticks) = mpsc::channel();
    let gate = Gate {
        blocked,
        go_on: Mutex::new(go_on),
        ticks: tick_sender,
        from_within,
        queues_first,
    };
    let app = App::new(Broker::memory())
        .tasks(tasks![tick, block, nothing])
        .state(gate);
    let app = runtime.block_on(app.start()).unwrap();
    if !from_within {
        runtime
            .block_on(block::queue(app.task_manager()).into_future())
            .unwrap();
    }
    is_blocked.recv_timeout(PATIENCE).unwrap();
    while ticks.try_recv().is_ok() {}
    for _ in 0..2 {
        let heard = ticks.recv_timeout(PATIENCE);
        assert_eq!(heard, Ok(()), "the runtime stands still");
    }
    drop(go);
    runtime.block_on(app.stop()).unwrap();
}

#[test]
fn queued_from_outside() {
    (0..TRIES).for_each(|_| ticks_go_on(false, false));
}

#[test]
fn queued_by_another_task() {
    (0..TRIES).for_each(|_| ticks_go_on(true, false));
}

#[test]
fn blocked_after_queueing() {
    (0..TRIES).for_each(|_| ticks_go_on(false, true));
}

/// Claims while the only thread of the application is blocked: the run is held, although it cannot start.
#[test]
fn redis_is_asked_for_work_while_every_thread_is_blocked() {
    let server = integration::redis::server(&[]);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let (blocked, is_blocked) = mpsc::channel();
    let (go, go_on) = mpsc::channel();
    let gate = Gate {
        blocked,
        go_on: Mutex::new(go_on),
        ticks: mpsc::channel().0,
        from_within: false,
        queues_first: false,
    };
    let broker = runtime.block_on(Broker::from_url(&server.url())).unwrap();
    let app = App::new(broker)
        .tasks(tasks![block, nothing])
        .state(gate)
        .without_scheduler();
    let app = runtime.block_on(app.start()).unwrap();
    let outside = tokio::runtime::Runtime::new().unwrap();
    outside.block_on(async {
        let broker = integration::redis::broker(&server.url()).await;
        let other = App::new(Broker::from(BrokerHandle::new(broker.clone())))
            .tasks(tasks![block, nothing])
            .without_consumer()
            .without_scheduler();
        let other = other.start().await.unwrap();
        block::queue(other.task_manager()).await.unwrap();
        tokio::task::spawn_blocking(move || is_blocked.recv_timeout(PATIENCE).unwrap())
            .await
            .unwrap();
        nothing::queue(other.task_manager()).await.unwrap();
        let both_are_held = async {
            while broker.queue_lengths(&[QueueName::DEFAULT]).await.unwrap()[0].running < 2 {}
        };
        let held = tokio::time::timeout(PATIENCE, both_are_held).await;
        assert!(held.is_ok(), "nothing is claimed any more");
        other.stop().await.unwrap();
    });
    drop(go);
    runtime.block_on(app.stop()).unwrap();
}
