//! The contract as a small reference: lists and linear scans, nothing clever.
//!
//! [`ModelBroker`] is slow on purpose: it shows what a broker must do, and the suite compares others
//! with it.

mod admin;
mod broker;
mod claim;
mod enqueue;
mod follow;
mod keys;
mod limits;
mod lines;
mod reclaim;
mod schedules;
mod settle;

pub use broker::ModelBroker;

use std::collections::BTreeMap;
use std::time::Duration;

use aqueduct_broker_api::{Enqueued, Introduction, PauseScope, Sequence, Settled};
use aqueduct_core::run::{Gathered, Reason, TaskRun};
use aqueduct_core::{ConsumerId, Lane, ProducerId, QueueName, RunId, Timestamp};

use schedules::Schedules;

/// Everything that the model knows.
#[derive(Debug, Default)]
pub(super) struct Model {
    /// Every stored run, in the order of service among its equals.
    runs: Vec<Stored>,
    consumers: BTreeMap<ConsumerId, Consumer>,
    holds: Vec<keys::Hold>,
    producers: BTreeMap<ProducerId, BTreeMap<Sequence, Vec<Enqueued>>>,
    /// How many runs each lane of each queue has served.
    served: BTreeMap<(QueueName, Lane), u64>,
    paused: Vec<PauseScope>,
    last_beat: Option<Timestamp>,
    paused_until: Timestamp,
    schedules: Schedules,
    limits: limits::Limits,
    /// The next place at the tail, and at the head.
    tail: i64,
    head: i64,
}

#[derive(Debug)]
struct Stored {
    run: TaskRun,
    /// The smaller, the sooner, among runs of one priority.
    place: i64,
    /// Who holds it, since which claim.
    holder: Option<(ConsumerId, Sequence)>,
    /// When it is removed, once it has ended.
    until: Option<Timestamp>,
    cancel: Option<Reason>,
    /// Whether it is in the line of its limits.
    stands: bool,
    /// What it has got so far, if it waits for others.
    gathered: Gathered,
}

#[derive(Debug, Default)]
struct Consumer {
    lease_until: Timestamp,
    introduction: Option<Introduction>,
    answers: BTreeMap<Sequence, Answer>,
}

#[derive(Clone, Debug, Default)]
struct Answer {
    claimed: Vec<RunId>,
    settled: Vec<Settled>,
}

/// How long failed runs are kept, and cancelled and expired ones.
const KEEP_FAILED: Duration = Duration::from_hours(7 * 24);
const KEEP_ENDED: Duration = Duration::from_hours(1);
