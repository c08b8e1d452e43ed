//! A clock that is set back: what time opens and ends counts from then, so that it lasts no longer.

use aqueduct_core::Timestamp;

use super::State;

impl State {
    /// Notes the time of a step, which comes first in it.
    pub(crate) fn note_time(&mut self, now: Timestamp) {
        if now < self.latest {
            self.keys.count_from(now);
            self.limiter.count_from(now);
            self.list_woken();
        }
        self.latest = now;
    }
}
