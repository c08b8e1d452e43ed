//! Why a run is not running: a decision over what the broker says.

use std::fmt;

use aqueduct_broker_api::{ConsumerInfo, Holder, LimitInfo, PauseScope, QueueLengths, TurnInfo};
use aqueduct_core::run::FailureKind;
use aqueduct_core::{RunId, RunState, TaskRun};

use super::finding::Finding;

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
        let has_succeeded = run.state == RunState::Succeeded;
        let taken = self.key_holder.filter(|_| !has_succeeded);
        let lacks = run.lacks_input() && !has_succeeded;
        let can_be_requeued = !has_succeeded && !lacks && taken.is_none();
        let follows = run.options.as_ref().and_then(|it| it.follows.as_ref());
        let of = follows.filter(|_| lacks).map(|it| it.runs.clone());
        [ended(run, can_be_requeued)]
            .into_iter()
            .chain(of.map(|of| Finding::LacksInput { of }))
            .chain(taken.map(|holder| Finding::KeyTaken { holder }))
            .collect()
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

fn ended(run: &TaskRun, can_be_requeued: bool) -> Finding {
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
        can_be_requeued,
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
