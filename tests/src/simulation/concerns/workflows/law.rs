//! The law of workflows. What follows what is known from the enqueue, whatever the broker has stored of it.

use std::collections::BTreeMap;

use aqueduct::broker_api::Enqueued;
use aqueduct::run::{Settlement, Takes};
use aqueduct::{RunId, RunState, TaskRun, Timestamp};

use super::part::{Part, read};
use super::plan::{Asked, Plans, Stage, part};
use crate::simulation::event::{Deed, Heard};
use crate::simulation::law::{Law, check};
use crate::simulation::ledger::ended_by;

/// A follow-up waits until all that it follows have ended; the step that records the last end releases it with its
/// input, or cancels it.
#[derive(Default)]
pub(super) struct Workflows(Plans);

impl Law for Workflows {
    fn hear(&mut self, heard: &Heard<'_>) -> Result<(), String> {
        self.note(heard)?;
        self.requeued(heard)?;
        let ends = ends(heard);
        for (run, part) in &ends {
            match self.0.end(*run, part.clone()) {
                Asked::Nothing => {}
                Asked::Release(next) => self.is_released(next, heard)?,
                Asked::Cancel(next) => is_cancelled(next, &ends, heard)?,
            }
        }
        for (run, _) in &ends {
            self.is_over(*run, heard)?;
        }
        self.all_are_where_they_must_be(heard)
    }
}

impl Workflows {
    /// Notes what was queued: all runs of a workflow, or none.
    fn note(&mut self, heard: &Heard<'_>) -> Result<(), String> {
        let Deed::Enqueued { request, answers } = heard.deed else {
            return Ok(());
        };
        let pairs: Vec<_> = request.tasks.iter().zip(answers).collect();
        let is_accepted = |answer: &Enqueued| matches!(answer, Enqueued::Accepted(_));
        for together in pairs.chunk_by(|_, (next, _)| next.with_previous) {
            let accepted = together.iter().filter(|(_, it)| is_accepted(it)).count();
            check(accepted == 0 || accepted == together.len(), || {
                format!("{accepted} of {} runs are stored together", together.len())
            })?;
        }
        for (task, _) in pairs.iter().filter(|(_, it)| is_accepted(it)) {
            if heard.is_first {
                self.0.note(task);
            }
        }
        Ok(())
    }

    /// Notes what was queued anew, and brings back what had ended with it.
    fn requeued(&mut self, heard: &Heard<'_>) -> Result<(), String> {
        let Deed::Requeued { runs, answers } = heard.deed else {
            return Ok(());
        };
        for (run, _) in runs.iter().zip(answers).filter(|(_, is)| **is) {
            if let Some(follow_up) = self.0.follow_ups.get_mut(run) {
                let lacks_input = follow_up.stage != Stage::Released;
                check(
                    !lacks_input || follow_up.follows.takes == Takes::Nothing,
                    || format!("{run} is queued anew, and never got its input"),
                )?;
                follow_up.stage = Stage::Released;
            }
            self.brought_back(*run, heard)?;
        }
        Ok(())
    }

    fn brought_back(&mut self, requeued: RunId, heard: &Heard<'_>) -> Result<(), String> {
        let mut run = requeued;
        while let Some(next) = self.0.only_next(run) {
            let stage = self.0.follow_ups.get(&next).map(|it| it.stage);
            let ended_at = |id| heard.before.runs.get(&id).and_then(TaskRun::ended_at);
            // Another cause at the same time cannot be told from this one.
            let may = ended_at(next) == ended_at(run);
            let must = stage == Some(Stage::Over(Some(run))) && ended_at(next).is_some();
            let is = is_brought_back(next, heard);
            check((is || !must) && (may || !is), || {
                format!("{run} is queued anew, and {next} is brought back: {is}")
            })?;
            if !is {
                return Ok(());
            }
            self.0.bring_back(next);
            run = next;
        }
        Ok(())
    }

    fn is_released(&self, next: RunId, heard: &Heard<'_>) -> Result<(), String> {
        let Some(follow_up) = self.0.follow_ups.get(&next) else {
            return Ok(());
        };
        let delay = follow_up.follows.delay.unwrap_or_default();
        let stored = heard.after.runs.get(&next);
        let is_right = stored.is_some_and(|run| {
            let states: &[RunState] = if delay.is_zero() {
                &[RunState::Queued, RunState::Running]
            } else {
                &[RunState::Scheduled]
            };
            states.contains(&run.state) && run.due_at == heard.now.saturating_add(delay)
        });
        let is_purged = matches!(heard.deed, Deed::Purged { .. }) && stored.is_none();
        check(is_right || is_purged, || {
            format!("all that {next} follows has ended, and stored is {stored:?}")
        })
    }

