//! The producers whose last answers are remembered: a bounded number, the active ones.

use std::collections::VecDeque;
use std::time::Duration;

use aqueduct_broker_api::Enqueued;
use aqueduct_core::id::IdMap;
use aqueduct_core::{ProducerId, Timestamp};

use super::replay::Replay;

/// How many producers are remembered.
const MAX_PRODUCERS: usize = 10_000;

/// A producer that was silent for this long may be forgotten.
const IDLE: Duration = Duration::from_mins(10);

/// The remembered producers.
#[derive(Debug, Default)]
pub(super) struct Producers {
    known: IdMap<ProducerId, Known>,
    /// In the order of their first request, or of their last check.
    order: VecDeque<ProducerId>,
}

#[derive(Debug, Default)]
struct Known {
    last_seen: Timestamp,
    replay: Replay<Vec<Enqueued>>,
}

impl Producers {
    /// Returns the replay window of a producer, and forgets another if there are too many.
    pub(super) fn window(&mut self, id: ProducerId, now: Timestamp) -> &mut Replay<Vec<Enqueued>> {
        if !self.known.contains_key(&id) {
            self.make_room(now);
            self.order.push_back(id);
        }
        let known = self.known.entry(id).or_default();
        known.last_seen = now;
        &mut known.replay
    }

    /// Forgets the first that is idle among a few; if none is, the first.
    fn make_room(&mut self, now: Timestamp) {
        if self.known.len() < MAX_PRODUCERS {
            return;
        }
        for _ in 0..CHECKED_AT_ONCE {
            let Some(id) = self.order.pop_front() else {
                return;
            };
            let last_seen = self.known.get(&id).map(|known| known.last_seen);
            if last_seen.is_none_or(|seen| now.saturating_since(seen) >= IDLE) {
                self.known.remove(&id);
                return;
            }
            self.order.push_back(id);
        }
        if let Some(id) = self.order.pop_front() {
            self.known.remove(&id);
        }
    }
}

const CHECKED_AT_ONCE: usize = 8;
