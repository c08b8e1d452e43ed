//! What is known of one limit, from requests and answers alone.

use std::time::Duration;

use aqueduct::Timestamp;
use aqueduct::run::{Limit, LimitKey};

/// Which limit: a concurrency limit and a rate limit with one key are two.
pub(super) type Name = (LimitKey, bool);

/// One limit.
#[derive(Debug)]
pub(super) struct Key {
    /// The greatest and the smallest number that a run has named.
    pub(super) most: u32,
    least: u32,
    per: Option<Duration>,
    /// How much of a rate is used up, in microseconds of waiting; it goes down with time.
    spent: u64,
    spent_at: Timestamp,
    /// When it is not used up any more at the latest, in microseconds: a clock that is set back gives nothing back.
    spent_until: u64,
    held_back_until: Timestamp,
}

pub(super) fn name(limit: &Limit) -> Name {
    (limit.key().clone(), limit.per().is_some())
}

impl Key {
    pub(super) fn new(limit: &Limit) -> Self {
        Self {
            most: limit.max(),
            least: limit.max(),
            per: limit.per(),
            spent: 0,
            spent_at: Timestamp::MIN,
            spent_until: 0,
            held_back_until: Timestamp::MIN,
        }
    }

    pub(super) fn note(&mut self, limit: &Limit) {
        self.most = self.most.max(limit.max());
        self.least = self.least.min(limit.max());
    }

    /// Lets the time pass that has: a broker may have seen that its clock was set back in a look that changed nothing,
    /// and counts from there.
    pub(super) fn pass(&mut self, now: Timestamp, passed: Duration) {
        let passed = now.saturating_since(self.spent_at).max(passed).as_micros();
        let passed = u64::try_from(passed).unwrap_or(u64::MAX);
        self.spent = self.spent.saturating_sub(passed);
        self.spent_at = now;
    }

    /// Counts a start; returns whether the rate had room for it.
    pub(super) fn start(&mut self, now: Timestamp) -> bool {
        let had_room = self.spent + self.interval() <= self.all();
        self.spent += self.interval();
        self.spent_until = now.as_millis() * 1000 + self.left(now) + self.interval();
        had_room
    }

    pub(super) fn hold_back(&mut self, until: Timestamp) {
        self.held_back_until = self.held_back_until.max(until);
    }

    pub(super) fn is_held_back(&self, now: Timestamp) -> bool {
        now < self.held_back_until
    }

    /// Returns whether a run must be let start, as far as this limit goes.
    pub(super) fn must_be_open(&self, held: u32, now: Timestamp) -> bool {
        let has_place = self.per.is_some() || held < self.least;
        let has_rate = self.left(now) + self.interval() <= self.all();
        has_place && has_rate && !self.is_held_back(now)
    }

    /// Returns how much is used up at most.
    fn left(&self, now: Timestamp) -> u64 {
        let left = self.spent_until.saturating_sub(now.as_millis() * 1000);
        left.min(self.all())
    }

    fn all(&self) -> u64 {
        self.interval() * u64::from(self.most)
    }

    /// Returns the time between two starts once a rate is used up, in microseconds.
    fn interval(&self) -> u64 {
        let per = self.per.unwrap_or_default().as_micros();
        let per = u64::try_from(per).unwrap_or(u64::MAX);
        per.div_ceil(u64::from(self.most))
    }
}
