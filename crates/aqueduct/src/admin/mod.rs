//! Looking into a broker and steering it, for people and programs.

mod error;
mod explain;
mod facts;
mod finding;
mod limited;
mod pages;
mod queues;
mod sweep;

pub use error::{AdminError, AdminErrorKind};
pub use explain::Explanation;
pub use finding::Finding;
pub use pages::RunPages;
pub use sweep::{MAX_SWEEP, Sweep, SweepCount};

pub use aqueduct_broker_api::{
    ConsumerInfo, Holder, Introduction, KeyHolder, LimitInfo, MAX_PAGE, PauseScope, QueueLengths,
    RunFilter, TaskInfo, TurnInfo,
};

use aqueduct_broker_api::{AdminHandle, BrokerAdmin, BrokerHandle, CancelAnswer};
use aqueduct_core::key::Key;
use aqueduct_core::run::{Limit, Reason};
use aqueduct_core::{RunId, TaskRun};

use explain::Facts;
use sweep::Change;

/// A handle to look into a broker and to steer it; cheap to clone.
///
/// Made by [`Broker::admin`](crate::Broker::admin) or [`RunningApp::admin`](crate::RunningApp::admin). It
/// works from any process that opens the broker, and whatever it does may be repeated. Lists take as many
/// runs as asked for and are as fast as looking at all that is stored: they are for people and programs
/// that steer, not for the path of a run.
///
/// ```
/// use aqueduct::admin::{AdminError, RunFilter};
///
/// # async fn look(broker: &aqueduct::Broker) -> Result<(), AdminError> {
/// let admin = broker.admin()?;
/// let mut failed = admin.runs(RunFilter::failed());
/// while let Some(page) = failed.next_page().await? {
///     for run in page {
///         println!("{} of {}", run.id, run.task);
///     }
/// }
/// let count = admin.requeue_all(RunFilter::failed())?.to_end().await?;
/// println!("{} run again", count.changed);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Admin {
    broker: BrokerHandle,
    seam: AdminHandle,
}

impl Admin {
    /// Creates a handle on a broker.
    ///
    /// # Errors
    ///
    /// Returns an error if the broker has no administrative seam.
    pub fn new(broker: &BrokerHandle) -> Result<Self, AdminError> {
        Ok(Self {
            seam: broker.admin()?.clone(),
            broker: broker.clone(),
        })
    }

    /// Returns a run as it is now, or `None` if the broker does not know it.
    ///
    /// # Errors
    ///
    /// Returns an error if the broker did not answer.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future changes nothing.
    pub async fn find(&self, run: RunId) -> Result<Option<TaskRun>, AdminError> {
        Ok(self.seam.find(&[run]).await?.pop().flatten())
    }

    /// Says why a run is not running: what holds it up, or where it is.
    ///
    /// Changes nothing, and asks the broker at most six questions. The answers are not of one moment: a
    /// run that moves meanwhile may be explained as it was.
    ///
    /// ```
    /// # async fn ask(admin: &aqueduct::Admin, run: aqueduct::RunId)
    /// # -> Result<(), aqueduct::admin::AdminError> {
    /// println!("{}", admin.explain(run).await?); // the queue `mail` is paused; `resume` it
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error if the broker did not answer.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future changes nothing.
    pub async fn explain(&self, run: RunId) -> Result<Explanation, AdminError> {
        Ok(Facts::gather(self, run).await?.explain(run))
    }

    /// Returns which run holds a unique key, and for how long; `None` if nobody does.
    ///
    /// ```
    /// # async fn ask(admin: &aqueduct::Admin) -> Result<(), aqueduct::admin::AdminError> {
    /// if let Some(holder) = admin.holder_of("sync:7").await? {
    ///     println!("{} has it since {}", holder.run, holder.since);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error if the broker did not answer.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future changes nothing.
    pub async fn holder_of(&self, key: &str) -> Result<Option<KeyHolder>, AdminError> {
        // What is no key is held by nobody.
        let Ok(key) = Key::new(key) else {
            return Ok(None);
        };
        Ok(self.seam.key_holders(&[key]).await?.pop().flatten())
    }

    /// Returns the runs that pass a filter, a page at a time.
    pub fn runs(&self, filter: RunFilter) -> RunPages {
        RunPages::new(self.clone(), filter)
    }

    /// Returns the runs of a family, a page at a time: its root, and all whose lineage leads to it.
    ///
    /// Those are the runs of a workflow (`handle.root()`), and what tasks of the family have queued. A run that
    /// has ended is among them as long as it is kept.
    ///
    /// ```
    /// # async fn look(admin: &aqueduct::Admin, root: aqueduct::RunId)
    /// # -> Result<(), aqueduct::admin::AdminError> {
    /// let mut family = admin.family(root);
    /// while let Some(page) = family.next_page().await? {
    ///     for run in page {
    ///         println!("{} of {}: {}", run.id, run.task, run.state);
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn family(&self, root: RunId) -> RunPages {
        self.runs(RunFilter::all().of_family(root))
    }

