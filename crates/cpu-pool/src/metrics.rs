//! What a pool has done so far, as numbers.

use std::sync::atomic::{AtomicU64, Ordering};

/// What a pool has done so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PoolMetrics {
    /// Workers there are, now.
    pub workers: u64,
    /// Workers that have work, now.
    pub busy: u64,
    /// Workers that became ready.
    pub started: u64,
    /// Starts that failed.
    pub start_failures: u64,
    /// Workers that were replaced on purpose: panic, age, memory, number of runs.
    pub recycled: u64,
    /// Workers that died.
    pub died: u64,
    /// Workers that had to be killed.
    pub killed: u64,
    /// Pieces of work that ended, in whatever way.
    pub runs: u64,
    /// Requests of workers that were relayed.
    pub relayed: u64,
    /// Lines of output that were dropped.
    pub lines_dropped: u64,
    /// Whether so many starts have failed that somebody should look.
    pub is_degraded: bool,
}

/// The counters behind [`PoolMetrics`].
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) workers: AtomicU64,
    pub(crate) busy: AtomicU64,
    pub(crate) started: AtomicU64,
    pub(crate) start_failures: AtomicU64,
    pub(crate) recycled: AtomicU64,
    pub(crate) died: AtomicU64,
    pub(crate) killed: AtomicU64,
    pub(crate) runs: AtomicU64,
    pub(crate) relayed: AtomicU64,
    pub(crate) lines_dropped: AtomicU64,
}

/// Counts one up, and one down when it is dropped.
#[derive(Debug)]
pub(crate) struct Gauge<'a>(&'a AtomicU64);

impl<'a> Gauge<'a> {
    pub(crate) fn up(counter: &'a AtomicU64) -> Self {
        counter.fetch_add(1, Ordering::Relaxed);
        Self(counter)
    }
}

impl Drop for Gauge<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Counters {
    pub(crate) fn snapshot(&self, is_degraded: bool) -> PoolMetrics {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        PoolMetrics {
            workers: read(&self.workers),
            busy: read(&self.busy),
            started: read(&self.started),
            start_failures: read(&self.start_failures),
            recycled: read(&self.recycled),
            died: read(&self.died),
            killed: read(&self.killed),
            runs: read(&self.runs),
            relayed: read(&self.relayed),
            lines_dropped: read(&self.lines_dropped),
            is_degraded,
        }
    }
}

/// Adds to a counter.
pub(crate) fn add(counter: &AtomicU64, number: u64) {
    counter.fetch_add(number, Ordering::Relaxed);
}
