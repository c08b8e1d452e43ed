//! What is known of tasks, limits and consumers.

use aqueduct_core::run::{Limit, Reason};
use aqueduct_core::{ConsumerId, RunId, RunState, TaskName, Timestamp};

use crate::introduction::Introduction;

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

/// Where a run stands that takes turns; what has ended there may be counted still.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TurnInfo {
    /// How many runs with its fair key and limits stand before it.
    pub runs_before: u64,
    /// How many come up before its key has its turn: other keys, and runs without one. `None` if it waits for a limit.
    pub turns_before: Option<u64>,
}

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

impl TurnInfo {
    /// Creates the place of a run.
    #[must_use]
    pub fn new(runs_before: u64, turns_before: Option<u64>) -> Self {
        Self {
            runs_before,
            turns_before,
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
