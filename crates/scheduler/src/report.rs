//! What a scheduler did.

/// What a scheduler did in its life.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ScheduleReport {
    /// Ticks that this scheduler fired.
    pub fired: u64,
    /// Ticks that it dropped by policy.
    pub skipped: u64,
    /// Ticks that it dropped because the run before had not ended.
    pub overlapped: u64,
    /// Ticks that another scheduler had fired first.
    pub already_done: u64,
    /// Calls to the broker that failed and were repeated.
    pub broker_errors: u64,
}
