//! Observers hear of every step, and can never harm a run.

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::mpsc;

use aqueduct::observe::{AsyncObserver, QUEUE_CAPACITY, RunEvent};
use aqueduct::{App, Broker, RunState, task, tasks};
use integration::Watcher;

#[task]
async fn work() {}

/// Panics on its first events.
struct PanicsAsync(AtomicU32);

impl AsyncObserver for PanicsAsync {
    async fn on_event(&self, _: RunEvent) {
        assert!(
            self.0.fetch_add(1, Relaxed) >= 3,
            "an async observer panics"
        );
    }
}

struct HangsAsync;

impl AsyncObserver for HangsAsync {
    async fn on_event(&self, _: RunEvent) {
        std::future::pending::<()>().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn observers_that_panic_or_hang_harm_nobody() {
    let (mut watcher, observer) = Watcher::new();
    let panics = AtomicU32::new(0);
    let (release, gate) = mpsc::channel::<()>();
    let app = App::new(Broker::memory())
        .tasks(tasks![work])
        .observe(move |_: RunEvent| assert!(panics.fetch_add(1, Relaxed) >= 3, "it panics"))
        .observe(move |_: RunEvent| gate.recv().unwrap_or_default())
        .observe_async(PanicsAsync(AtomicU32::new(0)))
        .observe_async(HangsAsync)
        .observe(observer);
    let app = app.start().await.unwrap();
    // More events than one observer may have waiting: three for each run.
    for _ in 0..QUEUE_CAPACITY / 2 {
        let run = work::queue(app.task_manager()).await.unwrap();
        assert_eq!(watcher.end_of(run.id()).await, RunState::Succeeded);
    }
    drop(release);
    let summary = app.stop().await.unwrap();
    assert_eq!(summary.consumer.unwrap().unsettled, 0);
    let panicked = summary
        .observers
        .iter()
        .filter(|it| it.panicked > 0)
        .count();
    let dropped = summary.observers.iter().filter(|it| it.dropped > 0).count();
    assert!(panicked >= 2 && dropped >= 1, "{:?}", summary.observers);
}
