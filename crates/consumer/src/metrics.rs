//! What a consumer has done so far, as numbers.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use aqueduct_broker_api::Settled;
use aqueduct_core::{Lane, RunState};
use aqueduct_cpu_pool::PoolMetrics;

use crate::cpu::CpuLane;
use crate::shared::Shared;

/// What a consumer has done so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConsumerMetrics {
    /// Runs claimed.
    pub claimed: u64,
    /// Runs that succeeded.
    pub succeeded: u64,
    /// Runs that failed for good.
    pub failed: u64,
    /// Attempts that failed and will be repeated.
    pub retried: u64,
    /// Runs that were cancelled.
    pub cancelled: u64,
    /// Runs put off: snoozed by their task, or parked because they cannot run here.
    pub put_off: u64,
    /// Runs given back.
    pub released: u64,
    /// Runs whose lease was lost.
    pub lost: u64,
    /// Attempts that panicked.
    pub panicked: u64,
    /// Attempts that block a thread past their time limit, now: each still takes a place.
    pub stuck: u64,
    /// Attempts under way, now.
    pub running: u64,
    /// Calls to the broker that failed and were repeated.
    pub broker_errors: u64,
}

/// Reads the metrics of a consumer while it runs; cheap to clone.
#[derive(Clone, Debug)]
pub struct MetricsHandle(pub(crate) Arc<Shared>);

impl MetricsHandle {
    /// Returns the numbers as they are now.
    #[must_use]
    pub fn snapshot(&self) -> ConsumerMetrics {
        let lanes = Lane::ALL.into_iter();
        let running = lanes.map(|lane| self.0.running(lane)).sum();
        self.0.counters.snapshot(running)
    }

    /// Returns how many runs the consumer holds whose end the broker has not confirmed to it.
    #[cfg(feature = "test-util")]
    #[must_use]
    pub fn unsettled(&self) -> usize {
        self.0.in_flight.len()
    }

    /// Returns the numbers of the CPU workers, if there are CPU tasks.
    #[must_use]
    pub fn cpu(&self) -> Option<PoolMetrics> {
        self.0.cpu.as_ref().map(CpuLane::metrics)
    }
}

/// The counters behind [`ConsumerMetrics`].
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) claimed: AtomicU64,
    succeeded: AtomicU64,
    failed: AtomicU64,
    retried: AtomicU64,
    cancelled: AtomicU64,
    put_off: AtomicU64,
    released: AtomicU64,
    pub(crate) lost: AtomicU64,
    pub(crate) panicked: AtomicU64,
    pub(crate) stuck: AtomicU64,
    pub(crate) broker_errors: AtomicU64,
}

impl Counters {
    /// Counts the answer to a settlement.
    pub(crate) fn count(&self, settled: Settled) {
        let counter = match settled {
            Settled::Applied(RunState::Succeeded) => &self.succeeded,
            Settled::Applied(RunState::Failed | RunState::Expired) => &self.failed,
            Settled::Applied(RunState::Retrying) => &self.retried,
            Settled::Applied(RunState::Cancelled) => &self.cancelled,
            Settled::Applied(RunState::Scheduled) => &self.put_off,
            Settled::Applied(RunState::Queued | RunState::Running) => &self.released,
            _ => &self.lost,
        };
        add(counter, 1);
    }

    fn snapshot(&self, running: usize) -> ConsumerMetrics {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        ConsumerMetrics {
            claimed: read(&self.claimed),
            succeeded: read(&self.succeeded),
            failed: read(&self.failed),
            retried: read(&self.retried),
            cancelled: read(&self.cancelled),
            put_off: read(&self.put_off),
            released: read(&self.released),
            lost: read(&self.lost),
            panicked: read(&self.panicked),
            stuck: read(&self.stuck),
            running: running as u64,
            broker_errors: read(&self.broker_errors),
        }
    }
}

/// Adds to a counter.
pub(crate) fn add(counter: &AtomicU64, number: usize) {
    counter.fetch_add(number as u64, Ordering::Relaxed);
}
