//! The keys that runs hold for a time.

use std::time::Duration;

use aqueduct_broker_conformance::named;
use aqueduct_core::QueuedTask;
use aqueduct_core::key::Key;
use aqueduct_core::run::{Idempotency, Unique, UniqueScope};

use super::world::{MILLI, World};

pub(super) const WINDOW: Duration = Duration::from_mins(1);

/// Returns a task whose run holds a unique key for a time.
pub(super) fn unique(key: &str) -> QueuedTask {
    let mut task = named("a");
    let unique = Unique::key(key).unwrap();
    task.options_mut().unique = Some(unique.scope(UniqueScope::Window(WINDOW)));
    task
}

/// Returns a task whose enqueue is known for a time.
pub(super) fn known(key: &str) -> QueuedTask {
    let mut task = named("a");
    let idempotency = Idempotency::new(Key::new(key).unwrap());
    task.options_mut().idempotency = Some(idempotency.window(WINDOW));
    task
}

#[tokio::test]
async fn the_limit_of_a_beat_counts_the_windows_that_are_over() {
    let world = World::new();
    world.queue([unique("x"), unique("y"), known("z")]).await;
    world.clock.advance(WINDOW.saturating_sub(MILLI));
    assert!(!world.beat_with_limit(2).await.more, "none is over");
    world.clock.advance(MILLI);
    assert!(world.beat_with_limit(2).await.more, "there is a third");
    assert!(!world.beat_with_limit(2).await.more);
}
