//! The paused clock of the runtime, and how often it was looked at.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use aqueduct_broker_conformance::START;
use aqueduct_broker_memory::MemoryBroker;
use aqueduct_core::clock::TimeSource;
use aqueduct_core::time::Monotonic;
use aqueduct_core::{Clock, Timestamp};
use tokio::sync::watch;
use tokio::time::Instant;

#[derive(Clone, Debug)]
pub(crate) struct PausedTime(Instant, Arc<AtomicUsize>);

/// Returns a broker on the clock of the runtime, which the test has paused, and that.
pub(crate) fn on_paused_time() -> (MemoryBroker, PausedTime) {
    let time = PausedTime(Instant::now(), Arc::default());
    (MemoryBroker::with_clock(Clock::new(time.clone())), time)
}

impl PausedTime {
    pub(crate) fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }

    pub(crate) fn looks(&self) -> usize {
        self.1.load(Ordering::Relaxed)
    }
}

impl TimeSource for PausedTime {
    fn now(&self) -> Timestamp {
        self.1.fetch_add(1, Ordering::Relaxed);
        START.saturating_add(self.0.elapsed())
    }

    fn monotonic(&self) -> Monotonic {
        Monotonic::from_origin(self.0.elapsed())
    }

    fn moves(&self) -> Option<watch::Receiver<u64>> {
        None
    }
}
