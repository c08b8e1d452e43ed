//! The stop ladder: told, terminated, killed. Pure.

#[cfg(test)]
mod tests;

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

    /// Returns whether a signal was sent: then the worker ends, whatever it still says.
    pub(crate) fn has_signalled(&self) -> bool {
        self.rung > Rung::Told
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
