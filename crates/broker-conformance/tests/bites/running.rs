//! What running runs tell the broken broker.

use aqueduct_broker_api::ExtendRequest;
use aqueduct_core::run::{RunProgress, TaskRun};

use crate::broken::BrokenBroker;
use crate::defect::Defect;

impl BrokenBroker {
    /// Changes what runs report on its way into the store.
    pub(crate) fn spoil_reports(&self, request: &mut ExtendRequest) {
        let mut notes = self.notes();
        match self.defect {
            Some(Defect::ReportsForgotten) => request.progress.clear(),
            Some(Defect::ReportsOfAnyone) => {
                for report in &mut request.progress {
                    let holder = notes.tokens.get(&report.token.run);
                    report.token = holder.copied().unwrap_or(report.token);
                    request.consumer = report.token.consumer;
                }
            }
            _ => {}
        }
        let last = request.progress.last().cloned();
        notes.reports.extend(last.map(|it| (it.token.run, it)));
    }

    /// Changes what is shown of a run.
    pub(crate) fn spoil_found(&self, run: &mut TaskRun) {
        let notes = self.notes();
        match self.defect {
            Some(Defect::OnlyTheLastReporterShown) if notes.reports.len() > 1 => {
                run.progress = None;
            }
            Some(Defect::ReportsOutliveTheAttempt) => {
                let report = notes.reports.get(&run.id).map(|it| it.progress.clone());
                let progress = report.map(|it| RunProgress::new(it, self.clock.now()));
                run.progress = progress.map(Box::new);
            }
            _ => {}
        }
    }
}
