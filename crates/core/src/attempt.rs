//! The port through which an attempt reaches whoever executes it.

use std::fmt;

use crate::event::Progress;
use crate::run::TaskRun;

/// What an attempt needs of whoever executes it.
pub trait AttemptPort: fmt::Debug + Send + Sync + 'static {
    /// Takes a report of how far an attempt is; never waits.
    fn progress(&self, run: &TaskRun, progress: Progress);
}
