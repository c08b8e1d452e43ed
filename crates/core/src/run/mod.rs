//! One persisted execution of a task, from enqueue to its end.

mod answer;
mod checkpoint;
mod decide;
mod failure;
mod fair;
mod follow;
mod history;
mod limit;
mod lineage;
mod options;
mod outcome;
mod progress;
mod settlement;
mod state;
mod tally;
mod total;
mod unique;
mod unique_wire;

pub use answer::{CancelAnswer, WaitAnswer};
pub use checkpoint::{Checkpoint, MAX_CHECKPOINT_BYTES};
pub use decide::{FIRST_CRASH_WAIT, FIRST_PARK_WAIT, MAX_PARK_WAIT, MAX_PARKS, MAX_WAIT, decide};
pub use failure::{Failure, FailureKind, MAX_FAILURE_MESSAGE_BYTES};
pub use fair::{Fair, FairWeight, InvalidWeight, MAX_FAIR_WEIGHT};
pub use follow::{FollowedBy, Follows, Gathered, Takes, Unsuccessful};
pub use history::{FailedAttempt, History, MAX_HISTORY, MAX_HISTORY_MESSAGE_BYTES};
pub use limit::{InvalidLimit, Limit, LimitKey, Limits, MAX_LIMITS};
pub use lineage::Lineage;
pub use options::RunOptions;
pub use outcome::Outcome;
pub use progress::RunProgress;
pub use settlement::{MAX_REASON_BYTES, Reason, Settlement};
pub use state::{RunState, Transition};
pub use tally::Tally;
pub use total::within_total;
pub use unique::{IDEMPOTENCY_WINDOW, Idempotency, IntoUnique, OnConflict, Unique, UniqueScope};

use crate::id::{ConsumerId, RunId};
use crate::lane::Lane;
use crate::name::{QueueName, TaskName};
use crate::payload::Payload;
use crate::priority::Priority;
use crate::queue::QueuedTask;
use crate::time::Timestamp;
use crate::trace::TraceContext;

/// One persisted execution of a task.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct TaskRun {
    /// The identity of the run, made by the producer.
    pub id: RunId,
    /// The task that runs.
    pub task: TaskName,
    /// The queue that the run waits in.
    pub queue: QueueName,
    /// The kind of execution that it needs.
    pub lane: Lane,
    /// Its place among the waiting.
    pub priority: Priority,
    /// Where it is in its life.
    pub state: RunState,
    /// What has been counted of it.
    pub tally: Tally,
    /// Where it comes from.
    pub lineage: Lineage,
    /// When the broker accepted it.
    pub queued_at: Timestamp,
    /// When it is due; the time of acceptance for a run without a delay.
    pub due_at: Timestamp,
    /// The encoded parameters.
    pub payload: Payload,
    /// What the runs returned that it follows.
    pub input: Option<Payload>,
    /// What it asks for beyond the plain.
    pub options: Option<Box<RunOptions>>,
    /// What is known of its attempts; `None` until one has ended.
    pub record: Option<Box<RunRecord>>,
    /// How far it is, while it runs: what its broker was told last, if anything.
    pub progress: Option<Box<RunProgress>>,
    /// What an attempt has kept for those that follow; `None` after the end of the run.
    pub checkpoint: Option<Box<Checkpoint>>,
}

/// What is known of the attempts of a run.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct RunRecord {
    /// When the run reached a final state.
    pub ended_at: Option<Timestamp>,
    /// Why the last failed attempt failed.
    pub failure: Option<Failure>,
    /// Why the run was cancelled.
    pub reason: Option<Reason>,
    /// The encoded return value, if the run keeps results.
    pub result: Option<Payload>,
    /// The last failed attempts, also of the time before a requeue.
    pub history: History,
}

impl RunRecord {
    /// Notes that an attempt failed, and why.
    pub fn fail(&mut self, attempt: u32, now: Timestamp, consumer: ConsumerId, failure: Failure) {
        let failed = FailedAttempt::new(attempt, now, consumer, &failure);
        self.history.push(failed);
        self.failure = Some(failure);
    }

    /// Returns what is left of the record when the run is queued anew: its history.
    #[must_use]
    pub fn anew(self) -> Option<Box<Self>> {
        let history = self.history;
        (!history.is_empty()).then(|| {
            Box::new(Self {
                history,
                ..Self::default()
            })
        })
    }

    /// Returns whether there is a history and nothing else.
    #[must_use]
    pub fn is_only_history(&self) -> bool {
        let Self {
            ended_at,
            failure,
            reason,
            result,
            history,
        } = self;
        let has_more =
            ended_at.is_some() || failure.is_some() || reason.is_some() || result.is_some();
        !has_more && !history.is_empty()
    }
}

impl TaskRun {
    /// Creates the run that the broker stores for `queued`, accepted at `now`.
    #[must_use]
    pub fn accept(mut queued: QueuedTask, now: Timestamp) -> Self {
        if let Some(wait) = queued.expires_in {
            queued.options_mut().deadline = Some(now.saturating_add(wait));
        }
        let follows = queued
            .options
            .as_ref()
            .is_some_and(|it| it.follows.is_some());
        let due_at = if follows {
            Timestamp::MAX
        } else {
            queued.due.resolve(now)
        };
        let state = if due_at > now {
            RunState::Scheduled
        } else {
            RunState::Queued
        };
        Self {
            id: queued.id,
            task: queued.task,
            queue: queued.queue,
            lane: queued.lane,
            priority: queued.priority,
            state,
            tally: Tally::default(),
            lineage: queued.lineage,
            queued_at: now,
            due_at,
            payload: queued.payload,
            input: queued.input,
            options: queued.options,
            record: None,
            progress: None,
            checkpoint: None,
        }
    }

