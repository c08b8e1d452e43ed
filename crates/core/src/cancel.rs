//! Cancellation: a signal that a task can look at or await.

use std::fmt;
use std::sync::OnceLock;

use tokio::sync::Notify;

use crate::run::Reason;

/// Why a running task should end.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CancelReason {
    /// Somebody asked for the end of the run.
    Requested(Reason),
    /// The run took longer than its time limit.
    TimedOut,
    /// The lease is lost: another consumer may start the run at any moment.
    LeaseLost,
    /// The consumer stops; what does not end within its grace time is given back.
    ShuttingDown,
}

/// A signal to end, given once and seen by everyone.
#[derive(Debug, Default)]
pub struct Cancellation {
    reason: OnceLock<CancelReason>,
    changed: Notify,
}

impl Cancellation {
    /// Creates a signal that has not been given.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Gives the signal; the first reason stays. Returns whether this call was the first.
    pub fn cancel(&self, reason: CancelReason) -> bool {
        let first = self.reason.set(reason).is_ok();
        if first {
            self.changed.notify_waiters();
        }
        first
    }

    /// Returns the reason, if the signal was given.
    #[must_use]
    pub fn reason(&self) -> Option<&CancelReason> {
        self.reason.get()
    }

    /// Waits until the signal is given.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing.
    pub async fn cancelled(&self) -> &CancelReason {
        loop {
            let changed = self.changed.notified();
            if let Some(reason) = self.reason.get() {
                return reason;
            }
            changed.await;
        }
    }
}

impl fmt::Display for CancelReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Requested(reason) => write!(f, "requested: {reason}"),
            Self::TimedOut => f.write_str("the time limit has passed"),
            Self::LeaseLost => f.write_str("the lease is lost"),
            Self::ShuttingDown => f.write_str("the consumer stops"),
        }
    }
}
