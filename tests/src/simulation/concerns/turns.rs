//! Turns: a fair key that waits is passed over by each other key for one turn at most, and a turn is as long as the
//! weight says.

use std::collections::{BTreeMap, BTreeSet};

use aqueduct::broker_api::{Enqueued, Settled};
use aqueduct::key::Key;
use aqueduct::run::{Fair, LimitKey};
use aqueduct::{Priority, QueueName, QueuedTask, RunId, RunState, TaskRun};
use fastrand::Rng;

use super::{Concern, PLAIN};
use crate::simulation::event::{Deed, Heard};
use crate::simulation::law::{Law, check};
use crate::simulation::view::View;

pub(super) const TURNS: Concern = Concern {
    dress,
    laws: || vec![Box::<Turns>::default()],
    ..PLAIN
};

/// Adds a fair key; runs of one key may differ in their weight.
fn dress(task: &mut QueuedTask, dice: &mut Rng) {
    if dice.u32(..3) == 0 {
        let fair = Fair::key(["x", "y", "z"][dice.usize(..3)]).expect("a key");
        let fair = fair.weight(dice.u16(1..4)).expect("a weight");
        task.options_mut().fair = Some(fair);
    }
}

/// A ready list: queue and priority; all runs here are of one lane.
type Spot = (QueueName, Priority);

/// What the runs of a line share: their spot, their fair key, and their limits.
type Line = (Spot, Key, Vec<(LimitKey, bool)>);

/// The starts of one line while another waits.
#[derive(Clone, Copy)]
struct Turn {
    started: u16,
    /// What the run that started last says.
    weight: u16,
}

/// How often each line that waits, and that no limit holds up, was passed over by which other line since its last start.
#[derive(Default)]
struct Turns {
    asked: BTreeMap<RunId, Fair>,
    /// Given another key while they waited: they take their place in the order when they come up.
    moved: BTreeSet<RunId>,
    passed_over: BTreeMap<Line, BTreeMap<Line, Turn>>,
}

impl Law for Turns {
    fn hear(&mut self, heard: &Heard<'_>) -> Result<(), String> {
        self.note(heard);
        self.forgive(heard);
        self.starts(heard)?;
        let waiting = self.waiting(heard.after, |_| true);
        self.passed_over
            .retain(|line, _| waiting.contains_key(line));
        Ok(())
    }
}

impl Turns {
    /// Notes what was asked for.
    fn note(&mut self, heard: &Heard<'_>) {
        let Deed::Enqueued { request, answers } = heard.deed else {
            return;
        };
        for (task, answer) in request.tasks.iter().zip(answers).filter(|_| heard.is_first) {
            let run = match answer {
                Enqueued::Accepted(_) => task.id,
                Enqueued::Replaced(holder) => *holder,
                _ => continue,
            };
            let fair = task.options.as_ref().and_then(|it| it.fair.clone());
            let key = fair.as_ref().map(|it| it.key.clone());
            let before = match fair {
                Some(fair) => self.asked.insert(run, fair),
                None => self.asked.remove(&run),
            };
            if run != task.id && before.map(|it| it.key) != key {
                self.moved.insert(run);
            }
        }
    }

    /// Forgets the turns of what has come first by right: what was given back, and what was paused.
    fn forgive(&mut self, heard: &Heard<'_>) {
        if matches!(heard.deed, Deed::Paused { .. }) {
            self.passed_over.clear();
        }
        let released = heard
            .settlements()
            .filter(|(_, _, answer)| *answer == Settled::Applied(RunState::Queued))
            .map(|(_, item, _)| item.token.run);
        let given_back = heard.before.runs.values().filter(|run| {
            let now = heard.after.runs.get(&run.id).map(|run| run.state);
            run.state == RunState::Running && now == Some(RunState::Queued)
        });
        let runs: BTreeSet<RunId> = released.chain(given_back.map(|run| run.id)).collect();
        let runs = runs.iter().filter_map(|run| heard.before.runs.get(run));
        let lines: BTreeSet<Line> = runs.filter_map(|run| self.line_of(run)).collect();
        for turns in self.passed_over.values_mut() {
            turns.retain(|line, _| !lines.contains(line));
        }
    }

    /// Judges the starts of a claim, in their order.
    fn starts(&mut self, heard: &Heard<'_>) -> Result<(), String> {
        let started: BTreeSet<RunId> = heard.leases().map(|(run, _)| run.id).collect();
        if !heard.is_first || started.is_empty() {
            return Ok(());
        }
        // What has expired meanwhile, or was cancelled, has not waited for a start.
        let could_start = |run: &TaskRun| {
            let after = heard.after.runs.get(&run.id).map(|run| run.state);
            after == Some(RunState::Queued) || started.contains(&run.id)
        };
        let mut waiting = self.waiting(heard.before, could_start);
        for (run, _) in heard.leases() {
            let Some(line) = self.line_of(run) else {
                continue;
            };
            let weight = self.asked.get(&run.id).map_or(1, |fair| fair.weight.get());
            let others = waiting.iter().filter(|(other, runs)| {
                let is_beside = other.0 == line.0 && **other != line;
                is_beside && !runs.is_empty()
            });
            for (other, runs) in others {
                let turns = self.passed_over.entry(other.clone()).or_default();
                let turn = turns
                    .entry(line.clone())
                    .or_insert(Turn { started: 0, weight });
                check(turn.started < turn.weight, || {
                    let Turn { started, weight } = turn;
                    format!(
                        "{} of {line:?} starts: its turn of {weight} was over after {started}, and {runs:?} wait of {other:?}",
                        run.id
                    )
                })?;
                turn.started += 1;
                turn.weight = weight;
            }
            self.passed_over.remove(&line);
            if let Some(runs) = waiting.get_mut(&line) {
                runs.remove(&run.id);
            }
        }
        Ok(())
    }

    /// Returns the lines that no limit holds up, with their runs that could start.
    fn waiting(
        &self,
        view: &View,
        could_start: impl Fn(&TaskRun) -> bool,
    ) -> BTreeMap<Line, BTreeSet<RunId>> {
        let mut waiting: BTreeMap<Line, BTreeSet<RunId>> = BTreeMap::new();
        let queued = view.runs.values().filter(|run| {
            let is_ready = run.state == RunState::Queued && run.limits().is_empty();
            let has_place = !view.is_paused(run) && !self.moved.contains(&run.id);
            is_ready && has_place && could_start(run)
        });
        for run in queued {
            if let Some(line) = self.line_of(run) {
                waiting.entry(line).or_default().insert(run.id);
            }
        }
        waiting
    }

    fn line_of(&self, run: &TaskRun) -> Option<Line> {
        let fair = self.asked.get(&run.id)?;
        let limits = run.limits().iter();
        let limits = limits.map(|limit| (limit.key().clone(), limit.per().is_some()));
        let spot = (run.queue.clone(), run.priority);
        Some((spot, fair.key.clone(), limits.collect()))
    }
}
