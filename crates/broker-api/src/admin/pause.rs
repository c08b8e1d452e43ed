//! What can be paused.

use std::fmt;

use aqueduct_core::{QueueName, TaskName};

/// What can be paused.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum PauseScope {
    /// One queue.
    Queue(QueueName),
    /// One task.
    Task(TaskName),
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