    /// Notes that a follow-up is over, which waited; there must be a cause.
    fn is_over(&mut self, run: RunId, heard: &Heard<'_>) -> Result<(), String> {
        let Some(follow_up) = self.0.follow_ups.get_mut(&run) else {
            return Ok(());
        };
        if follow_up.stage != Stage::Waits {
            return Ok(());
        }
        follow_up.stage = Stage::Over(None);
        let has_cause = match heard.deed {
            Deed::Cancelled { runs, .. } => runs.contains(&run),
            Deed::Purged { .. } => !heard.after.runs.contains_key(&run),
            _ => false,
        };
        check(has_cause, || {
            format!("{run} waits for others, and is over for no reason")
        })
    }

    fn all_are_where_they_must_be(&self, heard: &Heard<'_>) -> Result<(), String> {
        for (id, follow_up) in &self.0.follow_ups {
            let Some(run) = heard.after.runs.get(id) else {
                check(follow_up.stage != Stage::Waits, || {
                    format!("{id} waits for others, and is not there")
                })?;
                continue;
            };
            let waits = run.state == RunState::Scheduled && run.due_at == Timestamp::MAX;
            let is_right = match follow_up.stage {
                Stage::Waits => waits && run.input.is_none() && run.tally.attempt == 0,
                Stage::Over(_) => run.state == RunState::Cancelled,
                Stage::Released => !waits,
            };
            check(is_right, || format!("{follow_up:?}, and stored is {run:?}"))?;
            if follow_up.stage == Stage::Released && !run.state.is_final() {
                let input = read(&follow_up.follows, run.input.as_ref())?;
                let must = follow_up.input();
                check(input == must, || {
                    format!("the input of {id} is {input:?}, not {must:?}")
                })?;
            }
        }
        Ok(())
    }
}

/// Checks that a follow-up was cancelled because of one that has ended in the same step, and says so.
fn is_cancelled(next: RunId, ends: &[(RunId, Part)], heard: &Heard<'_>) -> Result<(), String> {
    let stored = heard.after.runs.get(&next);
    let record = stored.and_then(|run| run.record.as_ref());
    let reason = record.and_then(|record| record.reason.as_ref());
    let names = |run: &RunId| reason.is_some_and(|it| it.as_str().contains(&run.to_string()));
    let names_one = ends.iter().any(|(run, _)| *run != next && names(run));
    let is_over = stored.is_some_and(|run| run.state == RunState::Cancelled);
    // A purge may have removed it first.
    let is_purged = matches!(heard.deed, Deed::Purged { .. }) && stored.is_none();
    check(is_purged || is_over && names_one, || {
        format!("{next} follows one that has not succeeded, and stored is {stored:?}")
    })
}

/// Returns whether a run that was cancelled waits for others again.
pub(in crate::simulation::concerns) fn is_brought_back(run: RunId, heard: &Heard<'_>) -> bool {
    let state = |view: &crate::simulation::View| view.runs.get(&run).map(|run| run.state);
    let waits = state(heard.after) == Some(RunState::Scheduled);
    waits && state(heard.before) == Some(RunState::Cancelled)
}

/// Returns what has ended in a step, or was removed, with what it gives.
fn ends(heard: &Heard<'_>) -> Vec<(RunId, Part)> {
    let mut settled = BTreeMap::new();
    for (_, item, answer) in heard.settlements() {
        if let Some(state) = ended_by(answer) {
            let value = match &item.settlement {
                Settlement::Succeed { result } => result.as_ref(),
                _ => None,
            };
            let value = value.and_then(|value| value.decode().ok());
            settled.insert(item.token.run, part(state, value));
        }
    }
    let before = heard.before.runs.values();
    let unended = before.filter(|run| !run.state.is_final());
    let mut ends = Vec::new();
    for run in unended {
        let stored = heard.after.runs.get(&run.id).map(|run| run.state);
        let is_over = stored.is_none_or(RunState::is_final);
        if is_over {
            let part = settled.remove(&run.id);
            let part = part.unwrap_or_else(|| part_of(stored, run));
            ends.push((run.id, part));
        }
    }
    ends
}

fn part_of(stored: Option<RunState>, before: &TaskRun) -> Part {
    part(stored.unwrap_or(before.state), None)
}
