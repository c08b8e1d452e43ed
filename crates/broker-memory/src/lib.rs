//! The in-memory broker: the contract as a pure state machine, behind a lock.
//!
//! It is the reference implementation of `aqueduct-broker-api`, the broker of tests and of programs
//! that need no second process. Nothing survives the process. Depend on `aqueduct` instead, unless
//! you write a broker of your own and want to put the state machine in front of it.

mod admin;
mod broker;
mod schedules;
mod simple;
mod state;

pub use simple::SimpleBrokerExt;
pub use state::MemoryConfig;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aqueduct_core::Clock;
use tokio::sync::Notify;

use state::State;

/// A broker in the memory of this process; clones are the same broker.
///
/// ```
/// use aqueduct_broker_api::BrokerExt;
/// use aqueduct_broker_memory::MemoryBroker;
/// use aqueduct_core::{Payload, QueuedTask, RunId, TaskName, Timestamp};
///
/// # async fn queue() -> Result<(), aqueduct_broker_api::BrokerError> {
/// let broker = MemoryBroker::new();
/// let id = RunId::generate(Timestamp::MIN);
/// broker.queue_task(QueuedTask::new(id, TaskName::from_static("hello"), Payload::empty())).await?;
/// assert_eq!(broker.queue_length().await?.values().sum::<u64>(), 1);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct MemoryBroker(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    clock: Clock,
    /// Told whenever runs may have become ready, or due at another time.
    ready: Notify,
    /// Told whenever the definition of a schedule has changed.
    schedules: Notify,
}

impl MemoryBroker {
    /// Creates an empty broker with default bounds, on the clock of the system.
    #[must_use]
    pub fn new() -> Self {
        Self::with_config(MemoryConfig::default(), Clock::system())
    }

    /// Creates an empty broker with default bounds, on another clock.
    #[must_use]
    pub fn with_clock(clock: Clock) -> Self {
        Self::with_config(MemoryConfig::default(), clock)
    }

    /// Creates an empty broker.
    #[must_use]
    pub fn with_config(config: MemoryConfig, clock: Clock) -> Self {
        Self(Arc::new(Shared {
            state: Mutex::new(State::new(config)),
            clock,
            ready: Notify::new(),
            schedules: Notify::new(),
        }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A panic under the lock would be a defect; the state is still whole after each step.
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for MemoryBroker {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for MemoryBroker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("MemoryBroker").field(&*self.state()).finish()
    }
}
