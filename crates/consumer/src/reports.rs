//! What running tasks report, on its way to the broker: the newest of each run, with the next heartbeat.

use std::sync::{Mutex, MutexGuard, PoisonError};

use aqueduct_broker_api::{LeaseToken, Report};
use aqueduct_core::attempt::AttemptPort;
use aqueduct_core::event::Progress;
use aqueduct_core::id::IdMap;
use aqueduct_core::{ConsumerId, RunId, TaskRun};

/// The reports that the broker has not been told; one a run at most.
#[derive(Debug)]
pub(crate) struct Reports {
    consumer: ConsumerId,
    newest: Mutex<IdMap<RunId, Report>>,
}

impl Reports {
    pub(crate) fn new(consumer: ConsumerId) -> Self {
        Self {
            consumer,
            newest: Mutex::default(),
        }
    }

    /// Takes all reports.
    pub(crate) fn take(&self) -> Vec<Report> {
        std::mem::take(&mut *self.newest()).into_values().collect()
    }

    /// Puts back what the broker may not have heard, unless there is something newer.
    pub(crate) fn put_back(&self, reports: Vec<Report>) {
        let mut newest = self.newest();
        for report in reports {
            newest.entry(report.token.run).or_insert(report);
        }
    }

    fn newest(&self) -> MutexGuard<'_, IdMap<RunId, Report>> {
        self.newest.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl AttemptPort for Reports {
    fn progress(&self, run: &TaskRun, progress: Progress) {
        let token = LeaseToken {
            run: run.id,
            consumer: self.consumer,
            attempt: run.tally.attempt,
        };
        self.newest().insert(run.id, Report::new(token, progress));
    }
}
