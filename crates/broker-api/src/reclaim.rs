//! The beat that takes back the runs of dead consumers.

use std::time::Duration;

/// The most runs that one beat moves.
pub const MAX_RECLAIM_BATCH: usize = 512;

/// How often a run may crash its consumer before it fails for good.
pub const DEFAULT_CRASH_BUDGET: u32 = 3;

/// A request to take back the runs of consumers whose lease has run out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReclaimRequest {
    /// How often the caller beats.
    ///
    /// If the last beat of anybody is more than three of these ago, the store or all consumers stood
    /// still: then nothing is taken back for one `lease`, so that the living can renew.
    pub beat: Duration,
    /// How long a lease lasts.
    pub lease: Duration,
    /// How many crashes a run may have; with the last of them it fails for good.
    pub crash_budget: u32,
    /// The most runs to move.
    pub limit: usize,
}

/// What a beat did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reclaimed {
    /// Runs taken back from dead consumers and queued again.
    pub requeued: usize,
    /// Runs taken back that had used up their crash budget, and failed.
    pub failed: usize,
    /// Runs taken back whose end had been asked for, and that were cancelled.
    pub cancelled: usize,
    /// Runs that expired unstarted.
    pub expired: usize,
    /// Kept runs whose time was over and that were removed.
    pub swept: usize,
    /// Whether the limit was reached: call again soon.
    pub more: bool,
    /// How long reclaiming is paused, after everything stood still.
    pub paused_for: Option<Duration>,
}

impl ReclaimRequest {
    /// Creates a request with the default crash budget and limit.
    #[must_use]
    pub fn new(beat: Duration, lease: Duration) -> Self {
        Self {
            beat,
            lease,
            crash_budget: DEFAULT_CRASH_BUDGET,
            limit: MAX_RECLAIM_BATCH,
        }
    }

    /// Sets the crash budget.
    #[must_use]
    pub fn with_crash_budget(mut self, crash_budget: u32) -> Self {
        self.crash_budget = crash_budget;
        self
    }

    /// Sets the most runs to move.
    #[must_use]
    pub fn with_limit(mut self, limit: usize) -> Self {
        self.limit = limit;
        self
    }
}
