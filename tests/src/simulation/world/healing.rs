//! The end: everything heals, and everything ends.

use std::time::Duration;

use aqueduct::broker_api::BrokerAdmin;
use aqueduct::run::Settlement;

use super::{CONSUMERS, PRODUCERS, World};
use crate::simulation::at_once;
use crate::simulation::network::Fate;

/// How long it may take until everything has ended after everything has healed, in rounds of a second.
const ROUNDS: u64 = 400;

impl World {
    /// Lets everything heal, and every run come to its end.
    ///
    /// # Errors
    ///
    /// Returns what is wrong: a run that does not end, or a law that was broken on the way.
    pub(in crate::simulation) fn heal(&mut self) -> Result<(), String> {
        self.step = u64::MAX / 2;
        self.begin_step();
        for scope in at_once(self.broker.paused()).expect("what is paused") {
            at_once(self.broker.set_paused(&scope, false)).expect("an answer");
        }
        for _ in 0..ROUNDS {
            self.round()?;
            let is_over = self.broker.court().view().unfinished() == 0;
            if is_over && self.producers.iter().all(|it| it.unanswered.is_none()) {
                break;
            }
        }
        self.broker.court().rest()
    }

    fn round(&mut self) -> Result<(), String> {
        for place in 0..PRODUCERS {
            if self.producers[place].unanswered.is_some() {
                self.produce(place, Vec::new(), false, Fate::Arrives);
            }
        }
        for place in 0..CONSUMERS {
            self.watch(place);
            self.beat(place, Fate::Arrives);
            self.reclaim(place, 3, Fate::Arrives);
            self.exchange(place, usize::MAX, Fate::Arrives);
            for _ in 0..8 {
                self.end(place, 0, Settlement::Succeed { result: None });
            }
            self.exchange(place, usize::MAX, Fate::Arrives);
        }
        self.clock.advance(Duration::from_secs(1));
        self.end_step()
    }
}
