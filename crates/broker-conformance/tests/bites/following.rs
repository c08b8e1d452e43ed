//! What a broken broker does to runs that follow others.

use aqueduct_core::QueuedTask;

use crate::broken::BrokenBroker;
use crate::defect::Defect;

impl BrokenBroker {
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
