//! What a producer hands to a broker: a task to run, with its parameters.

use std::time::Duration;

use crate::id::RunId;
use crate::lane::Lane;
use crate::name::{QueueName, TaskName};
use crate::payload::Payload;
use crate::priority::Priority;
use crate::run::{Lineage, RunOptions, RunState};
use crate::time::Timestamp;
use crate::trace::TraceContext;

/// A task to run, with its parameters, on its way into a broker.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct QueuedTask {
    /// The identity of the run, made by the producer so that an enqueue can be replayed.
    pub id: RunId,
    /// The task to run.
    pub task: TaskName,
    /// The queue to wait in.
    pub queue: QueueName,
    /// The kind of execution that it needs.
    pub lane: Lane,
    /// Its place among the waiting.
    pub priority: Priority,
    /// When it may start.
    pub due: Due,
    /// How long after its acceptance it expires, if it has not started by then.
    pub expires_in: Option<Duration>,
    /// Where it comes from.
    pub lineage: Lineage,
    /// The encoded parameters.
    pub payload: Payload,
    /// What the runs returned that it follows, if that is known already.
    pub input: Option<Payload>,
    /// What it asks for beyond the plain.
    pub options: Option<Box<RunOptions>>,
    /// Whether the id was made for this run, so that the broker need not look whether it knows it.
    pub has_new_id: bool,
    /// Whether it is stored together with the task before it in the request, or not at all.
    pub with_previous: bool,
}

/// When a queued task may start, by the clock of the broker.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "brokers must handle every case")]
pub enum Due {
    /// At once.
    #[default]
    Now,
    /// After this long, from the moment the broker accepts it.
    After(Duration),
    /// Not before this time.
    At(Timestamp),
}

/// What became of one queued task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Enqueued {
    /// The broker keeps the run from now on, in this state.
    Accepted(RunState),
    /// This run stands for it: it holds the same unique key, was queued with the same idempotency key, or has
    /// the same id. Nothing was added.
    Duplicate(RunId),
    /// This run held the same unique key, and has its parameters from now on: nothing was added.
    Replaced(RunId),
    /// This run holds the same unique key, and the task asked to be refused then: nothing was added.
    KeyTaken(RunId),
    /// The queue has reached its length limit: nothing was added.
    QueueFull {
        /// How many unended runs it may have, if the broker knows that.
        limit: Option<u64>,
    },
}

impl QueuedTask {
    /// Creates a task to run at once, in the default queue, with default priority.
    #[must_use]
    pub fn new(id: RunId, task: TaskName, payload: Payload) -> Self {
        Self {
            id,
            task,
            queue: QueueName::DEFAULT,
            lane: Lane::default(),
            priority: Priority::default(),
            due: Due::default(),
            expires_in: None,
            lineage: Lineage::root_of(id),
            payload,
            input: None,
            options: None,
            has_new_id: false,
            with_previous: false,
        }
    }

    /// Returns the options, made on first use.
    pub fn options_mut(&mut self) -> &mut RunOptions {
        self.options.get_or_insert_default()
    }

    /// Returns how many bytes of parameters and input it has.
    #[must_use]
    pub fn weight(&self) -> usize {
        self.payload.len() + self.input.as_ref().map_or(0, Payload::len)
    }

    /// Returns the trace that the run will belong to, if there is one.
    #[must_use]
    pub fn trace(&self) -> Option<TraceContext> {
        self.options.as_ref().and_then(|options| options.trace())
    }
}

impl Due {
    /// Returns the point in time that is meant, for a broker whose clock shows `now`.
    #[must_use]
    pub fn resolve(self, now: Timestamp) -> Timestamp {
        match self {
            Self::Now => now,
            Self::After(wait) => now.saturating_add(wait),
            Self::At(time) => time.max(now),
        }
    }
}
