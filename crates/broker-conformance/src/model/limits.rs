//! Limits that runs share, and turns, in the model.

use std::collections::BTreeMap;
use std::time::Duration;

use aqueduct_broker_api::{LimitInfo, MAX_HELD_BY, MAX_PAGE, PauseScope, TurnInfo};
use aqueduct_core::key::Key as FairKey;
use aqueduct_core::run::{Limit, LimitKey, TaskRun, Transition};
use aqueduct_core::{Lane, Priority, QueueName, RunId, RunState, Timestamp};

use super::{Model, Stored};

/// A ready list.
type Spot = (QueueName, Lane, Priority);

/// Which limit: of a rate or not, and its key.
type Name = (bool, LimitKey);

/// What the runs of a line share: a fair key, and limits.
type Shared = (Option<FairKey>, Vec<Name>);

/// What is known of limits.
#[derive(Debug, Default)]
pub(super) struct Limits {
    keys: BTreeMap<Name, Key>,
    lines: Vec<Line>,
}

/// A limit; how many runs share it is counted when it is asked for.
#[derive(Debug)]
struct Key {
    limit: Limit,
    numbers_of: Timestamp,
    spent_until: u64,
    not_before: Timestamp,
    /// The lines that wait because of it, the next first.
    waiting: Vec<(Spot, Shared)>,
}

/// The runs of one spot with the same limits, once one of them could not start, or with the same fair key.
#[derive(Debug)]
struct Line {
    spot: Spot,
    shared: Shared,
    /// Nothing is left of those that have ended there.
    runs: Vec<Option<RunId>>,
    /// The limit that it waits for, or was let on by, if it has not had a turn since.
    because_of: Option<Name>,
    /// How many of its turn have started.
    turn: u16,
    /// Its place in the ready list, if it may go on.
    place: Option<i64>,
}

/// When a limit lets the next run start.
enum Opens {
    Now,
    At(Timestamp),
    Later,
}

fn name_of(limit: &Limit) -> Name {
    (limit.per().is_some(), limit.key().clone())
}

fn names_of(run: &TaskRun) -> Vec<Name> {
    run.limits().iter().map(name_of).collect()
}

pub(super) fn shared_by(run: &TaskRun) -> Shared {
    (run.fair().map(|fair| fair.key.clone()), names_of(run))
}

fn spot_of(run: &TaskRun) -> Spot {
    (run.queue.clone(), run.lane, run.priority)
}

fn micros(time: Timestamp) -> u64 {
    time.as_millis() * 1000
}

impl Key {
    /// Returns the time between two starts, and for how long all that may start at once uses it up.
    fn interval(&self) -> (u64, u64) {
        let max = u64::from(self.limit.max());
        let per = self.limit.per().unwrap_or_default().as_micros();
        let interval = u64::try_from(per).unwrap().div_ceil(max);
        (interval, interval * max)
    }

    fn spent(&self, now: Timestamp) -> u64 {
        self.spent_until.min(micros(now) + self.interval().1)
    }

    /// Returns when it lets the next run start, or since when it has, places aside.
    fn opening(&self, now: Timestamp) -> Timestamp {
        let (interval, burst) = self.interval();
        let needed = (self.spent(now) + interval).saturating_sub(burst);
        Timestamp::from_millis(needed.div_ceil(1000)).max(self.not_before)
    }
}

impl Model {
    fn running(&self, name: &Name) -> u32 {
        let held = self.runs.iter().filter(|it| it.holder.is_some());
        let shares = held.filter(|it| names_of(&it.run).contains(name));
        u32::try_from(shares.count()).unwrap()
    }

    fn opens(&self, name: &Name, now: Timestamp) -> Opens {
        let Some(key) = self.limits.keys.get(name) else {
            return Opens::Now;
        };
        if !name.0 && self.running(name) >= key.limit.max() {
            return Opens::Later;
        }
        let at = key.opening(now);
        if at > now { Opens::At(at) } else { Opens::Now }
    }