    /// Queues ended runs anew, with fresh budgets; returns which of them were.
    ///
    /// One that succeeded, has not ended, is unknown, or whose unique key another run holds, is not:
    /// [`explain`](Self::explain) says so, and [`holder_of`](Self::holder_of) who has the key.
    ///
    /// # Errors
    ///
    /// Returns an error if the broker did not answer: some may be queued.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future may leave some of them queued, none twice.
    pub async fn requeue(&self, runs: &[RunId]) -> Result<Vec<bool>, AdminError> {
        let mut answers = Vec::with_capacity(runs.len());
        for batch in runs.chunks(MAX_PAGE) {
            answers.extend(self.seam.requeue(batch).await?);
        }
        Ok(answers)
    }

    /// Queues all ended runs anew that pass a filter; those that succeeded are left alone.
    ///
    /// # Errors
    ///
    /// Returns an error if no run that passes the filter can be queued anew.
    pub fn requeue_all(&self, filter: RunFilter) -> Result<Sweep, AdminError> {
        Sweep::new(self.clone(), filter, Change::Requeue)
    }

    /// Removes ended runs and what was kept of them; returns which of them were.
    ///
    /// One that has not ended stays as it is: cancel it first.
    ///
    /// # Errors
    ///
    /// Returns an error if the broker did not answer: some may be removed.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future may leave some of them removed.
    pub async fn discard(&self, runs: &[RunId]) -> Result<Vec<bool>, AdminError> {
        let mut answers = Vec::with_capacity(runs.len());
        for batch in runs.chunks(MAX_PAGE) {
            answers.extend(self.seam.discard(batch).await?);
        }
        Ok(answers)
    }

    /// Removes all ended runs that pass a filter; others are left alone.
    ///
    /// # Errors
    ///
    /// Returns an error if only runs pass the filter that have not ended.
    pub fn discard_all(&self, filter: RunFilter) -> Result<Sweep, AdminError> {
        Sweep::new(self.clone(), filter, Change::Discard)
    }

    /// Asks for the end of runs; returns one answer a run, in order.
    ///
    /// A run that waits ends at once; a running one is told.
    ///
    /// # Errors
    ///
    /// Returns an error if the broker did not answer: some may be cancelled.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future may leave some of them cancelled.
    pub async fn cancel(
        &self,
        runs: &[RunId],
        reason: impl Into<String>,
    ) -> Result<Vec<CancelAnswer>, AdminError> {
        let reason = Reason::new(reason);
        let mut answers = Vec::with_capacity(runs.len());
        for batch in runs.chunks(MAX_PAGE) {
            answers.extend(self.seam.cancel(batch, reason.clone()).await?);
        }
        Ok(answers)
    }

    /// Asks for the end of all runs that pass a filter; ended ones are left alone.
    ///
    /// # Errors
    ///
    /// Returns an error if only ended runs pass the filter.
    pub fn cancel_all(
        &self,
        filter: RunFilter,
        reason: impl Into<String>,
    ) -> Result<Sweep, AdminError> {
        Sweep::new(self.clone(), filter, Change::Cancel(Reason::new(reason)))
    }

    /// Returns what is known of each task that has ended a run.
    ///
    /// # Errors
    ///
    /// Returns an error if the broker did not answer.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future changes nothing.
    pub async fn tasks(&self) -> Result<Vec<TaskInfo>, AdminError> {
        Ok(self.seam.tasks().await?)
    }

    /// Returns the consumers whose lease has not run out.
    ///
    /// # Errors
    ///
    /// Returns an error if the broker did not answer.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future changes nothing.
    pub async fn consumers(&self) -> Result<Vec<ConsumerInfo>, AdminError> {
        Ok(self.seam.consumers().await?)
    }

    /// Returns how limits stand that runs share; with none, up to [`MAX_PAGE`] that are in use.
    ///
    /// The beats of consumers forget what nobody uses any more: without a consumer it stays in the list.
    ///
    /// ```
    /// # async fn show(admin: &aqueduct::Admin) -> Result<(), aqueduct::admin::AdminError> {
    /// for info in admin.limits(&[]).await? {
    ///     println!("{}: {} run, {} wait", info.limit, info.running, info.waiting);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error if the broker did not answer, or more than [`MAX_PAGE`] are asked for.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future changes nothing.
    pub async fn limits(&self, limits: &[Limit]) -> Result<Vec<LimitInfo>, AdminError> {
        Ok(self.seam.limits(limits).await?)
    }

    /// Returns how many entries of the store cannot be read as runs, and were set aside.
    ///
    /// Somebody wrote them who is no Aqueduct, or one of a later release. They hold up nothing, and nothing touches them
    /// again: look at them in the store, and delete them there. In Redis they are the list `unreadable` of the namespace,
    /// and a beat that finds more of them warns in the log. In memory there are none.
    ///
    /// ```
    /// # async fn check(admin: &aqueduct::Admin) -> Result<(), aqueduct::admin::AdminError> {
    /// assert_eq!(admin.unreadable().await?, 0, "somebody else writes into our Redis");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error if the broker did not answer.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future changes nothing.
    pub async fn unreadable(&self) -> Result<u64, AdminError> {
        Ok(self.seam.unreadable().await?)
    }

    fn seam(&self) -> &AdminHandle {
        &self.seam
    }
}
