//! Which limits are in use, and which runs wait because of them. Pure.

mod waiting;

use std::collections::{BTreeMap, BTreeSet};

use aqueduct_broker_api::LimitInfo;
use aqueduct_core::Timestamp;
use aqueduct_core::run::{FairWeight, Limit, TaskRun};

use super::key::{Key, Name, Opens};
use super::keys::Keys;
use super::lines::{Line, LineNumber, Lines, Spot};
use crate::state::queues::{End, Entry};
use crate::state::slots::Ticket;

/// Everything that is known of limits.
#[derive(Debug, Default)]
pub(in crate::state) struct Limiter {
    keys: Keys,
    lines: Lines,
    /// When limits let the next run start that wait for a time.
    openings: BTreeSet<(Timestamp, Name)>,
    /// When to look whether a limit can be forgotten.
    looks: BTreeSet<(Timestamp, Name)>,
    /// Lines that are to go to the heads of their ready lists.
    woken: Vec<(Spot, LineNumber)>,
}

/// Where a line goes that has started a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::state) enum Next {
    /// Back to an end of its ready list.
    Listed(End),
    /// It waits, or is no more.
    Nowhere,
}

impl Limiter {
    /// Returns whether a run may start that comes up at its spot, and starts it.
    pub(in crate::state) fn starts(&mut self, run: &TaskRun, spot: Spot, now: Timestamp) -> bool {
        self.note(run, now);
        if self.lines.find(spot, run).is_some() || self.refusing(run, now).is_some() {
            return false;
        }
        self.start(run, now);
        true
    }

    /// Puts a run into its line that may not start.
    pub(in crate::state) fn stand(
        &mut self,
        run: &TaskRun,
        spot: Spot,
        entry: Entry,
        now: Timestamp,
    ) {
        if let Some(line) = self.lines.find(spot, run) {
            self.push(line, entry, End::Tail);
        } else if let Some(name) = self.refusing(run, now) {
            let line = self.open(spot, run, entry, Some(name.clone()));
            self.block(line, &name, End::Tail, now);
        }
    }

    /// Puts a run that is ready into its line, if it has one; one with a fair key opens it, and returns it.
    ///
    /// # Errors
    ///
    /// Returns an error if the run has no line.
    pub(in crate::state) fn join(
        &mut self,
        run: &TaskRun,
        spot: Spot,
        entry: Entry,
        end: End,
    ) -> Result<Option<LineNumber>, NoLine> {
        if let Some(line) = self.lines.find(spot, run) {
            self.push(line, entry, end);
            return Ok(None);
        }
        run.fair().ok_or(NoLine)?;
        Ok(Some(self.open(spot, run, entry, None)))
    }

    /// Opens a line, which uses its limits.
    fn open(
        &mut self,
        spot: Spot,
        run: &TaskRun,
        first: Entry,
        because_of: Option<Name>,
    ) -> LineNumber {
        for limit in run.limits() {
            self.key(limit, run.queued_at).lines += 1;
        }
        self.lines.open(spot, run, first, because_of)
    }

    pub(in crate::state) fn push(&mut self, line: LineNumber, entry: Entry, end: End) {
        if let Some(line) = self.lines.get_mut(line) {
            match end {
                End::Head => line.runs.push_front(entry),
                End::Tail => line.runs.push_back(entry),
            }
        }
    }

    /// Takes a run out of its line, wherever it stands in that.
    pub(in crate::state) fn remove(&mut self, run: &TaskRun, spot: Spot, ticket: Ticket) {
        let number = self.lines.find(spot, run);
        if let Some(line) = number.and_then(|number| self.lines.get_mut(number)) {
            line.runs.retain(|entry| entry.ticket != ticket);
        }
    }

    /// Takes the first run out of a line.
    pub(in crate::state) fn pop(&mut self, line: LineNumber) -> Option<Entry> {
        self.lines.get_mut(line)?.runs.pop_front()
    }

    pub(in crate::state) fn spot_of(&self, line: LineNumber) -> Option<Spot> {
        self.lines.get(line).map(|line| line.spot)
    }

    pub(in crate::state) fn is_line_empty(&self, line: LineNumber) -> bool {
        self.lines.get(line).is_none_or(|line| line.runs.is_empty())
    }

    /// Lets a line wait again whose limits let none start, by the numbers that count: nobody looks at its runs. Returns
    /// whether it does.
    pub(in crate::state) fn waits_again(&mut self, number: LineNumber, now: Timestamp) -> bool {
        let line = self.lines.get(number).filter(|line| !line.runs.is_empty());
        let Some(name) = line.and_then(|line| self.refusing_of(line.limits(), now)) else {
            return false;
        };
        let name = name.clone();
        self.let_wait(number, &name, now);
        true
    }

