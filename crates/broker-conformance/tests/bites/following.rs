//! What a broken broker does to runs that follow others.

use aqueduct_broker_api::{BrokerAdmin, BrokerError};
use aqueduct_core::{QueuedTask, RunId};

use crate::broken::BrokenBroker;
use crate::defect::Defect;

impl BrokenBroker {
    /// Removes what has ended with runs that are about to be queued anew.
    pub(crate) async fn discard_rest(&self, runs: &[RunId]) -> Result<(), BrokerError> {
        for run in self.inner.find(runs).await?.into_iter().flatten() {
            let next = run.options.and_then(|options| options.followed_by);
            if let Some(next) = next {
                self.inner.discard(&[next.run]).await?;
            }
        }
        Ok(())
    }

    /// Changes a part of a workflow on its way into the store.
    pub(crate) fn spoil_workflow(&self, task: &mut QueuedTask) {
        if self.has(Defect::StoredApart) {
            task.with_previous = false;
        }
        let Some(options) = &mut task.options else {
            return;
        };
        match self.defect {
            Some(Defect::FollowUpsStartAtOnce) => options.follows = None,
            Some(Defect::FollowUpsForgotten) => options.followed_by = None,
            _ => {}
        }
        if let Some(follows) = &mut options.follows {
            match self.defect {
                Some(Defect::FirstMemberReleases) => follows.runs.truncate(1),
                Some(Defect::RunsAnywayForgotten) => follows.runs_anyway = false,
                Some(Defect::DelayAfterOthersIgnored) => follows.delay = None,
                _ => {}
            }
        }
    }
}
