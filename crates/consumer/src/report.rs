//! How a consumer stopped.

use crate::metrics::ConsumerMetrics;

/// How a consumer stopped, and what it left behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StopReport {
    /// What it did in its life.
    pub metrics: ConsumerMetrics,
    /// Runs that ended within the grace time.
    pub finished: usize,
    /// Runs given back, unstarted or stopped in the middle; nothing was counted against them.
    pub released: usize,
    /// Tasks that block a thread and could not be stopped; their runs were given back too.
    pub abandoned: usize,
    /// Settlements that the broker never answered; these runs start again when the lease runs out.
    pub unsettled: usize,
}
