//! The port through which an attempt reaches whoever executes it.

use std::fmt;
use std::future::Future;
use std::pin::Pin;

use crate::checkpoint::CheckpointError;
use crate::event::Progress;
use crate::payload::Payload;
use crate::run::TaskRun;

/// What an attempt needs of whoever executes it.
pub trait AttemptPort: fmt::Debug + Send + Sync + 'static {
    /// Takes a report of how far an attempt is; never waits.
    fn progress(&self, run: &TaskRun, progress: Progress);

    /// Keeps a checkpoint of an attempt: its number among those of the attempt, from 1, and its value.
    fn checkpoint(&self, run: &TaskRun, number: u32, value: Payload) -> KeepFuture<'_>;
}

/// The future of one checkpoint on its way.
pub type KeepFuture<'a> = Pin<Box<dyn Future<Output = Result<(), CheckpointError>> + Send + 'a>>;
