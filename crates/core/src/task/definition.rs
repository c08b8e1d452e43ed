//! The definition of a task: its name, and how it is queued, limited and retried.

use std::fmt;
use std::time::Duration;

use super::cpu::{CpuOptions, StateMaker};
use super::fair::FairTemplate;
use super::limit::TaskLimit;
use super::params::ParamSpec;
use super::unique::UniqueTemplate;
use crate::lane::Lane;
use crate::name::{QueueName, TaskName};
use crate::payload::Payload;
use crate::priority::Priority;
use crate::retry::RetryPolicy;
use crate::run::MAX_WAIT;
use crate::schedule::{Overlap, Schedule};
use crate::state::StateNeed;

/// How long a run may take unless its task says otherwise.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_mins(1);

/// The longest time limit of a task: 30 days.
pub const MAX_TIMEOUT: Duration = Duration::from_hours(30 * 24);

/// The name of a task, and how it is queued, limited and retried.
#[derive(Clone, Debug)]
pub struct TaskDefinition {
    name: TaskName,
    aliases: Vec<TaskName>,
    description: &'static str,
    lane: Lane,
    queue: QueueName,
    priority: Priority,
    timeout: Duration,
    total_timeout: Option<Duration>,
    expires_in: Option<Duration>,
    retry: RetryPolicy,
    keep_result: Option<Duration>,
    unique: Option<UniqueTemplate>,
    pub(super) limits: Vec<TaskLimit>,
    pub(super) fair: Option<FairTemplate>,
    schedule: Option<TaskSchedule>,
    params: &'static [ParamSpec],
    /// The parameter that takes what ran before.
    input: Option<&'static str>,
    needs: Vec<StateNeed>,
    cpu: Option<Box<CpuOptions>>,
    makers: Vec<StateMaker>,
    location: Location,
}

/// When a periodic task fires, and with what parameters.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct TaskSchedule {
    /// When it fires.
    pub schedule: Schedule,
    /// The parameters of each run.
    pub params: Payload,
    /// What becomes of a tick while the run before has not ended.
    pub overlap: Overlap,
}

/// Where in the source a task is defined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "generated code builds it")]
pub struct Location {
    /// The source file.
    pub file: &'static str,
    /// The line in it, from 1.
    pub line: u32,
}

/// The error of a definition with a value out of bounds.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("task `{task}`: {what} must be from 1 ms to {longest}, this one is {timeout:?}")]
pub struct InvalidDefinition {
    task: TaskName,
    what: &'static str,
    longest: &'static str,
    timeout: Duration,
}

impl TaskDefinition {
    /// Creates a definition with the defaults: IO lane, default queue, 60 s, three retries.
    #[must_use]
    #[track_caller]
    pub fn new(name: TaskName) -> Self {
        let caller = std::panic::Location::caller();
        Self {
            name,
            aliases: Vec::new(),
            description: "",
            lane: Lane::default(),
            queue: QueueName::DEFAULT,
            priority: Priority::default(),
            timeout: DEFAULT_TIMEOUT,
            total_timeout: None,
            expires_in: None,
            retry: RetryPolicy::default(),
            keep_result: None,
            unique: None,
            limits: Vec::new(),
            fair: None,
            schedule: None,
            params: &[],
            input: None,
            needs: Vec::new(),
            cpu: None,
            makers: Vec::new(),
            location: Location {
                file: caller.file(),
                line: caller.line(),
            },
        }
    }

    /// Adds a name under which older runs of this task may still be stored.
    #[must_use]
    pub fn with_alias(mut self, alias: TaskName) -> Self {
        self.aliases.push(alias);
        self
    }

    /// Sets a description, for people.
    #[must_use]
    pub fn with_description(mut self, description: &'static str) -> Self {
        self.description = description;
        self
    }

    /// Sets the kind of execution.
    #[must_use]
    pub fn with_lane(mut self, lane: Lane) -> Self {
        self.lane = lane;
        self
    }

    /// Makes the task run in a worker process.
    #[must_use]
    pub fn with_cpu(mut self, options: CpuOptions) -> Self {
        self.lane = Lane::Cpu;
        self.cpu = Some(Box::new(options));
        self
    }

    /// Adds a maker of application state for the worker process of a CPU task.
    #[must_use]
    pub fn with_maker(mut self, maker: StateMaker) -> Self {
        self.makers.push(maker);
        self
    }

    /// Sets the queue that runs wait in by default.
    #[must_use]
    pub fn with_queue(mut self, queue: QueueName) -> Self {
        self.queue = queue;
        self
    }

    /// Sets the default priority of runs.
    #[must_use]
    pub fn with_priority(mut self, priority: Priority) -> Self {
        self.priority = priority;
        self
    }

    /// Sets how long one attempt may take.
    ///
    /// # Errors
    ///
    /// Returns an error unless the limit is from 1 ms to [`MAX_TIMEOUT`].
    pub fn with_timeout(mut self, timeout: Duration) -> Result<Self, InvalidDefinition> {
        if timeout < Duration::from_millis(1) || timeout > MAX_TIMEOUT {
            return Err(InvalidDefinition {
                task: self.name,
                what: "the time limit",
                longest: "30 days",
                timeout,
            });
        }
        self.timeout = timeout;
        Ok(self)
    }

