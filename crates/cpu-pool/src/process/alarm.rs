//! One timer of a worker, set anew only when it has to ring earlier.

use std::pin::Pin;
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

/// A timer that rings no later than it is asked to, and sometimes too early.
///
/// Most deadlines move on before they are due; moving a timer along with each would cost more than an
/// empty run has to spend.
#[derive(Debug)]
pub(super) struct Alarm {
    origin: Instant,
    sleep: Pin<Box<Sleep>>,
    rings_at: Duration,
}

impl Alarm {
    /// Creates an alarm; times are since `origin`.
    pub(super) fn new(origin: Instant) -> Self {
        Self {
            origin,
            sleep: Box::pin(sleep_until(origin)),
            rings_at: Duration::ZERO,
        }
    }

    /// Waits until `due`, or less; for ever if nothing is due.
    ///
    /// Cancel safe.
    pub(super) async fn ring(&mut self, due: Option<Duration>) {
        let Some(due) = due else {
            return std::future::pending().await;
        };
        if due < self.rings_at || self.sleep.is_elapsed() {
            self.sleep.as_mut().reset(self.origin + due);
            self.rings_at = due;
        }
        self.sleep.as_mut().await;
    }
}
