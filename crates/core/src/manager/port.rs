//! The port through which a manager reaches the broker, directly or through a parent process.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use super::error::QueueError;
use crate::id::RunId;
use crate::queue::{Enqueued, QueuedTask};
use crate::run::{CancelAnswer, Reason, TaskRun, WaitAnswer};

/// What a manager needs of whatever lies behind it.
pub trait QueuePort: fmt::Debug + Send + Sync + 'static {
    /// Enqueues tasks and returns one answer a task, in order.
    fn enqueue(&self, tasks: Vec<QueuedTask>) -> PortFuture<'_, Vec<Enqueued>>;

    /// Looks one run up.
    fn find(&self, run: RunId) -> PortFuture<'_, Option<TaskRun>>;

    /// Asks for the end of one run.
    fn cancel(&self, run: RunId, reason: Reason) -> PortFuture<'_, CancelAnswer>;

    /// Waits so long, before something is tried again.
    fn pause(&self, wait: Duration) -> PortFuture<'_, ()>;

    /// Waits until one run has ended; rides out a broker that does not answer for a while.
    fn wait_ended(&self, run: RunId, at_most: Duration) -> PortFuture<'_, WaitAnswer>;
}

/// The future of one call through a port.
pub type PortFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, QueueError>> + Send + 'a>>;