    /// Lets a line that was let on wait for a limit: before the others, if that has let it on.
    fn let_wait(&mut self, number: LineNumber, name: &Name, now: Timestamp) {
        let Some(line) = self.lines.get_mut(number) else {
            return;
        };
        let spot = line.spot;
        let before = line.because_of.replace(name.clone());
        let mut end = End::Head;
        if before.as_ref() != Some(name) {
            line.turn = 0;
            end = End::Tail;
        }
        self.block(number, name, end, now);
        self.has_gone_on(before, spot, now);
    }

    /// Closes a line that is out of its ready list and has no run left; the next of its spot goes on.
    pub(in crate::state) fn close(&mut self, line: LineNumber, now: Timestamp) {
        let Some(line) = self.lines.close(line) else {
            return;
        };
        for name in line.limits() {
            if let Some(key) = self.keys.get_mut(name) {
                key.lines = key.lines.saturating_sub(1);
            }
        }
        self.has_gone_on(line.because_of.clone(), line.spot, now);
        for name in line.limits() {
            self.forget_if_idle(name, now);
        }
    }

    /// Decides where a line goes that has started a run of this weight, if it takes turns: if its turn is over, behind
    /// the others of its spot that wait for the limit that has let it go on, or to the tail if none do.
    pub(in crate::state) fn go_on(
        &mut self,
        number: LineNumber,
        weight: Option<FairWeight>,
        now: Timestamp,
    ) -> Next {
        let Some(line) = self.lines.get_mut(number) else {
            return Next::Nowhere;
        };
        if line.runs.is_empty() {
            self.close(number, now);
            return Next::Nowhere;
        }
        line.turn = line.turn.saturating_add(u16::from(weight.is_some()));
        if weight.is_some_and(|weight| line.turn < weight.get()) {
            return Next::Listed(End::Head);
        }
        let (spot, because_of) = (line.spot, line.because_of.clone());
        if let Some(name) = because_of
            .as_ref()
            .filter(|it| self.is_waited_for(it, spot))
        {
            self.reset_turn(number);
            self.block(number, name, End::Tail, now);
            self.is_served(name, spot, now);
            return Next::Nowhere;
        }
        if weight.is_none() {
            return Next::Listed(End::Head);
        }
        self.reset_turn(number);
        if let Some(line) = self.lines.get_mut(number) {
            line.because_of = None;
        }
        self.has_gone_on(because_of, spot, now);
        Next::Listed(End::Tail)
    }

    fn reset_turn(&mut self, line: LineNumber) {
        if let Some(line) = self.lines.get_mut(line) {
            line.turn = 0;
        }
    }

    fn is_waited_for(&self, name: &Name, spot: Spot) -> bool {
        let key = self.keys.get(name);
        let waiting = key.and_then(|key| key.spots.get(&spot));
        waiting.is_some_and(|waiting| !waiting.lines.is_empty())
    }

    /// Returns to which end of its ready list a line goes that a limit lets on.
    pub(in crate::state) fn end_for(&self, line: LineNumber) -> End {
        let line = self.lines.get(line);
        if line.is_some_and(Line::takes_turns) {
            End::Tail
        } else {
            End::Head
        }
    }

    /// Notes that a run has left its consumer: its places are free.
    pub(in crate::state) fn end(&mut self, limits: &[Limit], now: Timestamp) {
        for name in limits.iter().filter(|it| it.per().is_none()).map(Name::of) {
            if let Some(key) = self.keys.get_mut(&name) {
                key.end();
                self.wake(&name, now);
                self.forget_if_idle(&name, now);
            }
        }
    }

