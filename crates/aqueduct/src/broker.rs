//! The broker of an application: opened from a URL, in memory, or one's own.

use std::fmt;

use aqueduct_broker_api::{BrokerAdmin, BrokerHandle, Capabilities, ScheduleStore};

use crate::admin::{Admin, AdminError};
use crate::brokers::{BrokerRegistry, BrokerUrlError};

/// A broker, whatever its kind; cheap to clone.
///
/// ```
/// # async fn open() -> Result<(), aqueduct::brokers::BrokerUrlError> {
/// let broker = aqueduct::Broker::from_url("memory://").await?;
/// assert!(!broker.capabilities().durable);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Broker(BrokerHandle);

impl Broker {
    /// Opens the broker that a URL names, among those compiled in.
    ///
    /// | URL | broker | cargo feature |
    /// |---|---|---|
    /// | `memory://` | in the memory of this process | `memory` (default) |
    /// | `redis://[user[:password]@]host[:port][/database]` | a Redis server; `rediss` for TLS | `redis` |
    /// | `redis+unix:///path/of/socket` | a Redis server, by a Unix socket | `redis` |
    /// | `redis-sentinel://host[:port],…/service` | the primary that sentinels know; `rediss-sentinel` | `redis` |
    /// | `redis-cluster://host[:port],…` | a Redis cluster; `rediss-cluster` | `redis` |
    ///
    /// Options stand behind a `?`, as in `memory://?max_queue_length=10000&max_queue_length.mail=500`: the most unfinished
    /// runs of each queue, and of the queue `mail`. Redis has more, see
    /// [`RedisConfig`](https://docs.rs/aqueduct-broker-redis).
    ///
    /// # Errors
    ///
    /// Returns an error if the URL is malformed, its scheme is unknown (the message names the cargo
    /// feature to enable), or the broker cannot be reached. No message contains a password.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future closes what it opened.
    pub async fn from_url(url: &str) -> Result<Self, BrokerUrlError> {
        BrokerRegistry::compiled_in().open(url).await
    }

    /// Opens a new in-memory broker.
    #[cfg(feature = "memory")]
    #[must_use]
    pub fn memory() -> Self {
        Self::new(aqueduct_broker_memory::MemoryBroker::new())
    }

    /// Wraps a broker that implements all three seams.
    #[must_use]
    pub fn new<B>(broker: B) -> Self
    where
        B: aqueduct_broker_api::Broker + BrokerAdmin + ScheduleStore,
    {
        Self(BrokerHandle::new(broker))
    }

    /// Returns what the broker can do.
    #[must_use]
    pub fn capabilities(&self) -> Capabilities {
        aqueduct_broker_api::Broker::capabilities(&self.0)
    }

    /// Returns a handle to look into the broker and to steer it.
    ///
    /// # Errors
    ///
    /// Returns an error if the broker has no administrative seam.
    pub fn admin(&self) -> Result<Admin, AdminError> {
        Admin::new(&self.0)
    }

    /// Returns a handle to steer schedules with, in a process with or without a scheduler.
    ///
    /// # Errors
    ///
    /// Returns an error if the broker cannot store schedules.
    #[cfg(feature = "scheduler")]
    pub fn schedules(
        &self,
    ) -> Result<aqueduct_scheduler::ScheduleControl, aqueduct_scheduler::SchedulerError> {
        aqueduct_scheduler::ScheduleControl::new(&self.0)
    }

    /// Returns the handle that consumers, schedulers and producers hold.
    #[must_use]
    pub fn handle(&self) -> &BrokerHandle {
        &self.0
    }
}

impl From<BrokerHandle> for Broker {
    fn from(handle: BrokerHandle) -> Self {
        Self(handle)
    }
}

impl fmt::Debug for Broker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Broker").field(&self.0).finish()
    }
}
