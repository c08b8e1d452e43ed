//! The watch over a run that has to report progress, again and again.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::timeout;

/// Sees whether a run reports progress in time.
#[derive(Debug)]
pub(super) struct ProgressWatch {
    limit: Option<Duration>,
    reported: Notify,
    has_stalled: AtomicBool,
}

impl ProgressWatch {
    /// Creates a watch; without a limit it never ends.
    pub(super) fn new(limit: Option<Duration>) -> Self {
        Self {
            limit,
            reported: Notify::new(),
            has_stalled: AtomicBool::new(false),
        }
    }

    /// Notes a report.
    pub(super) fn reported(&self) {
        if self.limit.is_some() {
            self.reported.notify_one();
        }
    }

    /// Waits until there was no report for too long; for ever without a limit.
    pub(super) async fn stalled(&self) {
        let Some(limit) = self.limit else {
            return std::future::pending().await;
        };
        while timeout(limit, self.reported.notified()).await.is_ok() {}
        self.has_stalled.store(true, Ordering::Release);
    }

    /// Returns the limit, if it has passed.
    pub(super) fn stalled_after(&self) -> Option<Duration> {
        self.limit
            .filter(|_| self.has_stalled.load(Ordering::Acquire))
    }
}