    /// Returns the time by which the run must have started, if it has one.
    #[must_use]
    pub fn deadline(&self) -> Option<Timestamp> {
        self.options.as_ref().and_then(|options| options.deadline)
    }

    /// Returns when the run as a whole must have ended, if it has a total time limit.
    #[must_use]
    pub fn ends_by(&self) -> Option<Timestamp> {
        let total = self.options.as_ref()?.total_timeout?;
        Some(self.queued_at.saturating_add(total))
    }

    /// Returns when the run ended, if it has.
    #[must_use]
    pub fn ended_at(&self) -> Option<Timestamp> {
        self.record.as_ref().and_then(|record| record.ended_at)
    }

    /// Returns whether the return value is to be kept.
    #[must_use]
    pub fn keeps_result(&self) -> bool {
        self.options
            .as_ref()
            .is_some_and(|options| options.keep_result.is_some())
    }

    /// Returns the limits that the run shares with others.
    #[must_use]
    pub fn limits(&self) -> &[Limit] {
        self.options
            .as_ref()
            .map_or(&[], |options| options.limits())
    }

    /// Returns how the run takes turns with others, if it does.
    #[must_use]
    pub fn fair(&self) -> Option<&Fair> {
        self.options.as_ref()?.fair.as_ref()
    }

    /// Returns whether somebody wants the return value: it is kept, or a follow-up takes it.
    #[must_use]
    pub fn needs_result(&self) -> bool {
        let followed_by = self.options.as_ref().and_then(|it| it.followed_by.as_ref());
        self.keeps_result() || followed_by.is_some_and(|next| next.takes_value)
    }

    /// Returns whether the run follows others, or is followed by one.
    #[must_use]
    pub fn is_in_workflow(&self) -> bool {
        let options = self.options.as_ref();
        options.is_some_and(|it| it.follows.is_some() || it.followed_by.is_some())
    }

    /// Returns what the run waits for, if it has not been released yet.
    #[must_use]
    pub fn waits_for(&self) -> Option<&Follows> {
        let follows = self.options.as_ref()?.follows.as_ref()?;
        (self.state == RunState::Scheduled && self.due_at == Timestamp::MAX).then_some(follows)
    }

    /// Gives a run that waited for others its input; from `now` on it waits like any other.
    ///
    /// Returns whether it is due at once; its state does not change.
    pub fn release(&mut self, input: Option<Payload>, now: Timestamp) -> bool {
        let follows = self.options.as_ref().and_then(|it| it.follows.as_ref());
        let delay = follows
            .and_then(|follows| follows.delay)
            .unwrap_or_default();
        self.input = input;
        self.queued_at = now;
        self.due_at = now.saturating_add(delay);
        self.due_at <= now
    }

    /// Returns whether the run waited for just that one, and was cancelled in the step that ended it.
    #[must_use]
    pub fn ended_with(&self, before: &Self) -> bool {
        let follows = self.options.as_ref().and_then(|it| it.follows.as_ref());
        let waited = follows.is_some_and(|it| it.runs == [before.id] && !it.runs_anyway);
        let was_released = self.tally.attempt > 0 || self.input.is_some();
        let is_same_time = self.ended_at().is_some() && self.ended_at() == before.ended_at();
        // Somebody may have cancelled it within the same millisecond, and says so.
        let reason = self.record.as_ref().and_then(|it| it.reason.as_ref());
        let is_same_step =
            is_same_time && follows.is_some_and(|it| it.part_of(before).err().as_ref() == reason);
        waited && !was_released && self.state == RunState::Cancelled && is_same_step
    }

    /// Makes a run wait again that has [ended with](Self::ended_with) another, which was queued anew.
    ///
    /// Its state does not change.
    pub fn await_again(&mut self) {
        self.record = None;
        self.due_at = Timestamp::MAX;
    }

    /// Returns whether the run cannot be queued anew, because it never got its input.
    #[must_use]
    pub fn lacks_input(&self) -> bool {
        let follows = self.options.as_ref().and_then(|it| it.follows.as_ref());
        self.input.is_none() && follows.is_some_and(|it| it.takes != Takes::Nothing)
    }

    /// Returns the trace that the run belongs to, if there is one.
    #[must_use]
    pub fn trace(&self) -> Option<TraceContext> {
        self.options.as_ref().and_then(|options| options.trace())
    }

    /// Returns whether the run has missed its deadline at `now`.
    ///
    /// A run that was started once no longer expires, even if that attempt failed.
    #[must_use]
    pub fn is_past_deadline(&self, now: Timestamp) -> bool {
        let never_counted = self.tally.failures == 0 && self.tally.crashes == 0;
        never_counted && self.deadline().is_some_and(|deadline| deadline <= now)
    }

    /// Returns the record of attempts, made on first use.
    pub fn record_mut(&mut self) -> &mut RunRecord {
        self.record.get_or_insert_default()
    }
}
