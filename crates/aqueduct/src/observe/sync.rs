//! The thread of a synchronous observer.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;

use aqueduct_core::event::RunEvent;
use tokio::sync::oneshot;

use super::stats::{Counters, count};
use super::{Observer, QUEUE_CAPACITY};

/// Starts the thread; the receiver completes when the observer has seen every event.
pub(super) fn start(
    mut observer: Box<dyn Observer>,
    counters: Arc<Counters>,
) -> std::io::Result<(SyncSender<RunEvent>, oneshot::Receiver<()>)> {
    let (sender, events) = sync_channel::<RunEvent>(QUEUE_CAPACITY);
    let (done, finished) = oneshot::channel();
    thread::Builder::new()
        .name("aqueduct-observer".to_owned())
        .spawn(move || {
            for event in events {
                match catch_unwind(AssertUnwindSafe(|| observer.on_event(event))) {
                    Ok(()) => count(&counters.delivered),
                    Err(_panic) => count(&counters.panicked),
                }
            }
            // Nobody listens if the application has already gone.
            let _ = done.send(());
        })?;
    Ok((sender, finished))
}
