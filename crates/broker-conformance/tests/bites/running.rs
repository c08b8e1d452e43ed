//! What running runs tell the broken broker.

use aqueduct_broker_api::{Broker, BrokerError, CheckpointRequest, Checkpointed, ExtendRequest};
use aqueduct_core::Payload;
use aqueduct_core::run::{Checkpoint, RunProgress, TaskRun};

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
            Some(Defect::CheckpointsOutliveTheEnd) => {
                run.checkpoint = notes.values.get(&run.id).cloned().map(Box::new);
            }
            _ => {}
        }
    }

    /// Keeps a checkpoint, more or less.
    pub(crate) async fn keep(
        &self,
        request: &CheckpointRequest,
    ) -> Result<Checkpointed, BrokerError> {
        let mut request = request.clone();
        let counted = (request.token, request.number);
        let is_repeated = !self.notes().checkpoints.insert(counted);
        match self.defect {
            Some(Defect::CheckpointsForgotten) => return Ok(Checkpointed::Kept),
            Some(Defect::RepeatedCheckpointRefused) if is_repeated => {
                return Ok(Checkpointed::LeaseLost);
            }
            Some(Defect::OldCheckpointsReplace) => {
                let mut notes = self.notes();
                notes.kept += 1;
                request.number = 1000 + notes.kept;
            }
            Some(Defect::CheckpointsOfAnyone) => {
                let holder = self.notes().tokens.get(&request.token.run).copied();
                request.token = holder.unwrap_or(request.token);
            }
            Some(Defect::CheckpointsOfAnySize) => request.value = Payload::empty(),
            _ => {}
        }
        let kept = Checkpoint::new(0, 0, self.clock.now(), request.value.clone());
        self.notes().values.insert(request.token.run, kept);
        self.inner.checkpoint(&request).await
    }
}
