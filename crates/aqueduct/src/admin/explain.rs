//! Why a run is not running: a decision over what the broker says.

use std::fmt;

use aqueduct_broker_api::{ConsumerInfo, Holder, LimitInfo, PauseScope, QueueLengths, TurnInfo};
use aqueduct_core::run::{Failure, FailureKind, Fair, Reason, RunProgress};
use aqueduct_core::{ConsumerId, Lane, QueueName, RunId, RunState, TaskName, TaskRun, Timestamp};

use super::limited::fmt_limited;

/// Why a run is not running, or where it runs: the answer of [`Admin::explain`](super::Admin::explain).
///
/// Shown with `{}` it is a line for each finding, and each says what to do about it.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Explanation {
    /// The run that was asked about.
    pub id: RunId,
    /// The run as it is now, if the broker knows it.
    pub run: Option<TaskRun>,
    /// What was found: at least one, and what holds the run up first comes first.
    pub findings: Vec<Finding>,
}

/// One thing that holds a run up, or says where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Finding {
    /// The broker does not know the run: never queued there, or ended and no longer kept.
    Unknown,
    /// It has ended.
    Ended {
        /// How.
        state: RunState,
        /// When.
        at: Option<Timestamp>,
        /// Why, if it failed or was cancelled.
        why: Option<String>,
    },
    /// It has ended, and another run holds its unique key: a requeue does nothing.
    KeyTaken {
        /// Which.
        holder: RunId,
    },
    /// A consumer holds it.
    Held {
        /// Which.
        consumer: ConsumerId,
        /// On which machine and in which process, if the consumer says so.
        place: Option<(String, u32)>,
        /// Whether the lease of the consumer lasts; else the run is taken back soon.
        is_alive: bool,
        /// How far it is, if its task reports that.
        progress: Option<RunProgress>,
    },
    /// It was about to move from one place to another.
    Moving,
    /// A consumer holds it, and somebody asked for its end.
    AskedToEnd {
        /// Why.
        reason: Reason,
    },
    /// It is delayed, or put itself off.
    DueAt {
        /// Until then, by the clock of the broker.
        at: Timestamp,
    },
    /// It failed, and is tried again later.
    RetryingAt {
        /// Then, by the clock of the broker.
        at: Timestamp,
        /// How many attempts have failed.
        failures: u32,
        /// Why the last one failed.
        failure: Option<Failure>,
    },
    /// It waits for the ends of others.
    Follows {
        /// Those that have not ended.
        awaited: Vec<RunId>,
        /// How many it waits for in all.
        of: usize,
    },
    /// A consumer could not run it, and set it aside for another.
    Parked {
        /// It is tried again then, by the clock of the broker.
        until: Timestamp,
        /// How often in a row.
        times: u32,
        /// What the consumer lacked.
        failure: Option<Failure>,
    },
    /// Its queue or its task is paused.
    Paused(PauseScope),
    /// A limit that it shares with others does not let it start.
    Limited(LimitInfo),
    /// No consumer lives.
    NoConsumer,
    /// Consumers live, but none of them takes this lane of this queue.
    NobodyTakes {
        /// The lane.
        lane: Lane,
        /// The queue.
        queue: QueueName,
    },
    /// Consumers take its queue, but none of them knows its task.
    NobodyKnows {
        /// The task.
        task: TaskName,
    },
    /// It waits in its queue, and consumers take from there.
    Waiting {
        /// The queue.
        queue: QueueName,
        /// How many runs are ready there beside it, at most so many of them before it.
        others: u64,
        /// How many consumers take from there, as far as they say.
        consumers: usize,
    },
    /// It takes turns with the runs of other keys, behind those of its own that came before it.
    TakesTurns {
        /// By which key, and how long a turn is.
        fair: Fair,
        /// Where it stands, if it is not too far behind to be looked for.
        turn: Option<TurnInfo>,
    },
}

/// What the broker says of a run and of what surrounds it.
#[derive(Clone, Debug, Default)]
pub(super) struct Facts {
    pub(super) run: Option<TaskRun>,
    pub(super) holder: Option<Holder>,
    /// Another run that holds the unique key of one that has ended.
    pub(super) key_holder: Option<RunId>,
    pub(super) paused: Vec<PauseScope>,
    pub(super) consumers: Vec<ConsumerInfo>,
    pub(super) lengths: Option<QueueLengths>,
    pub(super) limits: Vec<LimitInfo>,
    pub(super) turn: Option<TurnInfo>,
    /// The unended runs that a follow-up waits for.
    pub(super) awaited: Vec<RunId>,
}

impl Facts {
    /// Decides why the run is not running.
    pub(super) fn explain(self, id: RunId) -> Explanation {
        let findings = match &self.run {
            None => vec![Finding::Unknown],
            Some(run) if run.state.is_final() => self.ended(run),
            Some(run) if run.state == RunState::Running => self.held(),
            Some(run) => self.waiting(run),
        };
        Explanation {
            id,
            run: self.run,
            findings,
        }
    }

