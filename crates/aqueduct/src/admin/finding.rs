//! What can be found out about a run, and how it is told.

use std::fmt;

use aqueduct_broker_api::{LimitInfo, PauseScope, TurnInfo};
use aqueduct_core::run::{Failure, Fair, Reason, RunProgress};
use aqueduct_core::{ConsumerId, Lane, QueueName, RunId, RunState, TaskName, Timestamp};

use super::limited::fmt_limited;

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
        /// Whether [`Admin::requeue`](super::Admin::requeue) would queue it anew.
        can_be_requeued: bool,
    },
    /// It has ended without the input that it waited for: it cannot be queued anew by itself.
    LacksInput {
        /// What it waited for.
        of: Vec<RunId>,
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

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown => f.write_str(
                "the broker does not know it: it was never queued here, or has ended and is not kept; \
                 keep results with `keep_result`",
            ),
            Self::Ended { state, at, why, can_be_requeued } => {
                write!(f, "it has ended: {state}")?;
                if let Some(at) = at {
                    write!(f, " at {at}")?;
                }
                if let Some(why) = why {
                    write!(f, ", {why}")?;
                }
                f.write_str(if *can_be_requeued { "; `requeue` queues it anew" } else { "" })
            }
            Self::LacksInput { of } => match of.as_slice() {
                [before] => write!(
                    f,
                    "it never got its input: requeue the run {before}, which it followed, and it follows again"
                ),
                several => write!(
                    f,
                    "it never got its input, the values of {} runs: queue the workflow anew",
                    several.len()
                ),
            },
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
