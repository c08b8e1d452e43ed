//! Steering queues and tasks: purge, pause, resume, how long they are.

use aqueduct_broker_api::{Broker as _, BrokerAdmin};
use aqueduct_core::QueueName;

use super::{Admin, AdminError, Introduction, MAX_PAGE, MAX_SWEEP, PauseScope, QueueLengths};

impl Admin {
    /// Removes what waits in a queue or is delayed for it, up to [`MAX_SWEEP`] runs; returns how many.
    ///
    /// Nothing is kept of them, and nobody is told; what runs goes on. What waits there for the end of others is removed as
    /// well, whether it runs anyway or not; elsewhere it is cancelled, or runs.
    ///
    /// # Errors
    ///
    /// Returns an error if the broker did not answer: some may be removed.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future may leave some of them removed.
    pub async fn purge(&self, queue: &QueueName) -> Result<u64, AdminError> {
        let mut removed = 0;
        loop {
            let batch = self.seam.purge(queue).await?;
            removed += batch as u64;
            if batch < MAX_PAGE || removed >= MAX_SWEEP {
                return Ok(removed);
            }
        }
    }

    /// Stops the claiming of runs of a queue or of a task; what runs goes on. Returns whether anybody knows the name: a
    /// living consumer takes it, runs of the queue are there, or runs of the task have ended. If not, it is paused all the
    /// same: look whether it is spelt right.
    ///
    /// ```
    /// # async fn pause(admin: &aqueduct::admin::Admin) -> Result<(), aqueduct::admin::AdminError> {
    /// use aqueduct::{QueueName, TaskName};
    ///
    /// admin.pause(QueueName::from_static("mail")).await?;
    /// let task: TaskName = "send".parse().expect("a name"); // or `TaskName::from_static`
    /// if !admin.pause(task).await? {
    ///     eprintln!("nobody knows that task");
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
    /// Dropping the future may leave it paused or not.
    pub async fn pause(&self, scope: impl Into<PauseScope> + Send) -> Result<bool, AdminError> {
        let scope = scope.into();
        self.seam.set_paused(&scope, true).await?;
        self.knows(&scope).await
    }

    async fn knows(&self, scope: &PauseScope) -> Result<bool, AdminError> {
        let is_there = match scope {
            PauseScope::Queue(queue) => {
                let lengths = self.lengths(std::slice::from_ref(queue)).await?;
                lengths.iter().any(|length| length.unfinished() > 0)
            }
            PauseScope::Task(task) => self.tasks().await?.iter().any(|info| info.task == *task),
            _ => true,
        };
        let is_named = |introduction: &Introduction| match scope {
            PauseScope::Queue(queue) => introduction.is_cut || introduction.queues.contains(queue),
            PauseScope::Task(task) => introduction.knows(task),
            _ => true,
        };
        let consumers = self.consumers().await?;
        let mut introductions = consumers.iter().filter_map(|it| it.introduction.as_ref());
        Ok(is_there || introductions.any(is_named))
    }

    /// Lets runs of a queue or of a task be claimed again.
    ///
    /// # Errors
    ///
    /// Returns an error if the broker did not answer.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future may leave it paused or not.
    pub async fn resume(&self, scope: impl Into<PauseScope> + Send) -> Result<(), AdminError> {
        Ok(self.seam.set_paused(&scope.into(), false).await?)
    }

    /// Returns what is paused.
    ///
    /// # Errors
    ///
    /// Returns an error if the broker did not answer.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future changes nothing.
    pub async fn paused(&self) -> Result<Vec<PauseScope>, AdminError> {
        Ok(self.seam.paused().await?)
    }

    /// Returns how many runs are where, for the named queues, or for all known if none is named.
    ///
    /// # Errors
    ///
    /// Returns an error if the broker did not answer.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future changes nothing.
    pub async fn lengths(&self, queues: &[QueueName]) -> Result<Vec<QueueLengths>, AdminError> {
        Ok(self.broker.queue_lengths(queues).await?)
    }
}
