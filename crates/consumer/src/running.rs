//! A consumer that runs.

use std::sync::Arc;

use tokio::task::AbortHandle;
use tracing::info;

use crate::engine::{Engine, Stopped};
use crate::error::ConsumerError;
use crate::report::StopReport;
use crate::shared::Shared;

/// A consumer that runs; dropping it lets it drain by itself.
#[derive(Debug)]
#[must_use = "dropping it stops the consumer"]
pub struct RunningConsumer {
    shared: Arc<Shared>,
    engine: Engine,
    warming_up: AbortHandle,
}

impl RunningConsumer {
    #[expect(
        clippy::disallowed_methods,
        reason = "tracked by its handle, which ends it"
    )]
    pub(crate) fn new(shared: Arc<Shared>, engine: Engine) -> Self {
        let warming_up = tokio::spawn(warm_up(Arc::clone(&shared)));
        Self {
            shared,
            engine,
            warming_up: warming_up.abort_handle(),
        }
    }

    /// Waits until it has drained, because it was told to or had to.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing.
    pub async fn ended(&mut self) {
        self.engine.ended().await;
    }

    /// Ends it where it is, as a crash of its process would: nothing is settled, given back or told.
    ///
    /// Only a consumer that runs in place can: any other drains.
    #[cfg(feature = "test-util")]
    pub fn crash(self) {
        self.warming_up.abort();
        if let Some(in_place) = &self.shared.in_place {
            in_place.crash();
            // A dead process owes nothing.
            let owed = self.shared.in_flight.all();
            self.shared.in_flight.remove(owed.iter());
        }
    }

    /// Waits until it has drained, and returns how it stopped.
    ///
    /// # Errors
    ///
    /// Returns an error if the broker refused the consumer for good, or its thread died.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future lets the consumer drain by itself.
    pub async fn result(mut self) -> Result<StopReport, ConsumerError> {
        self.ended().await;
        self.warming_up.abort();
        let stopped = self.engine.result().await;
        let is_blocked = matches!(&stopped, Ok(it) if it.report.abandoned > 0);
        // Tasks that block every thread hold up the pool as well; its workers end with this process.
        if let Some(cpu) = self.shared.cpu.as_ref().filter(|_| !is_blocked) {
            cpu.workers().close().await;
        }
        if stopped.is_err() {
            lose_all(&self.shared);
        }
        let Stopped { report, problem } = stopped?;
        info!(
            consumer = %self.shared.id,
            succeeded = report.metrics.succeeded,
            failed = report.metrics.failed,
            released = report.released,
            unsettled = report.unsettled,
            "stopped"
        );
        problem.map_or(Ok(report), Err)
    }
}

/// Starts the first CPU workers, so that whatever is wrong with them is in the log at once.
async fn warm_up(shared: Arc<Shared>) {
    if let Some(cpu) = &shared.cpu {
        // The pool logs what is wrong, and tries again when there is work.
        let _ = cpu.workers().warm_up().await;
    }
}

/// Tells every task that its lease is not renewed any more.
fn lose_all(shared: &Shared) {
    for owed in shared.in_flight.all() {
        owed.lose();
    }
}
