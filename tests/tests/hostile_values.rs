//! Errors and panics that panic themselves when they are shown or dropped: they end as failures, and
//! take no place of the consumer with them.

use std::fmt;
use std::panic::panic_any;

use aqueduct::{App, Broker, RunState, TaskError, task, tasks};
use integration::Watcher;

#[derive(Debug)]
struct Unspeakable;

impl fmt::Display for Unspeakable {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        panic!("panicked in Display");
    }
}

impl std::error::Error for Unspeakable {}

/// Panics when it is dropped, again and again.
#[derive(Debug)]
struct Bomb(u8);

impl Drop for Bomb {
    fn drop(&mut self) {
        if let Some(rest) = self.0.checked_sub(1) {
            panic_any(Bomb(rest));
        }
    }
}

impl fmt::Display for Bomb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a bomb")
    }
}

impl std::error::Error for Bomb {}

#[task(retry = none)]
async fn fails_unspeakably() -> Result<(), TaskError> {
    Err(Unspeakable)?
}

#[task(retry = none)]
async fn fails_with_a_bomb() -> Result<(), TaskError> {
    Err(Bomb(3))?
}

#[task(retry = none)]
async fn panics_with_a_bomb() {
    panic_any(Bomb(3));
}

/// Drops its value while it is cancelled by its time limit.
#[task(retry = none, timeout = "10ms")]
async fn holds_a_bomb() {
    let _bomb = Bomb(3);
    std::future::pending::<()>().await;
}

#[task]
async fn neighbour() {}

#[tokio::test]
async fn they_are_failures_and_leak_no_place() {
    let (mut watcher, observer) = Watcher::new();
    let app = App::new(Broker::memory())
        .tasks(tasks![
            fails_unspeakably,
            fails_with_a_bomb,
            panics_with_a_bomb,
            holds_a_bomb,
            neighbour
        ])
        .consumer(|consumer| consumer.concurrency(1))
        .observe(observer);
    let app = app.start().await.unwrap();
    let manager = app.task_manager();
    for task in [
        "fails_unspeakably",
        "fails_with_a_bomb",
        "panics_with_a_bomb",
        "holds_a_bomb",
    ] {
        let run = manager.queue(task, ()).await.unwrap().id();
        assert_eq!(watcher.end_of(run).await, RunState::Failed, "{task}");
        let failure = watcher.failure_of(run);
        assert!(failure.starts_with("Panic: "), "{task}: {failure}");
        // The one place of this consumer is free again.
        let run = neighbour::queue(manager).await.unwrap().id();
        assert_eq!(watcher.end_of(run).await, RunState::Succeeded, "{task}");
    }
    let summary = app.stop().await.unwrap();
    assert_eq!(summary.consumer.unwrap().metrics.running, 0);
}
