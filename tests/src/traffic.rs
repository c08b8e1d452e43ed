//! Random traffic of some consumers, from one seed.

use std::time::Duration;

use aqueduct::broker_api::{Lease, Settlement};
use aqueduct::redis::RedisBroker;
use fastrand::Rng;

use crate::contract::{Client, fail, failure, reclaim, succeed};
use crate::oracle::unfinished;

/// A lease that no test outlasts.
const LEASE: Duration = Duration::from_mins(2);

/// How many consumers there are.
const CONSUMERS: usize = 4;

/// Some consumers that claim, settle, beat, and lose sight of what they hold.
#[derive(Debug)]
#[non_exhaustive]
pub struct Traffic {
    /// What everything is drawn from.
    pub random: Rng,
    broker: RedisBroker,
    consumers: Vec<(Client, Vec<Lease>)>,
}

impl Traffic {
    /// Makes the traffic of a seed.
    #[must_use]
    pub fn new(broker: &RedisBroker, seed: u64) -> Self {
        let new = |_| (Client::new(broker, LEASE), Vec::new());
        Self {
            random: Rng::with_seed(seed),
            broker: broker.clone(),
            consumers: (0..CONSUMERS).map(new).collect(),
        }
    }

    /// Lets a consumer do something.
    ///
    /// # Panics
    ///
    /// Panics if the broker does not answer.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future may leave it done or not.
    pub async fn consume(&mut self) {
        let random = &mut self.random;
        let (client, held) = &mut self.consumers[random.usize(..CONSUMERS)];
        match random.usize(..8) {
            0..3 => held.extend(client.claim(random.usize(1..6)).await),
            3..5 => {
                if let Some(lease) = (!held.is_empty()).then(|| held.swap_remove(0)) {
                    let settlement = some_settlement(random);
                    client.settle(lease.token(), settlement).await;
                }
            }
            5 => {
                client.extend(held.iter().map(Lease::token).collect()).await;
            }
            _ => {
                // It loses sight of what it holds, and lets go of it.
                held.clear();
                client.extend(Vec::new()).await;
            }
        }
    }

    /// Lets every run come to its end.
    ///
    /// # Panics
    ///
    /// Panics if the broker does not answer.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future may leave some unended.
    pub async fn finish(self) {
        for (client, _) in self.consumers {
            client.extend(Vec::new()).await;
        }
        let (mut last, mut held) = (Client::new(&self.broker, LEASE), Vec::new());
        while unfinished(&self.broker).await > 0 {
            held = last.exchange(held, 64).await;
            reclaim(&self.broker).await;
        }
        // Takes what is left of runs that have ended elsewhere out of the lists.
        last.claim(64).await;
    }
}

fn some_settlement(random: &mut Rng) -> Settlement {
    let wait = Duration::from_millis(random.u64(..20));
    match random.usize(..6) {
        0 => fail(),
        1 => Settlement::Retry {
            wait,
            failure: failure(),
        },
        2 => Settlement::Snooze { wait },
        3 => Settlement::Release,
        _ => succeed(),
    }
}
