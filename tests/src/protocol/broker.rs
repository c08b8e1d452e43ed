//! The broker of the model.

use std::collections::BTreeMap;

use super::Without;

/// How many runs there are.
pub(super) const RUNS: usize = 2;

/// A consumer: where it is, and how many were there before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Who {
    pub(super) place: usize,
    pub(super) incarnation: u8,
}

/// What a consumer asks for: to settle a success, and to claim a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Exchange {
    pub(super) number: u8,
    /// The run and the attempt.
    pub(super) settle: Option<(usize, u8)>,
}

/// The answer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reply {
    pub(super) claimed: Option<(usize, u8)>,
    pub(super) settled: Option<bool>,
    pub(super) is_new: bool,
}

/// Where a run is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) enum Place {
    /// It is not stored, and never was.
    #[default]
    Absent,
    Ready,
    Held {
        by: Who,
        since: u8,
    },
    /// It has succeeded, and is not stored any more.
    Done,
}

/// What the broker stores.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Broker {
    pub(super) runs: [Place; RUNS],
    attempts: [u8; RUNS],
    consumers: BTreeMap<Who, Known>,
    /// Which enqueues are answered.
    enqueued: [bool; RUNS],
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Known {
    has_passed: bool,
    /// The last answers: what was claimed, and whether the settlement was recorded.
    answers: BTreeMap<u8, (Option<usize>, Option<bool>)>,
}

/// How many answers are kept of a consumer.
const WINDOW: usize = 2;

impl Broker {
    /// Makes a broker for so many runs; others were done before.
    pub(super) fn of(runs: usize) -> Self {
        let mut broker = Self::default();
        broker.runs[runs..].fill(Place::Done);
        broker
    }

    pub(super) fn leases(&self) -> impl Iterator<Item = (Who, bool)> {
        self.consumers
            .iter()
            .map(|(who, it)| (*who, !it.has_passed))
    }

    pub(super) fn is_held(&self, run: usize, who: Who, attempt: u8) -> bool {
        let held = matches!(self.runs[run], Place::Held { by, .. } if by == who);
        held && self.attempts[run] == attempt
    }

    pub(super) fn enqueue(&mut self, run: usize, replays: bool) {
        if replays && self.enqueued[run] {
            return;
        }
        self.enqueued[run] = true;
        if matches!(self.runs[run], Place::Absent | Place::Done) {
            self.runs[run] = Place::Ready;
        }
    }

    pub(super) fn exchange(
        &mut self,
        who: Who,
        exchange: Exchange,
        without: Option<Without>,
    ) -> Reply {
        let known = self.consumers.entry(who).or_default();
        known.has_passed = false;
        let recorded = known.answers.get(&exchange.number).copied();
        if let Some((claimed, settled)) = recorded.filter(|_| without != Some(Without::Replay)) {
            let is_still = |run: &usize| {
                let since = exchange.number;
                self.runs[*run] == Place::Held { by: who, since }
            };
            let claimed = claimed.filter(is_still);
            return Reply {
                claimed: claimed.map(|run| (run, self.attempts[run])),
                settled,
                is_new: false,
            };
        }
        let settled = exchange.settle.map(|(run, attempt)| {
            let is_held = match without {
                Some(Without::Fence) => !matches!(self.runs[run], Place::Absent),
                Some(Without::AttemptInFence) => self.is_held(run, who, self.attempts[run]),
                _ => self.is_held(run, who, attempt),
            };
            if is_held {
                self.runs[run] = Place::Done;
            }
            is_held
        });
        let ready = self.runs.iter().position(|place| *place == Place::Ready);
        if let Some(run) = ready {
            self.attempts[run] += 1;
            let since = exchange.number;
            self.runs[run] = Place::Held { by: who, since };
        }
        let known = self.consumers.entry(who).or_default();
        known.answers.insert(exchange.number, (ready, settled));
        while known.answers.len() > WINDOW {
            known.answers.pop_first();
        }
        Reply {
            claimed: ready.map(|run| (run, self.attempts[run])),
            settled,
            is_new: true,
        }
    }

    /// Renews a lease, and gives back what the consumer does not know of.
    pub(super) fn beat(&mut self, who: Who, known: Option<usize>, answered: u8) {
        self.consumers.entry(who).or_default().has_passed = false;
        for (run, place) in self.runs.iter_mut().enumerate() {
            let is_answered =
                matches!(*place, Place::Held { by, since } if by == who && since <= answered);
            if is_answered && known != Some(run) {
                *place = Place::Ready;
            }
        }
    }

    pub(super) fn pass(&mut self, who: Who) {
        self.consumers.entry(who).or_default().has_passed = true;
    }

    pub(super) fn reclaim(&mut self) {
        self.consumers.retain(|_, known| !known.has_passed);
        for place in &mut self.runs {
            let is_dead = |by| !self.consumers.contains_key(by);
            if matches!(place, Place::Held { by, .. } if is_dead(by)) {
                *place = Place::Ready;
            }
        }
    }
}
