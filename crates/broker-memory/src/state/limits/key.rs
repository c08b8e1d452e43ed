//! One limit that is in use: how many run, when it lets the next run start. Pure.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use aqueduct_core::Timestamp;
use aqueduct_core::run::{Limit, LimitKey};

use super::lines::{LineNumber, Spot};

/// Which limit: a concurrency limit and a rate limit with one key are two.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Name {
    pub(super) is_rate: bool,
    pub(super) key: LimitKey,
}

/// A limit that is in use.
#[derive(Debug)]
pub(super) struct Key {
    max: u32,
    per: Option<Duration>,
    /// When the run was queued that the numbers are of.
    numbers_of: Timestamp,
    /// How many runs hold a place, of a concurrency limit.
    pub(super) running: u32,
    /// How many lines have runs in them that share it.
    pub(super) lines: u32,
    /// Until when the starts so far use a rate limit up, in microseconds.
    spent_until: u64,
    not_before: Timestamp,
    /// Where lines wait because of it.
    pub(super) spots: BTreeMap<Spot, Waiting>,
    /// When it is looked at again, if that is a question of time.
    pub(super) opening: Option<Timestamp>,
    /// When it is looked at whether it can be forgotten.
    pub(super) look_at: Option<Timestamp>,
}

/// The lines of one spot that wait because of one limit.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    pub(super) lines: VecDeque<LineNumber>,
    /// Whether one of them is in the ready list: at most one is.
    pub(super) is_woken: bool,
}

/// When a limit lets the next run start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Opens {
    Now,
    At(Timestamp),
    /// When a run leaves its consumer.
    Later,
}

impl Name {
    pub(super) fn of(limit: &Limit) -> Self {
        Self {
            is_rate: limit.per().is_some(),
            key: limit.key().clone(),
        }
    }
}

impl Key {
    pub(super) fn new(limit: &Limit, queued_at: Timestamp) -> Self {
        Self {
            max: limit.max(),
            per: limit.per(),
            numbers_of: queued_at,
            running: 0,
            lines: 0,
            spent_until: 0,
            not_before: Timestamp::default(),
            spots: BTreeMap::new(),
            opening: None,
            look_at: None,
        }
    }

    /// Takes the numbers of a run, unless they are of one that was queued later; returns whether they are others.
    pub(super) fn note(&mut self, limit: &Limit, queued_at: Timestamp, now: Timestamp) -> bool {
        if queued_at < self.numbers_of {
            return false;
        }
        self.numbers_of = queued_at;
        let before = (self.max, self.per);
        (self.max, self.per) = (limit.max(), limit.per());
        self.count_from(now);
        before != (self.max, self.per)
    }

    pub(super) fn opens(&self, now: Timestamp) -> Opens {
        if self.per.is_none() && self.running >= self.max {
            return Opens::Later;
        }
        let interval = self.interval();
        let burst = interval * u64::from(self.max);
        let needed = self.spent(now) + interval;
        let at = Timestamp::from_millis(needed.saturating_sub(burst).div_ceil(1000));
        let at = at.max(self.not_before);
        if at > now { Opens::At(at) } else { Opens::Now }
    }

    pub(super) fn start(&mut self, now: Timestamp) {
        if self.per.is_some() {
            self.spent_until = self.spent(now).max(micros(now)) + self.interval();
        } else {
            self.running = self.running.saturating_add(1);
        }
    }

    /// Cuts until when it is used up: its numbers have changed, or the clock was set back.
    pub(super) fn count_from(&mut self, now: Timestamp) {
        self.spent_until = self.spent(now);
    }

    pub(super) fn end(&mut self) {
        self.running = self.running.saturating_sub(1);
    }

    pub(super) fn hold_back(&mut self, until: Timestamp) {
        self.not_before = self.not_before.max(until);
    }

    /// Returns from when on the limit is as one that was never used, if nothing happens; `None` while it
    /// is in use.
    pub(super) fn idle_from(&self) -> Option<Timestamp> {
        let is_used = self.running > 0 || self.lines > 0;
        let spent = Timestamp::from_millis(self.spent_until.div_ceil(1000));
        (!is_used).then(|| spent.max(self.not_before))
    }

    /// Returns the limit, with the numbers that count.
    pub(super) fn limit(&self, name: &Name) -> Option<Limit> {
        let key = name.key.as_str();
        match self.per {
            None => Limit::concurrency(key, self.max),
            Some(per) => Limit::rate(key, self.max, per),
        }
        .ok()
    }

    /// Returns until when it is used up; a clock that was set back leaves no more than all of it.
    fn spent(&self, now: Timestamp) -> u64 {
        let all = self.interval() * u64::from(self.max);
        self.spent_until.min(micros(now) + all)
    }

    /// Returns the time between two starts of a rate limit that is used up, in microseconds.
    fn interval(&self) -> u64 {
        let per = self.per.unwrap_or_default().as_micros();
        u64::try_from(per)
            .unwrap_or(u64::MAX)
            .div_ceil(u64::from(self.max))
    }
}

fn micros(time: Timestamp) -> u64 {
    time.as_millis().saturating_mul(1000)
}