    fn ended(&self, run: &TaskRun) -> Vec<Finding> {
        let can_be_requeued = run.state != RunState::Succeeded;
        let taken = self.key_holder.filter(|_| can_be_requeued);
        let taken = taken.map(|holder| Finding::KeyTaken { holder });
        [ended(run)].into_iter().chain(taken).collect()
    }

    fn held(&self) -> Vec<Finding> {
        let Some(holder) = &self.holder else {
            return vec![Finding::Moving];
        };
        let info = self
            .consumers
            .iter()
            .find(|info| info.consumer == holder.consumer);
        let introduction = info.and_then(|info| info.introduction.as_ref());
        let asked = holder.asked_to_end.clone();
        let asked = asked.map(|reason| Finding::AskedToEnd { reason });
        let held = Finding::Held {
            consumer: holder.consumer,
            place: introduction.map(|introduction| (introduction.host.clone(), introduction.pid)),
            is_alive: info.is_some(),
            progress: self
                .run
                .as_ref()
                .and_then(|run| run.progress.as_deref().cloned()),
        };
        asked.into_iter().chain([held]).collect()
    }

    fn waiting(&self, run: &TaskRun) -> Vec<Finding> {
        let is_mine = |scope: &&PauseScope| match scope {
            PauseScope::Queue(queue) => *queue == run.queue,
            PauseScope::Task(task) => *task == run.task,
            // A scope of a later release is not known here.
            _ => false,
        };
        let later = run.waits_for().map_or_else(
            || later(run),
            |follows| {
                Some(Finding::Follows {
                    awaited: self.awaited.clone(),
                    of: follows.runs.len(),
                })
            },
        );
        let paused = self.paused.iter().filter(is_mine).cloned();
        let mut findings: Vec<Finding> = later
            .into_iter()
            .chain(paused.map(Finding::Paused))
            .chain(self.nobody(run))
            .chain(self.limited())
            .collect();
        if findings.is_empty() {
            let ready = self.lengths.as_ref().map_or(0, |lengths| lengths.queued);
            findings.push(Finding::Waiting {
                queue: run.queue.clone(),
                others: ready.saturating_sub(1),
                consumers: self.takers(run).count(),
            });
            findings.extend(run.fair().cloned().map(|fair| Finding::TakesTurns {
                fair,
                turn: self.turn,
            }));
        }
        findings
    }

    /// Returns the limits that let nothing start now.
    fn limited(&self) -> impl Iterator<Item = Finding> {
        let is_closed = |info: &&LimitInfo| {
            let is_full = info.limit.per().is_none() && info.running >= u64::from(info.limit.max());
            is_full || info.opens_at.is_some()
        };
        let closed = self.limits.iter().filter(is_closed);
        closed.cloned().map(Finding::Limited)
    }

    /// Returns why nobody would take the run, if nobody would.
    fn nobody(&self, run: &TaskRun) -> Option<Finding> {
        if self.consumers.is_empty() {
            return Some(Finding::NoConsumer);
        }
        if self.takers(run).next().is_none() {
            return Some(Finding::NobodyTakes {
                lane: run.lane,
                queue: run.queue.clone(),
            });
        }
        let is_known = |info: &ConsumerInfo| {
            let introduction = info.introduction.as_ref();
            introduction.is_none_or(|introduction| introduction.knows(&run.task))
        };
        let is_known = self.takers(run).any(is_known);
        (!is_known).then(|| Finding::NobodyKnows {
            task: run.task.clone(),
        })
    }

    /// Returns the consumers that take from the place of a run; one that says nothing may.
    fn takers(&self, run: &TaskRun) -> impl Iterator<Item = &ConsumerInfo> {
        self.consumers.iter().filter(|info| {
            let introduction = info.introduction.as_ref();
            introduction.is_none_or(|introduction| introduction.takes(run.lane, &run.queue))
        })
    }
}

fn ended(run: &TaskRun) -> Finding {
    let record = run.record.as_deref();
    let why = record.and_then(|record| match run.state {
        RunState::Failed => record.failure.as_ref().map(ToString::to_string),
        RunState::Cancelled => record.reason.as_ref().map(ToString::to_string),
        _ => None,
    });
    Finding::Ended {
        state: run.state,
        at: run.ended_at(),
        why,
    }
}

/// Returns what a run waits for that is due later.
fn later(run: &TaskRun) -> Option<Finding> {
    let failure = run.record.as_ref().and_then(|it| it.failure.clone());
    match run.state {
        RunState::Retrying => Some(Finding::RetryingAt {
            at: run.due_at,
            failures: run.tally.failures.saturating_add(run.tally.crashes),
            failure,
        }),
        RunState::Scheduled if run.tally.parks > 0 => Some(Finding::Parked {
            until: run.due_at,
            times: run.tally.parks,
            failure: failure.filter(|it| is_park(it.kind())),
        }),
        RunState::Scheduled => Some(Finding::DueAt { at: run.due_at }),
        _ => None,
    }
}

