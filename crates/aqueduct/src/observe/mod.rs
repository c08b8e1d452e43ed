//! Observers of what happens to runs: beside the runs, never in their way.
//!
//! Each observer has a queue of its own, [`QUEUE_CAPACITY`] events long. When it is slow, events are
//! dropped and counted; when it panics, that is counted; when it hangs, it hangs alone.

mod bus;
mod stats;
mod sync;
mod tasks;

pub(crate) use bus::ObserverBus;
pub use stats::ObserverStats;

use std::future::Future;

pub use aqueduct_core::event::{Progress, RunEvent, RunEventKind};

/// Observes runs, on a thread of its own.
///
/// ```
/// use aqueduct::observe::{Observer, RunEvent};
///
/// struct Printer;
///
/// impl Observer for Printer {
///     fn on_event(&mut self, event: RunEvent) {
///         println!("{} {:?}", event.run, event.kind);
///     }
/// }
/// ```
pub trait Observer: Send + 'static {
    /// Takes one event; may block, may even panic.
    fn on_event(&mut self, event: RunEvent);
}

impl<F: FnMut(RunEvent) + Send + 'static> Observer for F {
    fn on_event(&mut self, event: RunEvent) {
        self(event);
    }
}

/// Observes runs, on the runtime; one event at a time.
pub trait AsyncObserver: Send + Sync + 'static {
    /// Takes one event.
    ///
    /// # Cancel safety
    ///
    /// The future is dropped after [`EVENT_TIME_LIMIT`].
    fn on_event(&self, event: RunEvent) -> impl Future<Output = ()> + Send;
}

/// How many events wait for one observer before further ones are dropped.
pub const QUEUE_CAPACITY: usize = 4096;

/// How long an async observer may take for one event.
pub const EVENT_TIME_LIMIT: std::time::Duration = std::time::Duration::from_secs(10);
