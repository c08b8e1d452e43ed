//! A task that blocks its thread does not stop the runtime under its neighbours.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::{Mutex, mpsc};
use std::time::Duration;

use aqueduct::{App, Broker, State, TaskContext, TaskError, task, tasks};

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
