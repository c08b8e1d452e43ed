//! Many calls in batches, seen from the port that a manager queues through.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aqueduct_core::manager::{
    ENOUGH_ENQUEUE_BYTES, MAX_ENQUEUE_BATCH, PortFuture, QueuePort, TaskCall,
};
use aqueduct_core::queue::Enqueued;
use aqueduct_core::run::{CancelAnswer, Reason, WaitAnswer};
use aqueduct_core::{
    Payload, QueuedTask, RunId, RunState, TaskDefinition, TaskManager, TaskName, TaskRegistry,
    TaskRun,
};

/// Notes how many tasks each request has, and how many calls had been made by then.
#[derive(Debug, Default)]
struct Port {
    made: Arc<AtomicUsize>,
    seen: Mutex<Vec<(usize, usize)>>,
}

impl QueuePort for Port {
    fn enqueue(&self, tasks: Vec<QueuedTask>) -> PortFuture<'_, Vec<Enqueued>> {
        let made = self.made.load(Ordering::Relaxed);
        self.seen.lock().unwrap().push((tasks.len(), made));
        let answers = vec![Enqueued::Accepted(RunState::Queued); tasks.len()];
        Box::pin(async { Ok(answers) })
    }

    fn find(&self, _run: RunId) -> PortFuture<'_, Option<TaskRun>> {
        unreachable!("nothing is looked up")
    }

    fn cancel(&self, _run: RunId, _reason: Reason) -> PortFuture<'_, CancelAnswer> {
        unreachable!("nothing is cancelled")
    }

    fn pause(&self, _: Duration) -> PortFuture<'_, ()> {
        unreachable!("nothing is waited for")
    }

    fn wait_ended(&self, _run: RunId, _at_most: Duration) -> PortFuture<'_, WaitAnswer> {
        unreachable!("nothing is waited for")
    }
}

/// Queues so many calls with so many bytes each; returns the requests.
async fn requests(calls: usize, bytes: usize) -> Vec<(usize, usize)> {
    let port = Arc::new(Port::default());
    let made = Arc::clone(&port.made);
    let manager = TaskManager::new(Arc::new(TaskRegistry::new()), Arc::<Port>::clone(&port));
    let payload = Payload::encode(&"x".repeat(bytes)).unwrap();
    let definition = TaskDefinition::new(TaskName::from_static("a"));
    let many = (0..calls).map(|_| {
        made.fetch_add(1, Ordering::Relaxed);
        TaskCall::<()>::new(&definition, Ok(payload.clone()))
    });
    let handles = manager.queue_many(many).await.unwrap();
    assert_eq!(handles.len(), calls);
    port.seen.lock().unwrap().clone()
}

#[tokio::test]
async fn small_calls_fill_a_batch() {
    let expected = [(MAX_ENQUEUE_BATCH, MAX_ENQUEUE_BATCH), (88, 600)];
    assert_eq!(requests(600, 10).await, expected);
}

#[tokio::test]
async fn large_calls_are_sent_before_the_next_are_made() {
    const BYTES: usize = 1_000_000;
    let most = ENOUGH_ENQUEUE_BYTES / BYTES + 1;
    let requests = requests(23, BYTES).await;
    let mut sent = 0;
    for (tasks, made) in &requests {
        sent += tasks;
        assert!(*tasks <= most, "{tasks} in one request");
        assert_eq!(*made, sent, "made before it was their turn");
    }
    assert_eq!(sent, 23);
}
