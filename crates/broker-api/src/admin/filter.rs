//! Which runs are listed, a page at a time.

use aqueduct_core::{Payload, QueueName, RunId, RunState, TaskName, TaskRun, Timestamp};

use super::{FULL_PAGE_BYTES, MAX_PAGE};

/// Which runs to list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RunFilter {
    /// Only runs in this state.
    pub state: Option<RunState>,
    /// Only runs of this task.
    pub task: Option<TaskName>,
    /// Only runs of this queue.
    pub queue: Option<QueueName>,
    /// Only runs whose lineage has this root, and the root itself.
    pub root: Option<RunId>,
    /// Only runs that have ended, at this time or later.
    pub ended_since: Option<Timestamp>,
    /// Only runs with a greater id than this: the last of the page before.
    pub after: Option<RunId>,
    /// The most runs to return; 0 and more than [`MAX_PAGE`] mean [`MAX_PAGE`].
    pub limit: usize,
}

/// A page of runs, in the order of their ids.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct RunPage {
    /// The runs.
    pub runs: Vec<TaskRun>,
    /// Where the next page begins, if there may be one.
    pub next: Option<RunId>,
}

impl RunPage {
    /// Creates the page that begins with the first of some runs, in the order of their ids.
    #[must_use]
    pub fn beginning<'r>(runs: impl IntoIterator<Item = &'r TaskRun>, most: usize) -> Self {
        let (mut page, mut bytes) = (Self::default(), 0);
        for run in runs {
            if page.runs.len() >= most || bytes >= FULL_PAGE_BYTES {
                page.next = page.runs.last().map(|last| last.id);
                break;
            }
            bytes += weight(run);
            page.runs.push(run.clone());
        }
        page
    }
}

/// Returns how many bytes of values a run has.
fn weight(run: &TaskRun) -> usize {
    let record = run.record.as_deref();
    let values = [
        run.input.as_ref(),
        record.and_then(|record| record.result.as_ref()),
    ];
    let checkpoint = run.checkpoint.as_ref().map_or(0, |it| it.value.len());
    run.payload.len()
        + checkpoint
        + values
            .into_iter()
            .flatten()
            .map(Payload::len)
            .sum::<usize>()
}

impl RunFilter {
    /// Returns the filter that every run passes.
    #[must_use]
    pub fn all() -> Self {
        Self::default()
    }

    /// Returns the filter of runs that failed for good.
    #[must_use]
    pub fn failed() -> Self {
        Self::all().in_state(RunState::Failed)
    }

    /// Lets only runs in this state pass.
    #[must_use]
    pub fn in_state(mut self, state: RunState) -> Self {
        self.state = Some(state);
        self
    }

    /// Lets only runs of this task pass.
    #[must_use]
    pub fn of_task(mut self, task: TaskName) -> Self {
        self.task = Some(task);
        self
    }

    /// Lets only runs of this queue pass.
    #[must_use]
    pub fn of_queue(mut self, queue: QueueName) -> Self {
        self.queue = Some(queue);
        self
    }

    /// Lets only runs of the family of a root pass: itself, and all whose lineage leads to it.
    #[must_use]
    pub fn of_family(mut self, root: RunId) -> Self {
        self.root = Some(root);
        self
    }

    /// Lets only runs pass that have ended, at this time of the broker or later.
    #[must_use]
    pub fn ended_since(mut self, time: Timestamp) -> Self {
        self.ended_since = Some(time);
        self
    }

    /// Sets the most runs of a page; 0 and more than [`MAX_PAGE`] mean [`MAX_PAGE`].
    #[must_use]
    pub fn with_page(mut self, runs: usize) -> Self {
        self.limit = runs;
        self
    }

    /// Returns whether only ended runs can match: a broker need not look where the others are.
    #[must_use]
    pub fn wants_only_ended(&self) -> bool {
        self.ended_since.is_some() || self.state.is_some_and(RunState::is_final)
    }

    /// Returns the size of a page, within bounds.
    #[must_use]
    pub fn page_size(&self) -> usize {
        if self.limit == 0 {
            MAX_PAGE
        } else {
            self.limit.min(MAX_PAGE)
        }
    }

    /// Returns whether a run matches, its place in the listing aside.
    #[must_use]
    pub fn matches(&self, run: &TaskRun) -> bool {
        self.state.is_none_or(|state| state == run.state)
            && self.task.as_ref().is_none_or(|task| *task == run.task)
            && self.queue.as_ref().is_none_or(|queue| *queue == run.queue)
            && self.root.is_none_or(|root| root == run.lineage.root)
            && self
                .ended_since
                .is_none_or(|since| run.ended_at() >= Some(since))
    }
}
