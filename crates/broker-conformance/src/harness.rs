//! What a broker crate supplies so that the suite can exercise it.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use aqueduct_broker_api::{Broker, BrokerAdmin, BrokerHandle, ScheduleStore};
use aqueduct_core::Timestamp;
use aqueduct_core::clock::ManualClock;

/// Makes empty brokers.
pub trait Harness: fmt::Debug + Send + Sync + 'static {
    /// Creates an empty broker, isolated from every other, on a clock of its own.
    ///
    /// # Cancel safety
    ///
    /// Never dropped before it ends.
    fn fixture(&self) -> impl Future<Output = Fixture> + Send;
}

/// The object-safe form of [`Harness`].
pub(crate) trait ErasedHarness: fmt::Debug + Send + Sync {
    fn make(&self) -> Pin<Box<dyn Future<Output = Fixture> + Send + '_>>;
}

impl<H: Harness> ErasedHarness for H {
    fn make(&self) -> Pin<Box<dyn Future<Output = Fixture> + Send + '_>> {
        Box::pin(self.fixture())
    }
}

/// An empty broker and the clock that it goes by.
#[derive(Clone, Debug)]
pub struct Fixture {
    /// The broker.
    pub(crate) broker: BrokerHandle,
    /// Its clock.
    pub(crate) clock: Arc<dyn TestClock>,
}

/// A clock that cases move.
pub trait TestClock: fmt::Debug + Send + Sync + 'static {
    /// Returns the time of the broker.
    fn now(&self) -> Timestamp;

    /// Moves the time of the broker forward.
    fn advance(&self, by: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>>;
}

impl Fixture {
    /// Puts a broker with all three seams and its clock together.
    pub fn new<B>(broker: B, clock: impl TestClock) -> Self
    where
        B: Broker + BrokerAdmin + ScheduleStore,
    {
        Self {
            broker: BrokerHandle::new(broker),
            clock: Arc::new(clock),
        }
    }

    /// Puts a handle and the clock of its broker together.
    pub fn of_handle(broker: BrokerHandle, clock: impl TestClock) -> Self {
        Self {
            broker,
            clock: Arc::new(clock),
        }
    }
}

impl TestClock for ManualClock {
    fn now(&self) -> Timestamp {
        self.clock().now()
    }

    fn advance(&self, by: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Self::advance(self, by);
        Box::pin(std::future::ready(()))
    }
}
