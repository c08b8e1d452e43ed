//! The task of an asynchronous observer.

use std::sync::Arc;

use aqueduct_core::event::RunEvent;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

use super::stats::{Counters, count};
use super::{AsyncObserver, EVENT_TIME_LIMIT, QUEUE_CAPACITY};

/// Starts the task; the receiver completes when the observer has seen every event.
#[expect(
    clippy::disallowed_methods,
    reason = "ends when the sender is dropped; tracked by `finished`"
)]
pub(super) fn start(
    observer: impl AsyncObserver,
    counters: Arc<Counters>,
) -> (mpsc::Sender<RunEvent>, oneshot::Receiver<()>) {
    let (sender, mut events) = mpsc::channel::<RunEvent>(QUEUE_CAPACITY);
    let (done, finished) = oneshot::channel();
    let observer = Arc::new(observer);
    tokio::spawn(async move {
        while let Some(event) = events.recv().await {
            observe(&observer, event, &counters).await;
        }
        // Nobody listens if the application has already gone.
        let _ = done.send(());
    });
    (sender, finished)
}

/// Runs the observer on a task of its own, so that a panic or a hang ends with the event.
async fn observe<O: AsyncObserver>(observer: &Arc<O>, event: RunEvent, counters: &Counters) {
    let mut attempt = JoinSet::new();
    let observer = Arc::clone(observer);
    attempt.spawn(async move { observer.on_event(event).await });
    match tokio::time::timeout(EVENT_TIME_LIMIT, attempt.join_next()).await {
        Ok(Some(Err(_panic))) => count(&counters.panicked),
        Ok(_) => count(&counters.delivered),
        Err(_too_long) => count(&counters.timed_out),
    }
}
