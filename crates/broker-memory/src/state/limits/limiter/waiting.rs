//! How lines wait for a limit, and go on when it opens; when a limit is forgotten.

use aqueduct_core::Timestamp;

use super::Limiter;
use crate::state::limits::key::{Name, Opens};
use crate::state::limits::lines::{LineNumber, Spot};
use crate::state::queues::End;

impl Limiter {
    /// Lets a line wait for a limit.
    pub(super) fn block(&mut self, line: LineNumber, name: &Name, end: End, now: Timestamp) {
        let spot = self.lines.get(line).map(|line| line.spot);
        let Some((key, spot)) = self.keys.get_mut(name).zip(spot) else {
            return;
        };
        let waiting = key.spots.entry(spot).or_default();
        match end {
            End::Head => waiting.lines.push_front(line),
            End::Tail => waiting.lines.push_back(line),
        }
        if let Opens::At(_) = key.opens(now) {
            self.wake(name, now);
        }
    }

    pub(super) fn has_gone_on(&mut self, because_of: Option<Name>, spot: Spot, now: Timestamp) {
        if let Some(name) = because_of {
            self.is_served(&name, spot, now);
        }
    }

    /// Notes that the line of a spot that a limit had let go on is out of the ready list.
    pub(super) fn is_served(&mut self, name: &Name, spot: Spot, now: Timestamp) {
        let Some(key) = self.keys.get_mut(name) else {
            return;
        };
        if let Some(waiting) = key.spots.get_mut(&spot) {
            waiting.is_woken = false;
        }
        self.wake(name, now);
        if let Some(key) = self.keys.get_mut(name) {
            key.spots
                .retain(|_, waiting| waiting.is_woken || !waiting.lines.is_empty());
        }
        self.forget_if_idle(name, now);
    }

    /// Lets one line of each spot go on if the limit is open, or notes when it will be.
    pub(super) fn wake(&mut self, name: &Name, now: Timestamp) {
        let Self {
            keys,
            lines,
            openings,
            woken,
            ..
        } = self;
        let Some(key) = keys.get_mut(name).filter(|key| !key.spots.is_empty()) else {
            return;
        };
        match key.opens(now) {
            Opens::Later => {}
            Opens::At(at) => {
                if let Some(before) = key.opening.replace(at) {
                    openings.remove(&(before, name.clone()));
                }
                openings.insert((at, name.clone()));
            }
            Opens::Now => {
                for (spot, waiting) in key.spots.iter_mut().filter(|(_, it)| !it.is_woken) {
                    let Some(number) = waiting.lines.pop_front() else {
                        continue;
                    };
                    waiting.is_woken = true;
                    if let Some(line) = lines.get_mut(number) {
                        line.because_of = Some(name.clone());
                    }
                    woken.push((*spot, number));
                }
            }
        }
    }

    /// Forgets a limit that is as good as new, or notes when to look again.
    pub(super) fn forget_if_idle(&mut self, name: &Name, now: Timestamp) {
        let Some(key) = self.keys.get_mut(name) else {
            return;
        };
        let Some(from) = key.idle_from() else {
            return;
        };
        if from > now {
            if key.look_at.is_none() {
                key.look_at = Some(from);
                self.looks.insert((from, name.clone()));
            }
            return;
        }
        if let Some(at) = key.look_at {
            self.looks.remove(&(at, name.clone()));
        }
        if let Some(at) = key.opening {
            self.openings.remove(&(at, name.clone()));
        }
        self.keys.of(name.is_rate).remove(&name.key);
    }
}