    fn is_idle(&self, name: &Name, now: Timestamp) -> bool {
        let key = &self.limits.keys[name];
        let is_over = key.spent_until <= micros(now) && key.not_before <= now;
        let has_line = |line: &Line| line.because_of.as_ref() == Some(name);
        let is_used = self.running(name) > 0 && !name.0 || self.limits.lines.iter().any(has_line);
        is_over && !is_used
    }

    /// Takes the numbers of a run that comes up; those of a limit that nobody uses are forgotten.
    fn note(&mut self, index: usize, now: Timestamp) {
        let run = self.runs[index].run.clone();
        for limit in run.limits() {
            self.note_one(&run, limit, now);
            self.wake_line(&name_of(limit), now);
        }
    }

    fn note_one(&mut self, run: &TaskRun, limit: &Limit, now: Timestamp) {
        let name = name_of(limit);
        if self.limits.keys.contains_key(&name) && self.is_idle(&name, now) {
            self.limits.keys.remove(&name);
        }
        let known = self.limits.keys.get_mut(&name);
        if let Some(key) = known.filter(|key| run.queued_at >= key.numbers_of) {
            (key.limit, key.numbers_of) = (limit.clone(), run.queued_at);
        }
    }

    /// Returns a limit of a run, which is used from now on.
    fn key(&mut self, run: &TaskRun, limit: &Limit) -> &mut Key {
        self.limits.keys.entry(name_of(limit)).or_insert(Key {
            limit: limit.clone(),
            numbers_of: run.queued_at,
            spent_until: 0,
            not_before: Timestamp::default(),
            waiting: Vec::new(),
        })
    }

    fn refusing(&self, index: usize, now: Timestamp) -> Option<Name> {
        let mut names = names_of(&self.runs[index].run).into_iter();
        names.find(|name| !matches!(self.opens(name, now), Opens::Now))
    }

    /// Uses the rate limits of a run that starts; its places are counted by who holds it.
    fn spend(&mut self, index: usize, now: Timestamp) {
        let run = self.runs[index].run.clone();
        for limit in run.limits() {
            let key = self.key(&run, limit);
            if limit.per().is_some() {
                key.spent_until = key.spent(now).max(micros(now)) + key.interval().0;
            }
        }
    }

    fn line_of(&mut self, index: usize) -> Option<&mut Line> {
        let run = &self.runs[index].run;
        let (spot, shared) = (spot_of(run), shared_by(run));
        let mut lines = self.limits.lines.iter_mut();
        lines.find(|line| line.spot == spot && line.shared == shared)
    }

    /// Returns whether a run that comes up may start; else it stands in its line now.
    pub(super) fn starts(&mut self, index: usize, now: Timestamp) -> bool {
        let (id, run) = (self.runs[index].run.id, self.runs[index].run.clone());
        if run.fair().is_some() {
            // It was given its key while it waited.
            self.line_up(index, false);
            return false;
        }
        self.note(index, now);
        if let Some(line) = self.line_of(index) {
            line.runs.push(Some(id));
            self.runs[index].stands = true;
            return false;
        }
        let Some(because_of) = self.refusing(index, now) else {
            self.spend(index, now);
            return true;
        };
        self.runs[index].stands = true;
        self.open_line(&run, Some(because_of.clone()), None);
        let key = self.limits.keys.get_mut(&because_of).unwrap();
        key.waiting.push((spot_of(&run), shared_by(&run)));
        false
    }

    fn open_line(&mut self, run: &TaskRun, because_of: Option<Name>, place: Option<i64>) {
        self.limits.lines.push(Line {
            spot: spot_of(run),
            shared: shared_by(run),
            runs: vec![Some(run.id)],
            because_of,
            turn: 0,
            place,
        });
    }

