//! Which run follows which, from what was queued; and how far each follow-up is, from the ends that were seen.

use std::collections::BTreeMap;

use aqueduct::run::{Follows, Takes};
use aqueduct::{QueuedTask, RunId, RunState};

use super::part::Part;

/// Every follow-up, and what it follows.
#[derive(Debug, Default)]
pub(super) struct Plans {
    next: BTreeMap<RunId, (RunId, u16)>,
    pub(super) follow_ups: BTreeMap<RunId, FollowUp>,
}

/// A follow-up.
#[derive(Debug)]
pub(super) struct FollowUp {
    pub(super) follows: Follows,
    parts: BTreeMap<u16, Part>,
    pub(super) stage: Stage,
}

/// How far a follow-up is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    Waits,
    Released,
    /// It ended, or was removed, without having been released; because of that run, if it is one.
    Over(Option<RunId>),
}

/// What the end of a run asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    Nothing,
    Release(RunId),
    Cancel(RunId),
}

impl Plans {
    pub(super) fn note(&mut self, task: &QueuedTask) {
        let Some(options) = &task.options else {
            return;
        };
        if let Some(next) = &options.followed_by {
            self.next.insert(task.id, (next.run, next.place));
        }
        if let Some(follows) = options.follows.clone() {
            let follow_up = FollowUp {
                follows,
                parts: BTreeMap::new(),
                stage: Stage::Waits,
            };
            self.follow_ups.insert(task.id, follow_up);
        }
    }

    /// Notes the end of a run.
    pub(super) fn end(&mut self, run: RunId, part: Part) -> Asked {
        let Some((id, place)) = self.next.get(&run).copied() else {
            return Asked::Nothing;
        };
        let Some(next) = self.follow_ups.get_mut(&id) else {
            return Asked::Nothing;
        };
        if next.stage != Stage::Waits {
            return Asked::Nothing;
        }
        if matches!(part, Part::Unsuccessful(_)) && !next.follows.runs_anyway {
            next.stage = Stage::Over(Some(run));
            return Asked::Cancel(id);
        }
        next.parts.entry(place).or_insert(part);
        if next.parts.len() < next.follows.runs.len() {
            return Asked::Nothing;
        }
        next.stage = Stage::Released;
        Asked::Release(id)
    }

    /// Returns the follow-up of a run that waits for nothing else.
    pub(super) fn only_next(&self, run: RunId) -> Option<RunId> {
        let (id, _) = self.next.get(&run)?;
        let next = self.follow_ups.get(id)?;
        let is_alone = next.follows.runs == [run] && !next.follows.runs_anyway;
        is_alone.then_some(*id)
    }

    /// Lets a follow-up wait again.
    pub(super) fn bring_back(&mut self, run: RunId) {
        if let Some(follow_up) = self.follow_ups.get_mut(&run) {
            follow_up.stage = Stage::Waits;
            follow_up.parts.clear();
        }
    }
}

impl FollowUp {
    /// Returns what its input must have.
    pub(super) fn input(&self) -> Vec<Part> {
        if self.follows.takes == Takes::Nothing {
            return Vec::new();
        }
        self.parts.values().cloned().collect()
    }
}

/// Returns what a run gives that ended in a state; one that was removed counts as cancelled.
pub(super) fn part(state: RunState, value: Option<u32>) -> Part {
    match state {
        RunState::Succeeded => Part::Value(value),
        state if state.is_final() => Part::Unsuccessful(state),
        _ => Part::Unsuccessful(RunState::Cancelled),
    }
}
