//! Queueing a workflow: identities, lineage, and one request for all of it.

use std::fmt;
use std::future::{Future, IntoFuture};
use std::pin::Pin;

use super::handle::Runs;
use super::plan::Plan;
use crate::id::RunId;
use crate::manager::{QueueError, TaskManager, wait_for};
use crate::name::QueueName;
use crate::queue::Enqueued;
use crate::run::Lineage;

/// A workflow on its way: `.await` it for its handle, a `H`.
///
/// Dropping it once it was polled may leave the whole workflow queued or none of it.
#[must_use = "nothing is queued until this is awaited"]
pub struct QueueWorkflow<'m, H> {
    work: Pin<Box<dyn Future<Output = Result<H, QueueError>> + Send + 'm>>,
}

impl<'m, H> QueueWorkflow<'m, H> {
    pub(super) fn new(work: impl Future<Output = Result<H, QueueError>> + Send + 'm) -> Self {
        Self {
            work: Box::pin(work),
        }
    }

    /// Queues the workflow, and waits on this thread until the broker has answered.
    ///
    /// For synchronous bodies of CPU tasks, which have a thread of their own. In an asynchronous task it holds
    /// up all others of the same thread: `.await` the workflow there.
    ///
    /// # Errors
    ///
    /// Returns an error if the workflow is not in order, or the broker refused it or did not answer.
    pub fn blocking(self) -> Result<H, QueueError> {
        wait_for(self.work)
    }
}

impl<'m, H> IntoFuture for QueueWorkflow<'m, H> {
    type Output = Result<H, QueueError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send + 'm>>;

    fn into_future(self) -> Self::IntoFuture {
        self.work
    }
}

impl<H> fmt::Debug for QueueWorkflow<'_, H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QueueWorkflow").finish_non_exhaustive()
    }
}

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
        let queues: Vec<QueueName> = tasks.iter().map(|task| task.queue.clone()).collect();
        let answers = self.send(tasks).await?;
        if let Some(error) = no_room(queues, &answers) {
            return Err(error);
        }
        for (id, answer) in ids.iter().zip(answers) {
            match answer {
                Enqueued::Accepted(_) => {}
                // The broker has them from an earlier request.
                Enqueued::Duplicate(known) if known == *id => {}
                Enqueued::Duplicate(_) | Enqueued::QueueFull { .. } => {
                    return Err(QueueError::no_answer());
                }
                Enqueued::Replaced(run) | Enqueued::KeyTaken(run) => {
                    return Err(QueueError::key_taken(run));
                }
            }
        }
        Ok(Runs { ids, root })
    }
}

/// Returns the error if a queue had no room: all runs are refused then, with the limits of their queues.
fn no_room(queues: Vec<QueueName>, answers: &[Enqueued]) -> Option<QueueError> {
    let mut full: Vec<(QueueName, Option<u64>)> = Vec::new();
    for (queue, answer) in queues.into_iter().zip(answers) {
        if let Enqueued::QueueFull { limit } = *answer {
            full.push((queue, limit));
        }
    }
    full.sort();
    if full.iter().any(|(_, limit)| limit.is_some()) {
        full.retain(|(_, limit)| limit.is_some());
    }
    (!full.is_empty()).then(|| QueueError::queue_full(&full))
}
