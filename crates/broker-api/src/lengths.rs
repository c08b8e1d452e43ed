//! How many runs are where.

use aqueduct_core::QueueName;

/// How many runs of one queue are where.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct QueueLengths {
    /// The queue.
    pub queue: QueueName,
    /// Runs that are ready to be claimed.
    pub queued: u64,
    /// Runs that are due later: delayed, snoozed or parked.
    pub scheduled: u64,
    /// Runs that failed and are due again later.
    pub retrying: u64,
    /// Runs that consumers hold.
    pub running: u64,
    /// The most unfinished runs, as the process that was asked applies it; `None` for no limit.
    pub limit: Option<u64>,
}

impl QueueLengths {
    /// Creates the lengths of an empty queue.
    #[must_use]
    pub fn empty(queue: QueueName) -> Self {
        Self {
            queue,
            queued: 0,
            scheduled: 0,
            retrying: 0,
            running: 0,
            limit: None,
        }
    }

    /// Sets the most unfinished runs.
    #[must_use]
    pub fn limited(mut self, limit: Option<u64>) -> Self {
        self.limit = limit;
        self
    }

    /// Returns whether one more run would be refused.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.limit.is_some_and(|limit| self.unfinished() >= limit)
    }

    /// Returns how many runs have not ended.
    #[must_use]
    pub fn unfinished(&self) -> u64 {
        self.queued + self.scheduled + self.retrying + self.running
    }
}