    /// Lets nothing start before `until` that shares one of these limits.
    pub(in crate::state) fn hold_back<'a>(
        &mut self,
        limits: impl Iterator<Item = &'a Limit>,
        queued_at: Timestamp,
        until: Timestamp,
        now: Timestamp,
    ) {
        for limit in limits {
            let name = Name::of(limit);
            self.forget_if_idle(&name, now);
            let key = self.key(limit, queued_at);
            key.note(limit, queued_at, now);
            key.hold_back(until);
            self.wake(&name, now);
            self.forget_if_idle(&name, now);
        }
    }

    /// Lets lines go on whose limit was waiting for a time, up to so many limits.
    pub(in crate::state) fn open_due(&mut self, now: Timestamp, most: usize) {
        for _ in 0..most {
            let is_due = self.openings.first().is_some_and(|(at, _)| *at <= now);
            let Some((_, name)) = is_due.then(|| self.openings.pop_first()).flatten() else {
                return;
            };
            if let Some(key) = self.keys.get_mut(&name) {
                key.opening = None;
            }
            self.wake(&name, now);
        }
    }

    /// Lets rates be used up no longer than they can be from now on: the clock was set back.
    pub(in crate::state) fn count_from(&mut self, now: Timestamp) {
        let names: Vec<Name> = self.keys.iter().map(|(name, _)| name).collect();
        for name in names {
            if let Some(key) = self.keys.get_mut(&name) {
                key.count_from(now);
            }
            self.wake(&name, now);
        }
    }

    /// Returns when the next limit opens that waits for a time.
    pub(in crate::state) fn opens_at(&self) -> Option<Timestamp> {
        self.openings.first().map(|(at, _)| *at)
    }

    /// Forgets limits that are as good as new, up to so many.
    pub(in crate::state) fn sweep(&mut self, now: Timestamp, most: usize) {
        for _ in 0..most {
            let is_over = self.looks.first().is_some_and(|(at, _)| *at <= now);
            let Some((_, name)) = is_over.then(|| self.looks.pop_first()).flatten() else {
                return;
            };
            if let Some(key) = self.keys.get_mut(&name) {
                key.look_at = None;
            }
            self.forget_if_idle(&name, now);
        }
    }

    pub(in crate::state) fn take_woken(&mut self) -> Vec<(Spot, LineNumber)> {
        std::mem::take(&mut self.woken)
    }

    /// Returns the line of a run, and how many entries stand there before it.
    pub(in crate::state) fn position(
        &self,
        run: &TaskRun,
        spot: Spot,
        ticket: Ticket,
    ) -> Option<(LineNumber, usize)> {
        let number = self.lines.find(spot, run)?;
        let mut runs = self.lines.get(number)?.runs.iter();
        Some((number, runs.position(|entry| entry.ticket == ticket)?))
    }

    /// Returns how a limit stands; who holds its places is known elsewhere.
    pub(in crate::state) fn info(&self, limit: &Limit, now: Timestamp) -> LimitInfo {
        let name = Name::of(limit);
        let Some(key) = self.keys.get(&name) else {
            return LimitInfo::idle(limit.clone());
        };
        let mut info = LimitInfo::idle(key.limit(&name).unwrap_or_else(|| limit.clone()));
        info.running = u64::from(key.running);
        let lines = key.spots.values().flat_map(|waiting| &waiting.lines);
        let runs = lines.filter_map(|line| self.lines.get(*line));
        info.waiting = runs.map(|line| line.runs.len() as u64).sum();
        if let Opens::At(at) = key.opens(now) {
            info.opens_at = Some(at);
        }
        info
    }

    /// Returns the limits that are in use, up to so many.
    pub(in crate::state) fn in_use(&self, most: usize) -> Vec<Limit> {
        let sorted: BTreeMap<Name, &Key> = self.keys.iter().collect();
        let limits = sorted.iter().filter_map(|(name, key)| key.limit(name));
        limits.take(most).collect()
    }

    /// Takes the numbers of a run, unless they are of one that was queued later; others may let lines on. Those of a limit
    /// that nobody uses are forgotten.
    pub(in crate::state) fn note(&mut self, run: &TaskRun, now: Timestamp) {
        for limit in run.limits() {
            let name = Name::of(limit);
            self.forget_if_idle(&name, now);
            let key = self.keys.get_mut(&name);
            if key.is_some_and(|key| key.note(limit, run.queued_at, now)) {
                self.wake(&name, now);
            }
        }
    }

    /// Returns the first limit that does not let a run start.
    fn refusing(&self, run: &TaskRun, now: Timestamp) -> Option<Name> {
        let mut names = run.limits().iter().map(Name::of);
        names.find(|name| self.is_closed(name, now))
    }

    /// Returns the first of some limits that lets none start.
    fn refusing_of<'a>(&self, names: &'a [Name], now: Timestamp) -> Option<&'a Name> {
        names.iter().find(|name| self.is_closed(name, now))
    }

    fn is_closed(&self, name: &Name, now: Timestamp) -> bool {
        let key = self.keys.get(name);
        key.is_some_and(|key| key.opens(now) != Opens::Now)
    }

    /// Lets a run start: it takes its places.
    pub(in crate::state) fn start(&mut self, run: &TaskRun, now: Timestamp) {
        for limit in run.limits() {
            let key = self.key(limit, run.queued_at);
            key.start(now);
            if let (None, Some(at)) = (key.look_at, key.idle_from()) {
                key.look_at = Some(at);
                self.looks.insert((at, Name::of(limit)));
            }
        }
    }

    fn key(&mut self, limit: &Limit, queued_at: Timestamp) -> &mut Key {
        let keys = self.keys.of(limit.per().is_some());
        keys.entry(limit.key().clone())
            .or_insert_with(|| Key::new(limit, queued_at))
    }
}

/// The error of a run that stands in no line.
#[derive(Clone, Copy, Debug)]
pub(in crate::state) struct NoLine;
