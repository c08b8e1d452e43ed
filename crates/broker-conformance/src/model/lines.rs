//! The lines of runs that take turns, or wait for a limit, in the model.

use aqueduct_broker_api::{PauseScope, TurnInfo};
use aqueduct_core::run::{TaskRun, Transition};
use aqueduct_core::{RunId, RunState, Timestamp};

use super::limits::{Name, Opens, Shared, Spot, shared_by, spot_of};
use super::{Model, Stored};

/// The runs of one spot with the same limits, once one of them could not start, or with the same fair key.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) spot: Spot,
    pub(super) shared: Shared,
    /// Nothing is left of those that have ended there.
    pub(super) runs: Vec<Option<RunId>>,
    /// The limit that it waits for, or was let on by, if it has not had a turn since.
    pub(super) because_of: Option<Name>,
    /// How many of its turn have started.
    pub(super) turn: u16,
    /// Its place in the ready list, if it may go on.
    pub(super) place: Option<i64>,
}

impl Model {
    pub(super) fn line_of(&mut self, index: usize) -> Option<&mut Line> {
        let run = &self.runs[index].run;
        let (spot, shared) = (spot_of(run), shared_by(run));
        let mut lines = self.limits.lines.iter_mut();
        lines.find(|line| line.spot == spot && line.shared == shared)
    }

    pub(super) fn open_line(
        &mut self,
        run: &TaskRun,
        because_of: Option<Name>,
        place: Option<i64>,
    ) {
        for limit in run.limits() {
            self.key(run, limit);
        }
        self.limits.lines.push(Line {
            spot: spot_of(run),
            shared: shared_by(run),
            runs: vec![Some(run.id)],
            because_of,
            turn: 0,
            place,
        });
    }

    /// Gives a run its place: if it is ready and has a fair key, or is given back and has a line, in that line. From then
    /// on the numbers of one with a fair key count.
    pub(super) fn line_up(&mut self, index: usize, is_given_back: bool, now: Timestamp) {
        let run = &self.runs[index].run;
        if run.state == RunState::Queued && run.fair().is_some() {
            self.note(index, now);
        }
        let place = if is_given_back {
            self.next_head()
        } else {
            self.next_tail()
        };
        self.runs[index].place = place;
        let run = self.runs[index].run.clone();
        let is_fair = run.fair().is_some();
        let may_stand = is_fair || is_given_back && !run.limits().is_empty();
        if run.state != RunState::Queued || !may_stand {
            return;
        }
        match self.line_of(index) {
            Some(line) if is_given_back => line.runs.insert(0, Some(run.id)),
            Some(line) => line.runs.push(Some(run.id)),
            None if is_fair => self.open_line(&run, None, Some(place)),
            None => return,
        }
        self.runs[index].stands = true;
    }

    /// Returns the place and the number of the first line of a spot that may go on.
    pub(super) fn next_line(&self, spot: &Spot) -> Option<(i64, usize)> {
        let lines = self.limits.lines.iter().enumerate();
        lines
            .filter(|(_, line)| line.spot == *spot)
            .filter_map(|(number, line)| Some((line.place?, number)))
            .min()
    }

    /// Returns where a run stands that takes turns.
    pub(super) fn turn(&self, id: RunId) -> Option<TurnInfo> {
        let run = &self.runs[self.index(id)?].run;
        let (spot, shared) = (spot_of(run), shared_by(run));
        shared.0.as_ref()?;
        let here = |line: &&Line| line.spot == spot;
        let mut lines = self.limits.lines.iter().filter(here);
        let line = lines.find(|line| line.shared == shared)?;
        let runs_before = line.runs.iter().position(|it| *it == Some(id))? as u64;
        let lines = self.limits.lines.iter().filter(here);
        let is_alone = |it: &&Stored| it.run.state == RunState::Queued && !it.stands;
        let alone = self.runs.iter().filter(is_alone);
        let alone = alone
            .filter(|it| spot_of(&it.run) == spot)
            .map(|it| it.place);
        let places: Vec<i64> = lines.filter_map(|it| it.place).chain(alone).collect();
        let before = |place: i64| places.iter().filter(|it| **it < place).count() as u64;
        Some(TurnInfo::new(runs_before, line.place.map(before)))
    }

    fn is_task_paused(&self, index: usize) -> bool {
        let task = self.runs[index].run.task.clone();
        self.paused.contains(&PauseScope::Task(task))
    }

    /// Lets runs of a task that was paused stand in their lines again, the first of them first.
    pub(super) fn resume(&mut self, scope: &PauseScope, now: Timestamp) {
        let is_aside = |stored: &Stored| {
            let Stored { run, stands, .. } = stored;
            let is_ready = run.state == RunState::Queued && run.fair().is_some();
            is_ready && !stands && *scope == PauseScope::Task(run.task.clone())
        };
        for index in (0..self.runs.len()).rev() {
            if is_aside(&self.runs[index]) {
                self.line_up(index, true, now);
            }
        }
    }