    /// Sets how long a run may take in all, from when it is due: its attempts, and the waits between them.
    ///
    /// # Errors
    ///
    /// Returns an error unless the limit is from 1 ms to a year.
    pub fn with_total_timeout(mut self, limit: Duration) -> Result<Self, InvalidDefinition> {
        if limit < Duration::from_millis(1) || limit > MAX_WAIT {
            return Err(InvalidDefinition {
                task: self.name,
                what: "the total time limit",
                longest: "a year",
                timeout: limit,
            });
        }
        self.total_timeout = Some(limit);
        Ok(self)
    }

    /// Lets runs expire that have not started so long after the broker accepted them.
    ///
    /// # Errors
    ///
    /// Returns an error unless the time is from 1 ms to a year.
    pub fn with_expiry(mut self, wait: Duration) -> Result<Self, InvalidDefinition> {
        if wait < Duration::from_millis(1) || wait > MAX_WAIT {
            return Err(InvalidDefinition {
                task: self.name,
                what: "the expiry",
                longest: "a year",
                timeout: wait,
            });
        }
        self.expires_in = Some(wait);
        Ok(self)
    }

    /// Sets which failures are retried, how often and after what waits.
    #[must_use]
    pub fn with_retry(mut self, retry: RetryPolicy) -> Self {
        self.retry = retry;
        self
    }

    /// Keeps finished runs with their results for this long.
    #[must_use]
    pub fn with_kept_result(mut self, retention: Duration) -> Self {
        self.keep_result = Some(retention);
        self
    }

    /// Makes the runs unique by a key of their parameters.
    #[must_use]
    pub fn with_unique(mut self, unique: UniqueTemplate) -> Self {
        self.unique = Some(unique);
        self
    }

    /// Makes the task periodic.
    #[must_use]
    pub fn with_schedule(mut self, schedule: Schedule, params: Payload) -> Self {
        self.schedule = Some(TaskSchedule {
            schedule,
            params,
            overlap: Overlap::default(),
        });
        self
    }

    /// Sets what becomes of a tick while the run before has not ended, if the task is periodic.
    #[must_use]
    pub fn with_overlap(mut self, overlap: Overlap) -> Self {
        if let Some(periodic) = &mut self.schedule {
            periodic.overlap = overlap;
        }
        self
    }

    /// Sets which parameters the task takes, for checks and messages.
    #[must_use]
    pub fn with_params(mut self, params: &'static [ParamSpec]) -> Self {
        self.params = params;
        self
    }

    /// Says which parameter takes what ran before, in a workflow.
    #[must_use]
    pub fn with_input(mut self, name: &'static str) -> Self {
        self.input = Some(name);
        self
    }

    /// Adds a type of application state that the task asks for.
    #[must_use]
    pub fn with_need(mut self, need: StateNeed) -> Self {
        self.needs.push(need);
        self
    }

    /// Sets where the task is defined.
    #[must_use]
    pub fn with_location(mut self, location: Location) -> Self {
        self.location = location;
        self
    }

    /// Returns the name that runs are stored under.
    #[must_use]
    pub fn name(&self) -> &TaskName {
        &self.name
    }

    /// Returns the names under which older runs may still be stored.
    #[must_use]
    pub fn aliases(&self) -> &[TaskName] {
        &self.aliases
    }

    /// Returns the description, for people; empty if there is none.
    #[must_use]
    pub fn description(&self) -> &'static str {
        self.description
    }

    /// Returns the kind of execution.
    #[must_use]
    pub fn lane(&self) -> Lane {
        self.lane
    }

    /// Returns what the task asks of its worker process, if it is a CPU task that asks for something.
    #[must_use]
    pub fn cpu(&self) -> Option<&CpuOptions> {
        self.cpu.as_deref()
    }

    /// Returns what makes application state in the worker process.
    #[must_use]
    pub fn makers(&self) -> &[StateMaker] {
        &self.makers
    }

    /// Returns the queue that runs wait in by default.
    #[must_use]
    pub fn queue(&self) -> &QueueName {
        &self.queue
    }

    /// Returns the default priority of runs.
    #[must_use]
    pub fn priority(&self) -> Priority {
        self.priority
    }

    /// Returns how long one attempt may take.
    #[must_use]
    pub fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Returns how long a run may take in all, if there is a limit.
    #[must_use]
    pub fn total_timeout(&self) -> Option<Duration> {
        self.total_timeout
    }

    /// Returns how long after their acceptance runs expire that have not started, if they do.
    #[must_use]
    pub fn expires_in(&self) -> Option<Duration> {
        self.expires_in
    }

    /// Returns which failures are retried, how often and after what waits.
    #[must_use]
    pub fn retry(&self) -> &RetryPolicy {
        &self.retry
    }

    /// Returns how long finished runs and results are kept, if they are.
    #[must_use]
    pub fn keep_result(&self) -> Option<Duration> {
        self.keep_result
    }

    /// Returns how the runs are unique, if they are.
    #[must_use]
    pub fn unique(&self) -> Option<&UniqueTemplate> {
        self.unique.as_ref()
    }

    /// Returns when the task fires, if it is periodic.
    #[must_use]
    pub fn schedule(&self) -> Option<&TaskSchedule> {
        self.schedule.as_ref()
    }

    /// Returns the parameters that the task takes.
    #[must_use]
    pub fn params(&self) -> &'static [ParamSpec] {
        self.params
    }

    /// Returns the parameter that takes what ran before, if there is one.
    #[must_use]
    pub fn input(&self) -> Option<&'static str> {
        self.input
    }

    /// Returns the types of application state that the task asks for.
    #[must_use]
    pub fn needs(&self) -> &[StateNeed] {
        &self.needs
    }

    /// Returns where the task is defined.
    #[must_use]
    pub fn location(&self) -> Location {
        self.location
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}
