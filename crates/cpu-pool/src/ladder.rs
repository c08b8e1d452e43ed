//! The stop ladder: told, terminated, killed. Pure.

use std::time::Duration;

use crate::work::Force;

/// Where on the ladder a piece of work is, in times since the start of the pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ladder {
    grace: Graces,
    rung: Rung,
    /// When the next rung is due.
    due: Option<Duration>,
}

/// How long each rung lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Graces {
    pub(crate) cancel: Duration,
    pub(crate) term: Duration,
}

/// The rungs, each harder than the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Rung {
    Free,
    Told,
    Terminated,
    Killed,
}

/// What to do to the worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Send a stop frame.
    Tell,
    /// Send SIGTERM to the group.
    Terminate,
    /// Send SIGKILL to the group.
    Kill,
}

impl Ladder {
    pub(crate) fn new(grace: Graces) -> Self {
        Self {
            grace,
            rung: Rung::Free,
            due: None,
        }
    }

    /// Takes a request to stop; returns what to do at once.
    pub(crate) fn stop(&mut self, force: Force, now: Duration) -> Option<Step> {
        if force == Force::Kill {
            return self.climb(Rung::Killed, None, Step::Kill);
        }
        if force == Force::Ladder && self.due.is_none() && self.rung <= Rung::Told {
            self.due = Some(now.saturating_add(self.grace.cancel));
        }
        let due = self.due;
        self.climb(Rung::Told, due, Step::Tell)
    }

    /// Goes straight to the SIGTERM: the worker does not listen.
    pub(crate) fn hung(&mut self, now: Duration) -> Option<Step> {
        let due = now.saturating_add(self.grace.term);
        self.climb(Rung::Terminated, Some(due), Step::Terminate)
    }

    /// Returns what has become due.
    pub(crate) fn tick(&mut self, now: Duration) -> Option<Step> {
        if self.due.is_none_or(|due| due > now) {
            return None;
        }
        match self.rung {
            Rung::Free | Rung::Told => {
                let due = now.saturating_add(self.grace.term);
                self.climb(Rung::Terminated, Some(due), Step::Terminate)
            }
            Rung::Terminated => self.climb(Rung::Killed, None, Step::Kill),
            Rung::Killed => None,
        }
    }

    /// Returns when the next rung is due.
    pub(crate) fn due(&self) -> Option<Duration> {
        self.due
    }

    /// Returns whether the work was told to end, at least.
    pub(crate) fn has_begun(&self) -> bool {
        self.rung > Rung::Free
    }

    fn climb(&mut self, rung: Rung, due: Option<Duration>, step: Step) -> Option<Step> {
        if self.rung >= rung {
            return None;
        }
        self.rung = rung;
        self.due = due;
        Some(step)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn ladder() -> Ladder {
        Ladder::new(Graces {
            cancel: SECOND * 5,
            term: SECOND * 2,
        })
    }

    #[test]
    fn each_rung_has_its_time() {
        let mut it = ladder();
        assert_eq!(it.stop(Force::Ladder, SECOND), Some(Step::Tell));
        assert_eq!(it.stop(Force::Ladder, SECOND * 2), None, "told once");
        assert_eq!(it.tick(SECOND * 5), None);
        assert_eq!(it.tick(SECOND * 6), Some(Step::Terminate));
        assert_eq!(it.tick(SECOND * 7), None);
        assert_eq!(it.tick(SECOND * 8), Some(Step::Kill));
        assert_eq!((it.tick(SECOND * 99), it.due()), (None, None));
    }

    #[test]
    fn asking_has_no_deadline_until_somebody_sets_one() {
        let mut it = ladder();
        assert_eq!(it.stop(Force::Ask, SECOND), Some(Step::Tell));
        assert_eq!(it.due(), None);
        assert_eq!(it.stop(Force::Ladder, SECOND * 3), None);
        assert_eq!(it.due(), Some(SECOND * 8));
        assert_eq!(it.stop(Force::Kill, SECOND * 4), Some(Step::Kill));
    }

    #[test]
    fn whatever_happens_no_rung_is_climbed_twice_and_none_back() {
        let mut random = fastrand::Rng::with_seed(38);
        for _ in 0..2000 {
            let (mut it, mut now, mut steps) = (ladder(), Duration::ZERO, Vec::new());
            for _ in 0..20 {
                now += Duration::from_millis(random.u64(..3000));
                let step = match random.u8(..6) {
                    0 => it.stop(Force::Ask, now),
                    1 => it.stop(Force::Ladder, now),
                    2 if random.u8(..8) == 0 => it.stop(Force::Kill, now),
                    3 if random.u8(..8) == 0 => it.hung(now),
                    _ => it.tick(now),
                };
                steps.extend(step);
            }
            let order = |step: &Step| match step {
                Step::Tell => 0,
                Step::Terminate => 1,
                Step::Kill => 2,
            };
            assert!(
                steps.iter().map(order).is_sorted_by(|a, b| a < b),
                "{steps:?}"
            );
        }
    }

    #[test]
    fn a_hung_worker_is_not_told() {
        let mut it = ladder();
        assert_eq!(it.hung(SECOND), Some(Step::Terminate));
        assert_eq!(it.stop(Force::Ladder, SECOND), None);
        assert_eq!(it.tick(SECOND * 3), Some(Step::Kill));
    }
}
