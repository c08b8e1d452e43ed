//! The broker's time, carried forward on this process's monotonic clock.

use std::time::Duration;

use aqueduct_core::time::Monotonic;
use aqueduct_core::{Clock, Timestamp};

/// What the broker's clock shows, without asking again: jumps of the wall clock here change nothing.
#[derive(Clone, Debug)]
pub(crate) struct BrokerTime {
    clock: Clock,
    told: Timestamp,
    told_at: Monotonic,
}

impl BrokerTime {
    /// Notes the time that the broker told just now.
    pub(crate) fn told(clock: &Clock, told: Timestamp) -> Self {
        Self {
            clock: clock.clone(),
            told,
            told_at: clock.monotonic(),
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.told
            .saturating_add(self.clock.monotonic().saturating_since(self.told_at))
    }

    /// Returns how long until the broker's clock shows `time`.
    pub(crate) fn until(&self, time: Timestamp) -> Duration {
        time.saturating_since(self.now())
    }
}
