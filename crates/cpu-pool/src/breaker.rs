//! The restart breaker: starts that fail are not repeated in a loop. Pure.

use std::collections::VecDeque;
use std::time::Duration;

/// Counts failed starts, and says when the next one may be tried.
#[derive(Clone, Debug)]
pub(crate) struct Breaker {
    limit: usize,
    within: Duration,
    failures: VecDeque<Duration>,
    closed_until: Option<Duration>,
    pause: Duration,
}

/// The first and the longest wait after a failed start.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const MAX_PAUSE: Duration = Duration::from_secs(30);

impl Breaker {
    /// Creates a breaker that opens after `limit` failed starts `within` a time.
    pub(crate) fn new(limit: usize, within: Duration) -> Self {
        Self {
            limit,
            within,
            failures: VecDeque::new(),
            closed_until: None,
            pause: FIRST_PAUSE,
        }
    }

    /// Notes a failed start; `random` from 0 to 1 spreads the wait. Returns the wait.
    pub(crate) fn failed(&mut self, now: Duration, random: f64) -> Duration {
        self.failures.push_back(now);
        while self.failures.len() > self.limit {
            self.failures.pop_front();
        }
        let wait = if self.is_open(now) {
            MAX_PAUSE
        } else {
            self.pause
        };
        self.pause = (self.pause * 2).min(MAX_PAUSE);
        let wait = wait.mul_f64(1.0 - random / 4.0);
        self.closed_until = Some(now.saturating_add(wait));
        wait
    }

    /// Notes a start that worked: everything is forgotten.
    pub(crate) fn worked(&mut self) {
        self.failures.clear();
        self.closed_until = None;
        self.pause = FIRST_PAUSE;
    }

    /// Returns how long no start may be tried.
    pub(crate) fn wait(&self, now: Duration) -> Option<Duration> {
        let until = self.closed_until?;
        (until > now).then(|| until.saturating_sub(now))
    }

    /// Returns whether the last start failed: then one at a time is tried.
    pub(crate) fn is_probing(&self) -> bool {
        self.closed_until.is_some()
    }

    /// Returns whether so many starts have failed that somebody should look.
    pub(crate) fn is_open(&self, now: Duration) -> bool {
        let is_full = self.failures.len() >= self.limit;
        let first = self.failures.front();
        is_full && first.is_some_and(|first| now.saturating_sub(*first) <= self.within)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn waits_double_and_five_failures_open_it() {
        let mut breaker = Breaker::new(5, SECOND * 60);
        let mut now = SECOND;
        let mut waits = Vec::new();
        for _ in 0..5 {
            waits.push(breaker.failed(now, 0.0).as_millis());
            now += SECOND;
        }
        assert_eq!(waits, [100, 200, 400, 800, 30_000]);
        assert!(breaker.is_open(now) && breaker.wait(now).is_some());
        breaker.worked();
        assert!(!breaker.is_open(now) && breaker.wait(now).is_none());
        assert_eq!(breaker.failed(now, 0.0).as_millis(), 100);
    }

    #[test]
    fn slow_failures_do_not_open_it() {
        let mut breaker = Breaker::new(2, SECOND * 10);
        breaker.failed(SECOND, 0.0);
        breaker.failed(SECOND * 30, 0.0);
        assert!(!breaker.is_open(SECOND * 30));
    }
}