fn is_park(kind: FailureKind) -> bool {
    matches!(kind, FailureKind::UnknownTask | FailureKind::InvalidParams)
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, finding) in self.findings.iter().enumerate() {
            if number > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{finding}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown => f.write_str(
                "the broker does not know it: it was never queued here, or has ended and is not kept; \
                 keep results with `keep_result`",
            ),
            Self::Ended { state, at, why } => {
                write!(f, "it has ended: {state}")?;
                if let Some(at) = at {
                    write!(f, " at {at}")?;
                }
                if let Some(why) = why {
                    write!(f, ", {why}")?;
                }
                match state {
                    RunState::Succeeded => Ok(()),
                    _ => f.write_str("; `requeue` queues it anew"),
                }
            }
            Self::KeyTaken { holder } => write!(
                f,
                "its unique key is held by the run {holder}: it can be requeued once that key is free"
            ),
            Self::Held { .. } => self.fmt_held(f),
            Self::Moving => f.write_str("it is about to move; ask again"),
            Self::AskedToEnd { reason } => {
                write!(f, "it was asked to end: {reason}; its task has its grace time to do so")
            }
            Self::Follows { awaited, of } => fmt_follows(f, awaited, *of),
            Self::DueAt { at } => write!(f, "it is due at {at}; nothing takes it before"),
            Self::RetryingAt { at, failures, failure } => {
                write!(f, "it has failed {} and is tried again at {at}", times(*failures))?;
                failure.as_ref().map_or(Ok(()), |failure| write!(f, "; {failure}"))
            }
            Self::Parked { until, times: count, failure } => {
                write!(f, "it was set aside {} until {until}", times(*count))?;
                if let Some(failure) = failure {
                    write!(f, "; {failure}")?;
                }
                f.write_str("; deploy its task to the consumers of its queue")
            }
            Self::Paused(scope) => write!(f, "the {scope} is paused; `resume` it"),
            Self::Limited(info) => fmt_limited(info, f),
            Self::NoConsumer => f.write_str("no consumer lives; start one"),
            Self::NobodyTakes { lane, queue } => write!(
                f,
                "no living consumer takes {lane} runs of the queue `{queue}`; add it to `queues` of one"
            ),
            Self::NobodyKnows { task } => write!(
                f,
                "no living consumer of its queue knows the task `{task}`; register it with `tasks![…]`"
            ),
            Self::Waiting { queue, others, consumers } => write!(
                f,
                "it waits in the queue `{queue}` with {others} other runs for {consumers} consumers; \
                 start more of them, or give it a higher priority"
            ),
            Self::TakesTurns { fair, turn } => fmt_turns(f, fair, *turn),
        }
    }
}

fn fmt_turns(f: &mut fmt::Formatter<'_>, fair: &Fair, turn: Option<TurnInfo>) -> fmt::Result {
    let (key, weight) = (&fair.key, fair.weight.get());
    write!(f, "it takes turns by the key `{key}`, {weight} a turn: ")?;
    match turn {
        None => f.write_str(
            "runs of other keys go in between, and those of its own that came before it go first",
        )?,
        Some(turn) => {
            if let Some(turns) = turn.turns_before {
                write!(
                    f,
                    "{turns} others have theirs before the next of its key, and "
                )?;
            }
            write!(f, "{} runs of its own go before it", turn.runs_before)?;
        }
    }
    f.write_str("; a greater weight makes its turns longer")
}

/// Writes how often something happened.
fn times(count: u32) -> String {
    match count {
        1 => "once".to_owned(),
        count => format!("{count} times"),
    }
}

fn fmt_follows(f: &mut fmt::Formatter<'_>, awaited: &[RunId], of: usize) -> fmt::Result {
    write!(f, "it waits for the end of {} of {of} runs", awaited.len())?;
    for (number, run) in awaited.iter().take(MOST_SHOWN).enumerate() {
        write!(f, "{} {run}", if number == 0 { ":" } else { "," })?;
    }
    f.write_str(if awaited.len() > MOST_SHOWN {
        ", …; explain those"
    } else {
        "; explain those"
    })
}

/// The most runs that are named.
const MOST_SHOWN: usize = 5;

impl Finding {
    fn fmt_held(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::Held {
            consumer,
            place,
            is_alive,
            progress,
        } = self
        else {
            return Ok(());
        };
        write!(f, "it is held by the consumer {consumer}")?;
        if let Some((host, pid)) = place {
            write!(f, " (process {pid} of `{host}`)")?;
        }
        f.write_str(if *is_alive {
            ", which lives: its task runs, or waits for a place there"
        } else {
            ", whose lease is over: the next heartbeat of any consumer takes it back"
        })?;
        let progress = progress.as_ref();
        progress.map_or(Ok(()), |it| write!(f, "; at {} it reported {it}", it.at))
    }
}
