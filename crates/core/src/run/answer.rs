//! What a broker answers to whoever waits for the end of a run, or asks for it.

use crate::run::TaskRun;
use crate::run::state::RunState;

/// What became of the request to end a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CancelAnswer {
    /// The run waited; it has ended.
    Cancelled,
    /// The run is running; its consumer will be told.
    Requested,
    /// The run had already ended.
    AlreadyEnded(RunState),
    /// The broker does not know the run.
    Unknown,
}

/// What became of a wait for the end of a run.
#[derive(Clone, Debug, PartialEq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "whoever waits must handle every answer"
)]
pub enum WaitAnswer {
    /// The run has ended: so it is kept, or was.
    Ended(Box<TaskRun>),
    /// The run had not ended when the time of the wait was over.
    NotYet,
    /// There is nothing to wait for: the broker does not know the run, or it keeps no result.
    Unknown,
}

impl CancelAnswer {
    /// Returns whether the run was there to be ended: it has ended, or will.
    #[must_use]
    pub const fn is_accepted(self) -> bool {
        matches!(self, Self::Cancelled | Self::Requested)
    }
}
