//! The time of the server, as far as it is known between two answers.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use aqueduct_core::Timestamp;
use aqueduct_core::clock::Clock;

/// The clock of the server: what it last said, and how much time has passed here since.
///
/// The wall clock of this machine does not count. What is returned is never ahead of the server, since an answer
/// is as old as its way back was long; the server corrects what is too far behind.
#[derive(Debug)]
pub(crate) struct ServerClock {
    local: Clock,
    /// The time of the server when the local clock showed zero, in milliseconds.
    origin: AtomicU64,
}

impl ServerClock {
    pub(crate) fn new() -> Self {
        Self {
            local: Clock::system(),
            origin: AtomicU64::new(0),
        }
    }

    /// Returns the time; before anything is known, one that the server corrects.
    pub(crate) fn now(&self) -> Timestamp {
        let passed = self.passed().as_millis();
        let origin = self.origin.load(Ordering::Relaxed);
        Timestamp::from_millis(origin.saturating_add(u64::try_from(passed).unwrap_or(u64::MAX)))
    }

    /// Notes the time that an answer says.
    pub(crate) fn learn(&self, time: Timestamp) {
        // Rounded up, so that a time that is computed from it is not ahead.
        let passed = self.passed().as_micros().div_ceil(1_000);
        let passed = u64::try_from(passed).unwrap_or(u64::MAX);
        self.origin
            .store(time.as_millis().saturating_sub(passed), Ordering::Relaxed);
    }

    fn passed(&self) -> Duration {
        self.local.monotonic().since_origin()
    }
}
