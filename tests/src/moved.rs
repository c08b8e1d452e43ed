//! A broker on a server whose clock the test moves.

use std::time::Duration;

use aqueduct::Timestamp;
use aqueduct::broker_api::{Broker as _, ReclaimRequest, Reclaimed};
use aqueduct::redis::{RedisBroker, RedisConfig};
use aqueduct_redis_server::RedisServer;

use crate::redis::server;

/// The lease of whoever is a client there.
pub const LEASE: Duration = Duration::from_secs(5);

/// A broker whose scripts go by a clock that the test moves.
#[derive(Debug)]
#[non_exhaustive]
pub struct Moved {
    /// The server.
    pub server: RedisServer,
    /// The broker.
    pub broker: RedisBroker,
    /// What its clock says.
    pub now: Timestamp,
}

impl Moved {
    /// Starts a server, with a clock that stands.
    ///
    /// # Panics
    ///
    /// Panics if it does not start.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future ends what it started.
    pub async fn new() -> Self {
        let server = server(&[]);
        let config = RedisConfig::from_url(&server.url()).expect("a URL");
        // On the heap: it is large, and the stack of a test is small.
        let broker = Box::pin(RedisBroker::open(config.with_test_clock())).await;
        let mut moved = Self {
            server,
            broker: broker.expect("the server is there"),
            now: Timestamp::from_millis(1_795_494_489_596),
        };
        moved.forward(Duration::ZERO).await;
        moved
    }

    /// Sets the clock forward.
    ///
    /// # Panics
    ///
    /// Panics if the server does not answer.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future may leave it set or not.
    pub async fn forward(&mut self, by: Duration) {
        self.set(self.now.saturating_add(by)).await;
    }

    /// Sets the clock back.
    ///
    /// # Panics
    ///
    /// Panics if the server does not answer.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future may leave it set or not.
    pub async fn back(&mut self, by: Duration) {
        self.set(self.now.saturating_sub(by)).await;
    }

    async fn set(&mut self, now: Timestamp) {
        self.now = now;
        let set = self.broker.set_clock(now).await;
        set.expect("the server is there");
    }

    /// Makes the call of a heartbeat that is for all.
    ///
    /// # Panics
    ///
    /// Panics if the server does not answer.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future may leave it done or not.
    pub async fn beat(&self) -> Reclaimed {
        let beat = ReclaimRequest::new(LEASE / 5, LEASE);
        self.broker.reclaim(&beat).await.expect("an answer")
    }

    /// Lets time pass as it does where consumers beat; returns how many runs were taken back.
    ///
    /// # Panics
    ///
    /// Panics if the server does not answer.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future leaves some of the time passed.
    pub async fn pass(&mut self, time: Duration) -> usize {
        let (mut taken, mut left) = (0, time);
        while !left.is_zero() {
            let step = left.min(LEASE / 5);
            self.forward(step).await;
            taken += self.beat().await.requeued;
            left -= step;
        }
        taken
    }
}
