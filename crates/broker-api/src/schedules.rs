//! The schedule seam: definitions and ticks, each tick fired once by whoever comes first.

use std::fmt;
use std::future::Future;
use std::time::Duration;

use aqueduct_core::manager::{QueueError, TaskCall};
use aqueduct_core::run::{Reason, RunOptions};
use aqueduct_core::schedule::Overlap;
use aqueduct_core::{Lane, TaskName, Timestamp};
use aqueduct_core::{Payload, Priority, QueueName, QueuedTask, RunId, Schedule, ScheduleName};

use crate::error::BrokerError;

/// How far a tick may lie in the future of the broker's clock and still fire.
pub const TARDY_CLOCK_ALLOWANCE: Duration = Duration::from_millis(500);

/// Stores schedules and fires their ticks, any number of schedulers at a time.
///
/// # Cancel safety
///
/// Dropping the future of any method may leave its step done or not done, never half done.
pub trait ScheduleStore: fmt::Debug + Send + Sync + 'static {
    /// Stores definitions; returns one answer a definition, in order.
    ///
    /// A definition replaces one of the same or a lower version. The last tick of a new schedule is
    /// the broker's now, so that it fires from here on; a replaced one keeps its last tick and its
    /// switch. A removed one comes back only with a higher version.
    ///
    /// # Errors
    ///
    /// Returns an error if the broker did not answer.
    fn upsert(
        &self,
        definitions: &[ScheduleDefinition],
    ) -> impl Future<Output = Result<Vec<Upserted>, BrokerError>> + Send;

    /// Returns all schedules, with the broker's time.
    ///
    /// # Errors
    ///
    /// Returns an error if the broker did not answer.
    fn list(&self) -> impl Future<Output = Result<ScheduleSnapshot, BrokerError>> + Send;

    /// Marks a tick as done and enqueues its run, in one atomic step, unless that has been done.
    ///
    /// In the same step it does what [`Fire::overlap`] asks for, if the run that the schedule has fired last has not
    /// ended: it marks the tick and enqueues nothing, or cancels that run as [`BrokerAdmin::cancel`] does.
    ///
    /// [`BrokerAdmin::cancel`]: crate::BrokerAdmin::cancel
    ///
    /// # Errors
    ///
    /// Returns an error if it is unknown whether the tick was fired; the caller repeats the call.
    fn fire(&self, fire: &Fire) -> impl Future<Output = Result<Fired, BrokerError>> + Send;

    /// Switches a schedule on or off; returns whether it is there.
    ///
    /// Switching on sets the last tick to the broker's now: what was missed while off stays missed.
    ///
    /// # Errors
    ///
    /// Returns an error if the broker did not answer.
    fn set_enabled(
        &self,
        schedule: &ScheduleName,
        enabled: bool,
    ) -> impl Future<Output = Result<bool, BrokerError>> + Send;

    /// Removes a schedule; returns whether it was there.
    ///
    /// Its version is remembered, so that a process with an old definition does not bring it back.
    ///
    /// # Errors
    ///
    /// Returns an error if the broker did not answer.
    fn remove(
        &self,
        schedule: &ScheduleName,
    ) -> impl Future<Output = Result<bool, BrokerError>> + Send;

    /// Waits until the revision is no longer `seen`, at most so long; returns whether it is not.
    ///
    /// May return early.
    ///
    /// # Errors
    ///
    /// Returns an error if waiting is not possible.
    fn wait_changed(
        &self,
        seen: u64,
        at_most: Duration,
    ) -> impl Future<Output = Result<bool, BrokerError>> + Send;
}

/// The version of a definition; a lower one never replaces a higher one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ScheduleVersion(u64);

/// What a schedule does: when, and which task with which parameters.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ScheduleDefinition {
    /// The name of the schedule.
    pub name: ScheduleName,
    /// The version of this definition.
    pub version: ScheduleVersion,
    /// When it fires.
    pub schedule: Schedule,
    /// The task that each tick queues.
    pub task: TaskName,
    /// The parameters of each run.
    pub payload: Payload,
    /// The queue of each run.
    pub queue: QueueName,
    /// The lane of each run.
    pub lane: Lane,
    /// The priority of each run.
    pub priority: Priority,
    /// What each run asks for beyond the plain: a kept result, a total time limit.
    pub options: Option<Box<RunOptions>>,
    /// How long after its tick was fired a run expires, if it has not started by then.
    pub expires_in: Option<Duration>,
    /// What becomes of a tick while the run before has not ended.
    pub overlap: Overlap,
}

