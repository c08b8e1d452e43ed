//! The administrative seam: look up, list, pause, cancel, requeue, purge.

use std::fmt;
use std::future::Future;

use aqueduct_core::key::Key;
use aqueduct_core::run::{CancelAnswer, Limit, Reason};
use aqueduct_core::{ConsumerId, QueueName, RunId, RunState, TaskName, TaskRun, Timestamp};

use crate::error::BrokerError;
use crate::introduction::Introduction;
use crate::key_holder::KeyHolder;

/// The most runs in one page, and in one administrative call.
pub const MAX_PAGE: usize = 512;

/// Looks into a broker and steers it.
///
/// # Cancel safety
///
/// Dropping the future of any method may leave its step done or not done, never half done.
pub trait BrokerAdmin: fmt::Debug + Send + Sync + 'static {
    /// Returns each run as it is now, or `None` for one that the broker does not know.
    ///
    /// # Errors
    ///
    /// Returns an error if the broker did not answer, or more than [`MAX_PAGE`] are asked for.
    fn find(
        &self,
        runs: &[RunId],
    ) -> impl Future<Output = Result<Vec<Option<TaskRun>>, BrokerError>> + Send;

    /// Returns a page of the runs that match a filter.
    ///
    /// # Errors
    ///
    /// Returns an error if the broker did not answer.
    fn list(&self, filter: &RunFilter)
    -> impl Future<Output = Result<RunPage, BrokerError>> + Send;

    /// Returns who holds each run, or `None` for one that nobody holds.
    ///
    /// # Errors
    ///
    /// Returns an error if the broker did not answer, or more than [`MAX_PAGE`] are asked for.
    fn holders(
        &self,
        runs: &[RunId],
    ) -> impl Future<Output = Result<Vec<Option<Holder>>, BrokerError>> + Send;

    /// Tells which runs hold unique keys; one answer a key, in order, `None` for a free one.
    ///
    /// Keys are at most [`MAX_PAGE`].
    ///
    /// # Errors
    ///
    /// Returns an error if there are too many keys, or the broker did not answer.
    fn key_holders(
        &self,
        keys: &[Key],
    ) -> impl Future<Output = Result<Vec<Option<KeyHolder>>, BrokerError>> + Send;

    /// Asks for the end of runs; returns one answer a run, in order.
    ///
    /// A run that waits ends at once. For a running one the request outlives the attempt: whatever its
    /// consumer settles, or if it dies, the run ends and never starts again.
    ///
    /// # Errors
    ///
    /// Returns an error if the broker did not answer.
    fn cancel(
        &self,
        runs: &[RunId],
        reason: Reason,
    ) -> impl Future<Output = Result<Vec<CancelAnswer>, BrokerError>> + Send;

    /// Queues ended runs anew, with fresh budgets; returns which of them were.
    ///
    /// # Errors
    ///
    /// Returns an error if the broker did not answer.
    fn requeue(
        &self,
        runs: &[RunId],
    ) -> impl Future<Output = Result<Vec<bool>, BrokerError>> + Send;

    /// Removes ended runs and what was kept of them; returns which of them were.
    ///
    /// A run that has not ended stays as it is.
    ///
    /// # Errors
    ///
    /// Returns an error if the broker did not answer, or more than [`MAX_PAGE`] are given.
    fn discard(
        &self,
        runs: &[RunId],
    ) -> impl Future<Output = Result<Vec<bool>, BrokerError>> + Send;

    /// Removes up to [`MAX_PAGE`] waiting or delayed runs of a queue; returns how many.
    ///
    /// # Errors
    ///
    /// Returns an error if the broker did not answer.
    fn purge(&self, queue: &QueueName) -> impl Future<Output = Result<usize, BrokerError>> + Send;

    /// Stops or resumes the claiming of runs.
    ///
    /// # Errors
    ///
    /// Returns an error if the broker did not answer.
    fn set_paused(
        &self,
        scope: &PauseScope,
        paused: bool,
    ) -> impl Future<Output = Result<(), BrokerError>> + Send;

    /// Returns what is paused.
    ///
    /// # Errors
    ///
    /// Returns an error if the broker did not answer.
    fn paused(&self) -> impl Future<Output = Result<Vec<PauseScope>, BrokerError>> + Send;

    /// Returns what is known of each task that has ended a run.
    ///
    /// # Errors
    ///
    /// Returns an error if the broker did not answer.
    fn tasks(&self) -> impl Future<Output = Result<Vec<TaskInfo>, BrokerError>> + Send;

    /// Returns the consumers whose lease has not run out.
    ///
    /// # Errors
    ///
    /// Returns an error if the broker did not answer.
    fn consumers(&self) -> impl Future<Output = Result<Vec<ConsumerInfo>, BrokerError>> + Send;

    /// Returns how each of these limits stands, in order; with none, up to [`MAX_PAGE`] that are in use.
    ///
    /// # Errors
    ///
    /// Returns an error if the broker did not answer, or more than [`MAX_PAGE`] are asked for.
    fn limits(
        &self,
        limits: &[Limit],
    ) -> impl Future<Output = Result<Vec<LimitInfo>, BrokerError>> + Send;
}

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

