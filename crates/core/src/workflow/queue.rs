//! Queueing a workflow: identities, lineage, and one request for all of it.

use super::handle::Runs;
use super::plan::Plan;
use crate::id::RunId;
use crate::manager::{QueueError, TaskManager};
use crate::queue::Enqueued;
use crate::run::Lineage;

impl TaskManager {
    /// Queues the runs of a workflow, all of them or none.
    pub(super) async fn queue_plan(&self, plan: Plan) -> Result<Runs, QueueError> {
        let now = self.clock().now();
        let ids: Vec<RunId> = (0..plan.len()).map(|_| RunId::generate(now)).collect();
        let first = ids.first().copied().unwrap_or_else(|| RunId::generate(now));
        let Lineage { parent, root } = self.lineage_of(first);
        let tasks = plan.into_tasks(&ids, |call, id| {
            let lineage = match parent {
                None if id == first => Lineage::root_of(id),
                // Queued from outside, the first run is the root of the others.
                parent => Lineage::child_of(parent.unwrap_or(first), root),
            };
            self.complete(call.into_queued(id, lineage)?, now)
        })?;
        if tasks.is_empty() {
            return Ok(Runs { ids, root });
        }
        for (id, answer) in ids.iter().zip(self.send(tasks).await?) {
            match answer {
                Enqueued::Accepted(_) => {}
                // The broker has them from an earlier request.
                Enqueued::Duplicate(known) if known == *id => {}
                Enqueued::Duplicate(_) => return Err(QueueError::no_answer()),
                Enqueued::QueueFull => return Err(QueueError::queue_full()),
            }
        }
        Ok(Runs { ids, root })
    }
}