/// A stored schedule.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ScheduleEntry {
    /// What it does.
    pub definition: ScheduleDefinition,
    /// Whether it fires.
    pub enabled: bool,
    /// The last tick that was fired or skipped.
    pub last_tick: Timestamp,
    /// The run that was fired last, if there was one.
    pub last_run: Option<RunId>,
    /// How many ticks were dropped because the run before had not ended.
    pub overlaps: u64,
    /// The last of these.
    pub last_overlap: Option<Timestamp>,
    /// The definition that the present one has replaced, if it has: two processes that replace each other's show here.
    pub replaced: Option<Box<ReplacedDefinition>>,
}

/// A definition that another one has replaced.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ReplacedDefinition {
    /// What it was.
    pub definition: ScheduleDefinition,
    /// When it was replaced.
    pub at: Timestamp,
}

/// All schedules at one moment.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ScheduleSnapshot {
    /// The schedules, by name.
    pub entries: Vec<ScheduleEntry>,
    /// The broker's time.
    pub now: Timestamp,
    /// Changes whenever a definition, a switch or a removal does; not with ticks.
    pub revision: u64,
}

/// A request to fire one tick.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Fire {
    /// The schedule.
    pub schedule: ScheduleName,
    /// The version that the tick was computed from.
    pub version: ScheduleVersion,
    /// The nominal time of the tick.
    pub tick: Timestamp,
    /// The run to enqueue; `None` skips the tick, and all before it.
    pub run: Option<QueuedTask>,
    /// What to do if the run that was fired last has not ended; of no account if there is no run.
    pub overlap: Overlap,
}

/// What became of a tick.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fired {
    /// This call fired the tick, or skipped it as it was asked to. The run is that of the tick, or the one that
    /// stands for it by a unique key; there is none if the key was taken and the run asked to be refused then.
    Fired(Option<RunId>),
    /// The tick is done with and fired nothing: the run before has not ended.
    Overlapped {
        /// That run.
        run: RunId,
    },
    /// The tick, or a later one, had been fired; also the answer to a repetition.
    AlreadyDone {
        /// The last tick that was fired or skipped.
        last_tick: Timestamp,
    },
    /// The definition has changed: list again.
    Changed,
    /// The schedule is switched off or removed: list again.
    Off,
    /// The tick lies in the future of the broker's clock.
    TooEarly {
        /// How long to wait.
        wait: Duration,
    },
    /// The queue is full: nothing was done.
    QueueFull,
}

/// What became of a definition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Upserted {
    /// The schedule is new.
    Created,
    /// The definition has replaced another.
    Replaced,
    /// The same definition was there.
    Unchanged,
    /// A newer definition is there, or it was removed: nothing changed.
    Outdated,
}

impl ScheduleVersion {
    /// Creates the version with that number.
    #[must_use]
    pub const fn from_number(number: u64) -> Self {
        Self(number)
    }

    /// Returns the number.
    #[must_use]
    pub const fn number(self) -> u64 {
        self.0
    }
}

impl ScheduleDefinition {
    /// Creates a definition that queues a call at each tick, version 0: its parameters, and all that the call and the
    /// attribute of its task ask for.
    ///
    /// A typed call is checked by the compiler, one by name ([`TaskManager::call`]) against the registry. What depends on
    /// the parameters, such as a unique key, is made of them here: other parameters need another definition.
    ///
    /// [`TaskManager::call`]: aqueduct_core::TaskManager::call
    ///
    /// # Errors
    ///
    /// Returns the error that the call was built with, or one that names the option which makes no sense at a tick:
    /// `delay`, `at`, `debounce`, `idempotency_key`.
    pub fn from_call<Out>(
        name: ScheduleName,
        schedule: Schedule,
        call: TaskCall<Out>,
    ) -> Result<Self, QueueError> {
        let QueuedTask {
            task,
            payload,
            queue,
            lane,
            priority,
            options,
            expires_in,
            ..
        } = call.into_repeated()?;
        let definition = Self::new(name, schedule, task)
            .with_payload(payload)
            .with_place(queue, lane, priority)
            .with_expiry(expires_in);
        Ok(Self {
            options,
            ..definition
        })
    }