    /// Gives a run its place: if it is ready and has a fair key, or is given back and has a line, in that line.
    pub(super) fn line_up(&mut self, index: usize, is_given_back: bool) {
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
    pub(super) fn resume(&mut self, scope: &PauseScope) {
        let is_aside = |stored: &Stored| {
            let Stored { run, stands, .. } = stored;
            let is_ready = run.state == RunState::Queued && run.fair().is_some();
            is_ready && !stands && *scope == PauseScope::Task(run.task.clone())
        };
        for index in (0..self.runs.len()).rev() {
            if is_aside(&self.runs[index]) {
                self.line_up(index, true);
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
            self.note(index, now);
            let Some(refusing) = self.refusing(index, now) else {
                self.limits.lines[number].runs.remove(0);
                self.runs[index].stands = false;
                self.spend(index, now);
                return Some(index);
            };
            let line = &mut self.limits.lines[number];
            let before = line.because_of.replace(refusing.clone());
            let is_same = before.as_ref() == Some(&refusing);
            line.place = None;
            line.turn = if is_same { line.turn } else { 0 };
            let place = (line.spot.clone(), line.shared.clone());
            let waiting = &mut self.limits.keys.get_mut(&refusing).unwrap().waiting;
            let at = if is_same { 0 } else { waiting.len() };
            waiting.insert(at, place);
            self.is_served(before.as_ref(), now);
            return None;
        }
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

    /// Lets lines go on whose limit was waiting for a time, those first that opened first.
    pub(super) fn open_due(&mut self, now: Timestamp) {
        let keys = self.limits.keys.iter();
        let mut openings: Vec<(Timestamp, Name)> = keys
            .map(|(name, key)| (key.opening(now), name.clone()))
            .collect();
        openings.sort();
        for (_, name) in openings {
            self.wake_line(&name, now);
        }
    }

    /// Takes a run from its holder, and lets others go on.
    pub(super) fn leave_holder(&mut self, index: usize, now: Timestamp) {
        self.runs[index].holder = None;
        for name in names_of(&self.runs[index].run) {
            if !name.0 {
                self.wake_line(&name, now);
            }
        }
    }

    /// Lets nothing start for so long that shares the limits of a run.
    pub(super) fn hold_back(&mut self, index: usize, wait: Duration, now: Timestamp) {
        let run = self.runs[index].run.clone();
        let Some(options) = &run.options else { return };
        for limit in options.limits.held_back() {
            self.note_one(&run, limit, now);
            let key = self.key(&run, limit);
            key.not_before = key.not_before.max(now.saturating_add(wait));
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

    pub(super) fn limit_infos(&self, limits: &[Limit], now: Timestamp) -> Vec<LimitInfo> {
        let in_use = |name: &&Name| !self.is_idle(name, now);
        let known: Vec<Name> = if limits.is_empty() {
            let in_use = self.limits.keys.keys().filter(in_use);
            in_use.take(MAX_PAGE).cloned().collect()
        } else {
            limits.iter().map(name_of).collect()
        };
        let info = |(index, name): (usize, &Name)| {
            let Some(key) = self.limits.keys.get(name) else {
                return LimitInfo::idle(limits[index].clone());
            };
            let mut info = LimitInfo::idle(key.limit.clone());
            if !name.0 {
                let held = self.runs.iter().filter(|it| it.holder.is_some());
                let shares = held.filter(|it| names_of(&it.run).contains(name));
                info.held_by = shares.map(|it| it.run.id).collect();
                info.held_by.sort();
                info.held_by.truncate(MAX_HELD_BY);
                info.running = u64::from(self.running(name));
            }
            let lines = self.limits.lines.iter();
            let blocked =
                lines.filter(|line| line.because_of.as_ref() == Some(name) && line.place.is_none());
            info.waiting = blocked
                .map(|line| line.runs.iter().flatten().count() as u64)
                .sum();
            if let Opens::At(at) = self.opens(name, now) {
                info.opens_at = Some(at);
            }
            info
        };
        known.iter().enumerate().map(info).collect()
    }
}