    /// Takes the next run of a line that may start, if there is one; `end_turn` is to be called then.
    pub(super) fn serve_line(&mut self, number: usize, now: Timestamp) -> Option<usize> {
        loop {
            let Some(id) = self.limits.lines[number].runs.first().copied() else {
                self.close_line(number, now);
                return None;
            };
            if let Some(refusing) = self.refusing_of(&self.limits.lines[number].shared.1, now) {
                // Nobody looks at its runs.
                self.wait_again(number, &refusing, now);
                return None;
            }
            let Some(id) = id else {
                self.limits.lines[number].runs.remove(0);
                continue;
            };
            let index = self.index(id).unwrap();
            if self.runs[index].run.is_past_deadline(now) {
                self.end(index, Transition::Expire, now);
                continue;
            }
            if self.is_task_paused(index) {
                self.limits.lines[number].runs.remove(0);
                self.runs[index].stands = false;
                continue;
            }
            self.limits.lines[number].runs.remove(0);
            self.runs[index].stands = false;
            self.spend(index, now);
            return Some(index);
        }
    }

    /// Lets a line that was let on wait for a limit: before the others, if that has let it on.
    fn wait_again(&mut self, number: usize, refusing: &Name, now: Timestamp) {
        let line = &mut self.limits.lines[number];
        let before = line.because_of.replace(refusing.clone());
        let is_same = before.as_ref() == Some(refusing);
        line.place = None;
        line.turn = if is_same { line.turn } else { 0 };
        let place = (line.spot.clone(), line.shared.clone());
        let waiting = &mut self.limits.keys.get_mut(refusing).unwrap().waiting;
        let at = if is_same { 0 } else { waiting.len() };
        waiting.insert(at, place);
        self.is_served(before.as_ref(), now);
    }

    fn close_line(&mut self, number: usize, now: Timestamp) {
        let line = self.limits.lines.remove(number);
        self.is_served(line.because_of.as_ref(), now);
    }

    /// Moves a line on after a run was started. If its turn is over, it stands behind those that wait for the limit that has
    /// let it on; if there are none and it takes turns, at the tail; else it goes on itself.
    pub(super) fn end_turn(&mut self, number: usize, started: usize, now: Timestamp) {
        let weight = self.runs[started].run.fair().map(|fair| fair.weight.get());
        let line = &mut self.limits.lines[number];
        if line.runs.is_empty() {
            return self.close_line(number, now);
        }
        line.turn += u16::from(weight.is_some());
        let is_over = weight.is_none_or(|weight| line.turn >= weight);
        let (spot, shared) = (line.spot.clone(), line.shared.clone());
        let because_of = line.because_of.clone().filter(|_| is_over);
        if let Some(name) = &because_of {
            let waiting = &mut self.limits.keys.get_mut(name).unwrap().waiting;
            if waiting.iter().any(|(other, _)| *other == spot) {
                waiting.push((spot, shared));
                (line.place, line.turn) = (None, 0);
                return self.is_served(Some(name), now);
            }
        }
        if !is_over || weight.is_none() {
            self.limits.lines[number].place = Some(self.next_head());
            return;
        }
        (line.place, line.because_of, line.turn) = (None, None, 0);
        self.is_served(because_of.as_ref(), now);
        self.limits.lines[number].place = Some(self.next_tail());
    }

    fn is_served(&mut self, name: Option<&Name>, now: Timestamp) {
        if let Some(name) = name {
            self.wake_line(name, now);
        }
    }

    /// Lets the next line of each spot go on if the limit is open, unless one goes on there.
    pub(super) fn wake_line(&mut self, name: &Name, now: Timestamp) {
        if !matches!(self.opens(name, now), Opens::Now) {
            return;
        }
        let Some(key) = self.limits.keys.get(name) else {
            return;
        };
        for next in key.waiting.clone() {
            let is_let_on =
                |line: &Line| line.because_of.as_ref() == Some(name) && line.place.is_some();
            let goes_on = |line: &Line| line.spot == next.0 && is_let_on(line);
            if self.limits.lines.iter().any(goes_on) {
                continue;
            }
            let takes_turns = next.1.0.is_some();
            let place = if takes_turns {
                self.next_tail()
            } else {
                self.next_head()
            };
            let key = self.limits.keys.get_mut(name).unwrap();
            key.waiting.retain(|waiting| *waiting != next);
            let mut lines = self.limits.lines.iter_mut();
            if let Some(line) = lines.find(|it| it.spot == next.0 && it.shared == next.1) {
                line.place = Some(place);
            }
        }
    }

    /// Takes a run out of its line that leaves it without having started.
    pub(super) fn leave_line(&mut self, index: usize) {
        let id = self.runs[index].run.id;
        if std::mem::take(&mut self.runs[index].stands) {
            for line in &mut self.limits.lines {
                for run in line.runs.iter_mut().filter(|run| **run == Some(id)) {
                    *run = None;
                }
            }
        }
    }

    /// Takes a run out of its line that goes on elsewhere: nothing is left of it there.
    pub(super) fn come_out_of_line(&mut self, index: usize) {
        let id = self.runs[index].run.id;
        self.runs[index].stands = false;
        for line in &mut self.limits.lines {
            line.runs.retain(|run| *run != Some(id));
        }
    }

    /// Returns whether a run waits because of a limit, in a line that does not go on.
    pub(super) fn is_blocked(&self, run: &TaskRun) -> bool {
        let stands = |line: &&Line| line.runs.contains(&Some(run.id));
        let line = self.limits.lines.iter().find(stands);
        line.is_some_and(|line| line.place.is_none())
    }
}
