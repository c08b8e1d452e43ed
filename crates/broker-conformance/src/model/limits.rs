//! Limits that runs share, in the model.

use std::collections::BTreeMap;
use std::time::Duration;

use aqueduct_broker_api::{LimitInfo, MAX_HELD_BY, MAX_PAGE};
use aqueduct_core::key::Key as FairKey;
use aqueduct_core::run::{Limit, LimitKey, TaskRun};
use aqueduct_core::{Lane, Priority, QueueName, Timestamp};

use super::Model;
use super::lines::Line;

/// A ready list.
pub(super) type Spot = (QueueName, Lane, Priority);

/// Which limit: of a rate or not, and its key.
pub(super) type Name = (bool, LimitKey);

/// What the runs of a line share: a fair key, and limits.
pub(super) type Shared = (Option<FairKey>, Vec<Name>);

/// What is known of limits.
#[derive(Debug, Default)]
pub(super) struct Limits {
    pub(super) keys: BTreeMap<Name, Key>,
    pub(super) lines: Vec<Line>,
}

/// A limit; how many runs share it is counted when it is asked for.
#[derive(Debug)]
pub(super) struct Key {
    limit: Limit,
    numbers_of: Timestamp,
    spent_until: u64,
    not_before: Timestamp,
    /// The lines that wait because of it, the next first.
    pub(super) waiting: Vec<(Spot, Shared)>,
}

/// When a limit lets the next run start.
pub(super) enum Opens {
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

pub(super) fn spot_of(run: &TaskRun) -> Spot {
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

    pub(super) fn opens(&self, name: &Name, now: Timestamp) -> Opens {
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
        let has_line = |line: &Line| line.shared.1.contains(name);
        let is_used = self.running(name) > 0 && !name.0 || self.limits.lines.iter().any(has_line);
        is_over && !is_used
    }

    /// Takes the numbers of a run, others of which may let lines on; those of a limit that nobody uses are forgotten.
    pub(super) fn note(&mut self, index: usize, now: Timestamp) {
        let run = self.runs[index].run.clone();
        for limit in run.limits() {
            if self.note_one(&run, limit, now) {
                self.wake_line(&name_of(limit), now);
            }
        }
    }

    /// Returns whether the numbers have changed.
    fn note_one(&mut self, run: &TaskRun, limit: &Limit, now: Timestamp) -> bool {
        let name = name_of(limit);
        if self.limits.keys.contains_key(&name) && self.is_idle(&name, now) {
            self.limits.keys.remove(&name);
        }
        let known = self.limits.keys.get_mut(&name);
        let Some(key) = known.filter(|key| run.queued_at >= key.numbers_of) else {
            return false;
        };
        let before = std::mem::replace(&mut key.limit, limit.clone());
        key.numbers_of = run.queued_at;
        key.spent_until = key.spent(now);
        before != *limit
    }

    /// Returns a limit of a run, which is used from now on.
    pub(super) fn key(&mut self, run: &TaskRun, limit: &Limit) -> &mut Key {
        self.limits.keys.entry(name_of(limit)).or_insert(Key {
            limit: limit.clone(),
            numbers_of: run.queued_at,
            spent_until: 0,
            not_before: Timestamp::default(),
            waiting: Vec::new(),
        })
    }

    pub(super) fn refusing(&self, index: usize, now: Timestamp) -> Option<Name> {
        self.refusing_of(&names_of(&self.runs[index].run), now)
    }

    pub(super) fn refusing_of(&self, names: &[Name], now: Timestamp) -> Option<Name> {
        let is_closed = |name: &&Name| !matches!(self.opens(name, now), Opens::Now);
        names.iter().find(is_closed).cloned()
    }

    /// Uses the rate limits of a run that starts; its places are counted by who holds it.
    pub(super) fn spend(&mut self, index: usize, now: Timestamp) {
        let run = self.runs[index].run.clone();
        for limit in run.limits() {
            let key = self.key(&run, limit);
            if limit.per().is_some() {
                key.spent_until = key.spent(now).max(micros(now)) + key.interval().0;
            }
        }
    }

    /// Returns whether a run that comes up may start; else it stands in its line now.
    pub(super) fn starts(&mut self, index: usize, now: Timestamp) -> bool {
        let (id, run) = (self.runs[index].run.id, self.runs[index].run.clone());
        if run.fair().is_some() {
            // It was given its key while it waited.
            self.line_up(index, false, now);
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
