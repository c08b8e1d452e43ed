//! Checkpoints: how large one is at most, and which of two is the later one.

use std::sync::Arc;
use std::time::Duration;

use aqueduct_core::checkpoint::CheckpointErrorKind;
use aqueduct_core::context::ContextShared;
use aqueduct_core::manager::{PortFuture, QueuePort};
use aqueduct_core::queue::Enqueued;
use aqueduct_core::run::{CancelAnswer, Checkpoint, Reason, WaitAnswer};
use aqueduct_core::state::States;
use aqueduct_core::time::Monotonic;
use aqueduct_core::{QueuedTask, RunId, TaskContext, TaskManager, TaskRegistry, TaskRun};

use crate::{NOW, payload, run};

/// The way to a broker that nobody goes.
#[derive(Debug)]
struct NoPort;

impl QueuePort for NoPort {
    fn enqueue(&self, _: Vec<QueuedTask>) -> PortFuture<'_, Vec<Enqueued>> {
        unreachable!("nothing is queued")
    }

    fn find(&self, _: RunId) -> PortFuture<'_, Option<TaskRun>> {
        unreachable!("nothing is looked up")
    }

    fn cancel(&self, _: RunId, _: Reason) -> PortFuture<'_, CancelAnswer> {
        unreachable!("nothing is cancelled")
    }

    fn pause(&self, _: Duration) -> PortFuture<'_, ()> {
        unreachable!("nothing is waited for")
    }

    fn wait_ended(&self, _: RunId, _: Duration) -> PortFuture<'_, WaitAnswer> {
        unreachable!("nothing is waited for")
    }
}

fn context() -> TaskContext {
    let manager = TaskManager::new(Arc::new(TaskRegistry::new()), Arc::new(NoPort));
    let shared = ContextShared::new(manager, Arc::new(States::default()));
    let ends_by = Monotonic::from_origin(Duration::MAX);
    TaskContext::new(run(1), Arc::new(shared), ends_by)
}

/// A text whose encoding has this many bytes.
fn text_of(encoded: usize) -> String {
    "x".repeat(encoded - 3)
}

#[tokio::test]
async fn a_checkpoint_of_64_kib_is_kept_and_one_byte_more_is_not() {
    let context = context();
    let largest = text_of(65_536);
    context.checkpoint(&largest).await.unwrap();
    let larger = context.checkpoint(&text_of(65_537)).await.unwrap_err();
    assert_eq!(larger.kind(), CheckpointErrorKind::InvalidValue);
    let message = larger.to_string();
    assert!(message.contains("65537 bytes, at most 65536"), "{message}");
    assert_eq!(context.last_checkpoint().unwrap(), Some(largest));
}

#[test]
fn a_later_checkpoint_is_of_a_later_attempt_or_number() {
    let kept = Checkpoint::new(3, 7, NOW, payload(&1));
    let cases = [
        (2, 9, true),
        (3, 6, true),
        (3, 7, true),
        (3, 8, false),
        (4, 1, false),
    ];
    for (attempt, number, is_at_least) in cases {
        assert_eq!(
            kept.is_at_least(attempt, number),
            is_at_least,
            "{attempt}, {number}"
        );
    }
}