    /// Creates a definition that queues a task by its bare name: without parameters, version 0, in the default queue and
    /// the IO lane, with nothing of what the attribute of the task says. For a task of this program use
    /// [`from_call`](Self::from_call).
    #[must_use]
    pub fn new(name: ScheduleName, schedule: Schedule, task: TaskName) -> Self {
        Self {
            name,
            version: ScheduleVersion::default(),
            schedule,
            task,
            payload: Payload::empty(),
            queue: QueueName::DEFAULT,
            lane: Lane::default(),
            priority: Priority::default(),
            options: None,
            expires_in: None,
            overlap: Overlap::default(),
        }
    }

    /// Sets the version.
    #[must_use]
    pub fn with_version(mut self, version: ScheduleVersion) -> Self {
        self.version = version;
        self
    }

    /// Sets the parameters of each run.
    #[must_use]
    pub fn with_payload(mut self, payload: Payload) -> Self {
        self.payload = payload;
        self
    }

    /// Sets queue, lane and priority of each run.
    #[must_use]
    pub fn with_place(mut self, queue: QueueName, lane: Lane, priority: Priority) -> Self {
        (self.queue, self.lane, self.priority) = (queue, lane, priority);
        self
    }

    /// Sets what each run asks for beyond the plain; a deadline is none of it.
    #[must_use]
    pub fn with_options(mut self, options: RunOptions) -> Self {
        self.options = (!options.is_plain()).then(|| Box::new(options));
        self
    }

    /// Sets how long after its tick was fired a run expires, if it has not started by then.
    #[must_use]
    pub fn with_expiry(mut self, wait: Option<Duration>) -> Self {
        self.expires_in = wait;
        self
    }

    /// Sets what becomes of a tick while the run before has not ended.
    #[must_use]
    pub fn with_overlap(mut self, overlap: Overlap) -> Self {
        self.overlap = overlap;
        self
    }

    /// Returns the run of one tick; its id is the same whoever makes it.
    #[must_use]
    pub fn run_at(&self, tick: Timestamp) -> QueuedTask {
        let id = RunId::for_tick(&self.name, tick);
        let mut run = QueuedTask::new(id, self.task.clone(), self.payload.clone());
        run.queue = self.queue.clone();
        run.lane = self.lane;
        run.priority = self.priority;
        run.options.clone_from(&self.options);
        run.expires_in = self.expires_in;
        if !self.overlap.is_allowed() {
            // So the broker finds it by its id, and people see where it comes from.
            run.options_mut().schedule = Some(self.name.clone());
        }
        run
    }
}

impl ScheduleEntry {
    /// Creates the entry of a new schedule.
    #[must_use]
    pub fn new(definition: ScheduleDefinition, last_tick: Timestamp) -> Self {
        Self {
            definition,
            enabled: true,
            last_tick,
            last_run: None,
            overlaps: 0,
            last_overlap: None,
            replaced: None,
        }
    }
}

impl ScheduleSnapshot {
    /// Creates a snapshot.
    #[must_use]
    pub fn new(entries: Vec<ScheduleEntry>, now: Timestamp, revision: u64) -> Self {
        Self {
            entries,
            now,
            revision,
        }
    }
}

impl ReplacedDefinition {
    /// Creates the memory of a definition.
    #[must_use]
    pub fn new(definition: ScheduleDefinition, at: Timestamp) -> Self {
        Self { definition, at }
    }
}

impl Fire {
    /// Creates the request to fire `tick` of a schedule.
    #[must_use]
    pub fn tick(definition: &ScheduleDefinition, tick: Timestamp) -> Self {
        let run = Some(definition.run_at(tick));
        Self {
            schedule: definition.name.clone(),
            version: definition.version,
            tick,
            run,
            overlap: definition.overlap,
        }
    }

    /// Creates the request to skip `tick` and all before it.
    #[must_use]
    pub fn skip(definition: &ScheduleDefinition, tick: Timestamp) -> Self {
        Self {
            schedule: definition.name.clone(),
            version: definition.version,
            tick,
            run: None,
            overlap: definition.overlap,
        }
    }

    /// Returns why the run before is cancelled, if it is.
    #[must_use]
    pub fn reason(&self) -> Reason {
        Reason::new(format!("its schedule `{}` has fired again", self.schedule))
    }
}
