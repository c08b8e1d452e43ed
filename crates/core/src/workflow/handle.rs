//! Handles on workflows that were queued.

use super::wait_all::WaitAll;
use crate::id::RunId;
use crate::manager::{QueueError, RunHandle, TaskManager, Wait};

/// A handle on a chain: waits for the value of its last run, cancels it; cheap to clone.
#[derive(Clone, Debug)]
pub struct ChainHandle<Out> {
    last: RunHandle<Out>,
    runs: Runs,
}

/// A handle on a group: waits for the values of its members, cancels it.
#[derive(Clone, Debug)]
pub struct GroupHandle<Out> {
    manager: TaskManager,
    members: Vec<RunHandle<Out>>,
    runs: Runs,
}

/// The runs of a workflow, in the order in which they were queued.
#[derive(Clone, Debug)]
pub(super) struct Runs {
    pub(super) ids: Vec<RunId>,
    pub(super) root: RunId,
}

impl Runs {
    /// Returns the run at a place of the plan.
    pub(super) fn id(&self, place: usize) -> RunId {
        self.ids.get(place).copied().unwrap_or(self.root)
    }

    /// Cancels the runs, the last first, so that none is released meanwhile.
    async fn cancel(&self, manager: &TaskManager, reason: String) -> Result<usize, QueueError> {
        let mut ended = 0;
        for run in self.ids.iter().rev() {
            let answer = manager.cancel(*run, reason.clone()).await?;
            ended += usize::from(answer.is_accepted());
        }
        Ok(ended)
    }
}

impl<Out> ChainHandle<Out> {
    pub(super) fn new(last: RunHandle<Out>, runs: Runs) -> Self {
        Self { last, runs }
    }

    /// Returns the last run, whose value is that of the chain.
    #[must_use]
    pub fn last(&self) -> &RunHandle<Out> {
        &self.last
    }

    /// Returns the identity of the last run.
    #[must_use]
    pub fn id(&self) -> RunId {
        self.last.id()
    }

    /// Returns all runs of the workflow, each behind those that it waits for.
    #[must_use]
    pub fn runs(&self) -> &[RunId] {
        &self.runs.ids
    }

    /// Returns the root of the family that the runs belong to: their first run, or the root of the run whose
    /// task queued them.
    #[must_use]
    pub fn root(&self) -> RunId {
        self.runs.root
    }

    /// Waits for the final state of the last run: `.await` it for the value that its task returned.
    ///
    /// It must keep its result: [`Chain::keep_result`](super::Chain::keep_result). It is cancelled if a run
    /// before it did not succeed; the reason says which.
    pub fn wait(&self) -> Wait<'_, Out> {
        self.last.wait()
    }

    /// Asks for the end of every run that has not ended; returns how many there were.
    ///
    /// What waits ends at once, from the last run to the first; running tasks are told.
    ///
    /// # Errors
    ///
    /// Returns an error if the broker did not answer: some of the runs may be cancelled then.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future leaves any number of the last runs cancelled, which no other run needs.
    pub async fn cancel(&self, reason: impl Into<String>) -> Result<usize, QueueError> {
        self.runs.cancel(self.last.manager(), reason.into()).await
    }
}

impl<Out> GroupHandle<Out> {
    pub(super) fn new(manager: &TaskManager, members: Vec<RunHandle<Out>>, runs: Runs) -> Self {
        Self {
            manager: manager.clone(),
            members,
            runs,
        }
    }

    /// Returns the members, in their order; of a member that is a chain, its last run.
    #[must_use]
    pub fn members(&self) -> &[RunHandle<Out>] {
        &self.members
    }

    /// Returns all runs of the workflow, each behind those that it waits for.
    #[must_use]
    pub fn runs(&self) -> &[RunId] {
        &self.runs.ids
    }

    /// Returns the root of the family that the runs belong to: their first run, or the root of the run whose
    /// task queued them.
    #[must_use]
    pub fn root(&self) -> RunId {
        self.runs.root
    }

    /// Waits for the final states of all members: `.await` it for their values, in their order.
    ///
    /// They must keep their results: [`Group::keep_results`](super::Group::keep_results).
    pub fn wait_all(&self) -> WaitAll<'_, Out> {
        WaitAll::on(&self.manager, &self.members)
    }

    /// Asks for the end of every run that has not ended; returns how many there were.
    ///
    /// What waits ends at once; running tasks are told.
    ///
    /// # Errors
    ///
    /// Returns an error if the broker did not answer: some of the runs may be cancelled then.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future leaves any number of the runs cancelled.
    pub async fn cancel(&self, reason: impl Into<String>) -> Result<usize, QueueError> {
        self.runs.cancel(&self.manager, reason.into()).await
    }
}
