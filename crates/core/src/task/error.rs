//! The error of a task: what went wrong, and what it asks to be done about it.

use std::fmt;
use std::time::Duration;

use super::params::InvalidParams;
use crate::run::Reason;

/// The error of a task, made by `?` from any error.
///
/// An ordinary error is retried by the policy of the task. The constructors ask for something else.
/// This type does not implement [`std::error::Error`], so that `?` can convert every type that does.
///
/// ```
/// use aqueduct_core::TaskError;
///
/// fn parse(text: &str) -> Result<u64, TaskError> {
///     let number = text.parse().map_err(TaskError::fatal)?; // no retry can help
///     if number == 0 {
///         return Err(TaskError::cancel("nothing to do"));
///     }
///     Ok(number)
/// }
/// assert!(parse("seven").is_err());
/// ```
pub struct TaskError(Box<TaskErrorKind>);

/// What a task error asks for.
#[derive(Debug)]
#[non_exhaustive]
pub enum TaskErrorKind {
    /// Try again by the policy of the task.
    Retry(anyhow::Error),
    /// Try again, if the policy allows it, after this wait.
    RetryAfter(Duration, anyhow::Error),
    /// Try again, if the policy allows it, after this wait; nothing that shares the limits of the run
    /// starts before.
    RetryKeyAfter(Duration, anyhow::Error),
    /// Do not try again.
    Fatal(anyhow::Error),
    /// End the run without a failure.
    Cancel(Reason),
    /// Start the run again later, without counting a failure.
    Snooze(Duration),
    /// The task returned a value that cannot be recorded.
    InvalidResult(anyhow::Error),
    /// The parameters of the run do not fit the task: only layers see this.
    InvalidParams(InvalidParams),
}

impl TaskError {
    /// Creates an error that is retried by the policy of the task.
    #[must_use]
    pub fn new(error: impl Into<anyhow::Error>) -> Self {
        TaskErrorKind::Retry(error.into()).into()
    }

    /// Creates an error from a text.
    #[must_use]
    pub fn msg(text: impl fmt::Display + fmt::Debug + Send + Sync + 'static) -> Self {
        TaskErrorKind::Retry(anyhow::Error::msg(text)).into()
    }

    /// Creates an error that is not retried.
    #[must_use]
    pub fn fatal(error: impl Into<anyhow::Error>) -> Self {
        TaskErrorKind::Fatal(error.into()).into()
    }

    /// Creates an error that is retried after `wait`, if the policy allows another attempt.
    #[must_use]
    pub fn retry_after(wait: Duration, error: impl Into<anyhow::Error>) -> Self {
        TaskErrorKind::RetryAfter(wait, error.into()).into()
    }

    /// Creates an error that is retried after `wait`, and holds back all that shares the limits of the run.
    ///
    /// For whoever was told to slow down: nothing starts before that has a rate limit with the same key as
    /// one of the run; if it has no rate limit, nothing that has one of its concurrency limits. That is so
    /// whether or not the policy allows another attempt. What runs already goes on. A run without limits
    /// is retried as with [`TaskError::retry_after`].
    #[must_use]
    pub fn retry_key_after(wait: Duration, error: impl Into<anyhow::Error>) -> Self {
        TaskErrorKind::RetryKeyAfter(wait, error.into()).into()
    }

    /// Ends the run without a failure: it counts as cancelled.
    #[must_use]
    pub fn cancel(reason: impl Into<String>) -> Self {
        TaskErrorKind::Cancel(Reason::new(reason)).into()
    }

    /// Starts the run again after `wait`, without counting a failure.
    #[must_use]
    pub fn snooze(wait: Duration) -> Self {
        TaskErrorKind::Snooze(wait).into()
    }

    /// Returns what the error asks for.
    #[must_use]
    pub fn kind(&self) -> &TaskErrorKind {
        &self.0
    }

    /// Takes the error apart.
    #[must_use]
    pub fn into_kind(self) -> TaskErrorKind {
        *self.0
    }
}

impl From<TaskErrorKind> for TaskError {
    fn from(kind: TaskErrorKind) -> Self {
        Self(Box::new(kind))
    }
}

impl<E: Into<anyhow::Error>> From<E> for TaskError {
    fn from(error: E) -> Self {
        Self::new(error)
    }
}

impl fmt::Display for TaskError {
    /// Shows the error with all its causes, since there is no `source` to walk.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.0 {
            TaskErrorKind::Retry(error)
            | TaskErrorKind::RetryAfter(_, error)
            | TaskErrorKind::RetryKeyAfter(_, error)
            | TaskErrorKind::Fatal(error)
            | TaskErrorKind::InvalidResult(error) => write!(f, "{error:#}"),
            TaskErrorKind::InvalidParams(error) => write!(f, "{error}"),
            TaskErrorKind::Cancel(reason) => write!(f, "cancelled: {reason}"),
            TaskErrorKind::Snooze(wait) => write!(f, "snoozed for {wait:?}"),
        }
    }
}

impl fmt::Debug for TaskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}
