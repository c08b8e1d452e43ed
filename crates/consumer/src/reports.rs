//! What running tasks report, on its way to the broker: the newest of each run, with the next heartbeat.

use std::sync::{Mutex, MutexGuard, PoisonError};

use aqueduct_broker_api::Report;
use aqueduct_core::RunId;
use aqueduct_core::id::IdMap;

/// The reports that the broker has not been told; one a run at most.
#[derive(Debug, Default)]
pub(crate) struct Reports(Mutex<IdMap<RunId, Report>>);

impl Reports {
    /// Notes a report, in place of an older one of the same run.
    pub(crate) fn note(&self, report: Report) {
        self.newest().insert(report.token.run, report);
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
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
