//! The limits of a task: as its definition says, and as each of its runs has them.

use std::time::Duration;

use super::definition::TaskDefinition;
use crate::key::{KeyError, KeyTemplate};
use crate::name::TaskName;
use crate::payload::Payload;
use crate::run::{InvalidLimit, Limit, Limits, MAX_LIMITS};

/// A limit of a task: its key is the name of the task, or made of the parameters of each run.
///
/// ```
/// use aqueduct_core::key::KeyTemplate;
/// use aqueduct_core::task::TaskLimit;
/// use aqueduct_core::{TaskDefinition, TaskName};
///
/// let each_tenant = TaskLimit::concurrency(3)?.keyed(KeyTemplate::new("tenant:{tenant}")?);
/// let task = TaskDefinition::new(TaskName::from_static("sync"))
///     .with_limit(TaskLimit::concurrency(50)?)? // of all runs of the task
///     .with_limit(each_tenant)?;
/// assert_eq!(task.limits().len(), 2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskLimit {
    key: Option<KeyTemplate>,
    max: u32,
    per: Option<Duration>,
}

impl TaskLimit {
    /// Creates a limit of `max` runs of the task that consumers hold at once.
    ///
    /// # Errors
    ///
    /// Returns an error if `max` is 0.
    pub fn concurrency(max: u32) -> Result<Self, InvalidLimit> {
        Self::checked(max, None)
    }

    /// Creates a limit of `max` starts of runs of the task in each `per`; see [`Limit::rate`].
    ///
    /// # Errors
    ///
    /// Returns an error if `max` is 0, or `per` is not whole milliseconds from 1 ms to a year.
    pub fn rate(max: u32, per: Duration) -> Result<Self, InvalidLimit> {
        Self::checked(max, Some(per))
    }

    fn checked(max: u32, per: Option<Duration>) -> Result<Self, InvalidLimit> {
        Limit::check_numbers("of the task", max, per)?;
        Ok(Self {
            key: None,
            max,
            per,
        })
    }

    /// Makes a limit of its own of each key that the parameters of runs make.
    #[must_use]
    pub fn keyed(mut self, key: KeyTemplate) -> Self {
        self.key = Some(key);
        self
    }

    /// Returns the template of the key, if it is not the name of the task.
    #[must_use]
    pub fn key(&self) -> Option<&KeyTemplate> {
        self.key.as_ref()
    }

    fn is_same(&self, other: &Self) -> bool {
        self.key == other.key && self.per.is_some() == other.per.is_some()
    }

    fn of_run(&self, task: &TaskName, params: &Payload) -> Result<Limit, KeyError> {
        let key = match &self.key {
            Some(template) => template.render(params)?,
            None => task.to_string(),
        };
        Ok(Limit::rendered(key, self.max, self.per))
    }
}

impl TaskDefinition {
    /// Adds a limit that its runs share.
    ///
    /// # Errors
    ///
    /// Returns an error if it is there already, or with [`MAX_LIMITS`] others.
    pub fn with_limit(mut self, limit: TaskLimit) -> Result<Self, InvalidLimit> {
        if self.limits.iter().any(|it| it.is_same(&limit)) {
            return Err(InvalidLimit::twice(self.name()));
        }
        if self.limits.len() >= MAX_LIMITS {
            return Err(InvalidLimit::too_many(self.name().as_str()));
        }
        self.limits.push(limit);
        Ok(self)
    }

    /// Returns the limits that runs of the task share.
    #[must_use]
    pub fn limits(&self) -> &[TaskLimit] {
        &self.limits
    }

    /// Returns the limits of a run with these parameters; of two that make one limit the last counts.
    pub(super) fn limits_for(&self, params: &Payload) -> Result<Limits, KeyError> {
        let mut limits = Limits::default();
        for limit in &self.limits {
            // There are no more of them than a run may have.
            let _ = limits.set(limit.of_run(self.name(), params)?);
        }
        Ok(limits)
    }
}