/// What can be paused.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum PauseScope {
    /// One queue.
    Queue(QueueName),
    /// One task.
    Task(TaskName),
}

/// What is known of a task.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TaskInfo {
    /// The task.
    pub task: TaskName,
    /// How many runs succeeded.
    pub succeeded: u64,
    /// How many runs failed for good.
    pub failed: u64,
    /// How many attempts failed and were retried.
    pub retried: u64,
    /// How the last run ended.
    pub last_state: Option<RunState>,
    /// When the last run ended.
    pub last_ended_at: Option<Timestamp>,
}

/// How a limit stands that runs share.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LimitInfo {
    /// The limit, with the numbers that count now.
    pub limit: Limit,
    /// How many runs that consumers hold share it; 0 for a rate limit, which does not count them.
    pub running: u64,
    /// How many runs wait because of it; some that ended while they waited may be among them.
    pub waiting: u64,
    /// When it lets the next run start, if that is a question of time.
    pub opens_at: Option<Timestamp>,
    /// Runs that hold its places, up to [`MAX_HELD_BY`] of them.
    pub held_by: Vec<RunId>,
}

/// The most runs that are named as holders of the places of one limit.
pub const MAX_HELD_BY: usize = 16;

/// Who holds a run.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Holder {
    /// The consumer.
    pub consumer: ConsumerId,
    /// Why the run is to end, if somebody asked for that.
    pub asked_to_end: Option<Reason>,
}

/// What is known of a consumer.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConsumerInfo {
    /// The consumer.
    pub consumer: ConsumerId,
    /// When its lease runs out.
    pub lease_until: Timestamp,
    /// How many runs it holds.
    pub holds: u64,
    /// What it says of itself; `None` if it has not, or the broker does not keep it.
    pub introduction: Option<Introduction>,
}

impl TaskInfo {
    /// Creates the information on a task that has ended no run.
    #[must_use]
    pub fn new(task: TaskName) -> Self {
        Self {
            task,
            succeeded: 0,
            failed: 0,
            retried: 0,
            last_state: None,
            last_ended_at: None,
        }
    }
}

impl LimitInfo {
    /// Creates the information on a limit that nobody uses.
    #[must_use]
    pub fn idle(limit: Limit) -> Self {
        Self {
            limit,
            running: 0,
            waiting: 0,
            opens_at: None,
            held_by: Vec::new(),
        }
    }
}

impl Holder {
    /// Creates the holder of a run whose end nobody asked for.
    #[must_use]
    pub fn new(consumer: ConsumerId) -> Self {
        Self {
            consumer,
            asked_to_end: None,
        }
    }

    /// Sets why the run is to end.
    #[must_use]
    pub fn asked_to_end(mut self, reason: Option<Reason>) -> Self {
        self.asked_to_end = reason;
        self
    }
}

impl ConsumerInfo {
    /// Creates the information on a consumer.
    #[must_use]
    pub fn new(consumer: ConsumerId, lease_until: Timestamp, holds: u64) -> Self {
        Self {
            consumer,
            lease_until,
            holds,
            introduction: None,
        }
    }

    /// Sets what the consumer says of itself.
    #[must_use]
    pub fn with_introduction(mut self, introduction: Option<Introduction>) -> Self {
        self.introduction = introduction;
        self
    }
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

impl From<QueueName> for PauseScope {
    fn from(queue: QueueName) -> Self {
        Self::Queue(queue)
    }
}

impl From<TaskName> for PauseScope {
    fn from(task: TaskName) -> Self {
        Self::Task(task)
    }
}

impl fmt::Display for PauseScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Queue(queue) => write!(f, "queue `{queue}`"),
            Self::Task(task) => write!(f, "task `{task}`"),
        }
    }
}
