//! How long nothing was heard on a connection that somebody waits on. Pure.

use std::time::Duration;

use tokio::time::Instant;

/// Who waits on one connection, and since when nothing was heard there.
#[derive(Debug)]
pub(super) struct Silence {
    /// From then on it tells something of the server.
    longest: Duration,
    waiting: usize,
    since: Option<Instant>,
    /// When the last one stopped waiting.
    until: Option<Instant>,
}

impl Silence {
    pub(super) fn new(longest: Duration) -> Self {
        Self {
            longest,
            waiting: 0,
            since: None,
            until: None,
        }
    }

    /// Notes that somebody waits from now on; returns whether nothing was heard for too long already.
    pub(super) fn begin(&mut self, now: Instant) -> bool {
        if self.is_forgotten(now) {
            self.since = None;
        }
        self.waiting += 1;
        let is_over = self.is_longest(self.since, now);
        if is_over || self.since.is_none() {
            self.since = Some(now);
        }
        is_over
    }

    /// Notes that something was heard.
    pub(super) fn hear(&mut self) {
        self.since = None;
    }

    /// Notes that somebody waits no more, with an answer or without.
    pub(super) fn end(&mut self, now: Instant) {
        self.waiting = self.waiting.saturating_sub(1);
        self.until = Some(now);
    }

    /// Returns whether callers gave up early, and so long ago that it says nothing of the server any more.
    fn is_forgotten(&self, now: Instant) -> bool {
        let was_in_vain = self
            .until
            .is_some_and(|until| self.is_longest(self.since, until));
        self.waiting == 0 && !was_in_vain && self.is_longest(self.until, now)
    }

    fn is_longest(&self, since: Option<Instant>, until: Instant) -> bool {
        since.is_some_and(|since| until.saturating_duration_since(since) >= self.longest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_caller_that_waited_in_vain_makes_the_next_one_leave() {
        let (start, mut silence) = (Instant::now(), Silence::new(5 * SECOND));
        assert!(!silence.begin(start));
        silence.end(start + 5 * SECOND);
        assert!(silence.begin(start + 6 * SECOND), "nothing was heard");
        assert!(!silence.begin(start + 7 * SECOND), "it was left just now");
    }

    #[test]
    fn callers_that_give_up_early_and_come_again_find_the_silence() {
        let (start, mut silence) = (Instant::now(), Silence::new(5 * SECOND));
        for second in [0, 2, 4] {
            assert!(!silence.begin(start + second * SECOND));
            silence.end(start + (second + 1) * SECOND);
        }
        assert!(silence.begin(start + 6 * SECOND));
    }

    #[test]
    fn callers_that_come_and_go_do_not_hide_a_silence() {
        let (start, mut silence) = (Instant::now(), Silence::new(5 * SECOND));
        assert!(!silence.begin(start));
        for second in 1..5 {
            assert!(!silence.begin(start + second * SECOND));
            silence.end(start + second * SECOND);
        }
        assert!(silence.begin(start + 5 * SECOND));
    }

    #[test]
    fn what_was_heard_or_given_up_early_is_no_silence() {
        let (start, mut silence) = (Instant::now(), Silence::new(5 * SECOND));
        assert!(!silence.begin(start));
        silence.hear();
        silence.end(start + SECOND);
        assert!(!silence.begin(start + 9 * SECOND), "it answered");
        silence.end(start + 10 * SECOND);
        assert!(!silence.begin(start + 20 * SECOND), "the call was dropped");
    }
}
