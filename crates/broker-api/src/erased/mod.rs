//! A broker behind an `Arc`, whatever its type.

mod admin;
mod broker;
mod schedules;

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use aqueduct_core::QueueName;

use crate::admin::BrokerAdmin;
use crate::broker::Broker;
use crate::capabilities::Capabilities;
use crate::checkpoint::{CheckpointRequest, Checkpointed};
use crate::claim::{ClaimRequest, Claimed};
use crate::enqueue::EnqueueRequest;
use crate::error::{BrokerError, BrokerErrorKind};
use crate::extend::{ExtendRequest, Extended};
use crate::lengths::QueueLengths;
use crate::reclaim::{ReclaimRequest, Reclaimed};
use crate::schedules::ScheduleStore;
use crate::settle::{SettleRequest, Settled};
use crate::wait::{WaitEndedRequest, WaitRequest};
use crate::{Enqueued, WaitAnswer};

use admin::ErasedAdmin;
use broker::ErasedBroker;
use schedules::ErasedSchedules;

pub use admin::AdminHandle;
pub use schedules::ScheduleHandle;

/// The future of one call to a broker behind a handle.
pub type BrokerFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, BrokerError>> + Send + 'a>>;

/// A broker behind an `Arc`, whatever its type; cheap to clone.
#[derive(Clone)]
pub struct BrokerHandle {
    broker: Arc<dyn ErasedBroker>,
    admin: Option<AdminHandle>,
    schedules: Option<ScheduleHandle>,
}

impl BrokerHandle {
    /// Wraps a broker with all three seams.
    #[must_use]
    pub fn new<B: Broker + BrokerAdmin + ScheduleStore>(broker: B) -> Self {
        let broker = Arc::new(broker);
        let admin: Arc<dyn ErasedAdmin> = Arc::<B>::clone(&broker);
        let schedules: Arc<dyn ErasedSchedules> = Arc::<B>::clone(&broker);
        Self {
            broker,
            admin: Some(AdminHandle(admin)),
            schedules: Some(ScheduleHandle(schedules)),
        }
    }

    /// Wraps a broker that implements the contract only.
    #[must_use]
    pub fn bare<B: Broker>(broker: B) -> Self {
        Self {
            broker: Arc::new(broker),
            admin: None,
            schedules: None,
        }
    }

    /// Wraps a broker that implements the contract and stores schedules.
    #[must_use]
    pub fn with_schedules<B: Broker + ScheduleStore>(broker: B) -> Self {
        let broker = Arc::new(broker);
        let schedules: Arc<dyn ErasedSchedules> = Arc::<B>::clone(&broker);
        Self {
            broker,
            admin: None,
            schedules: Some(ScheduleHandle(schedules)),
        }
    }

    /// Returns the administrative seam.
    ///
    /// # Errors
    ///
    /// Returns an error if this broker does not have it.
    pub fn admin(&self) -> Result<&AdminHandle, BrokerError> {
        self.admin
            .as_ref()
            .ok_or_else(|| lacks("administer", "BrokerAdmin"))
    }

    /// Returns the schedule seam.
    ///
    /// # Errors
    ///
    /// Returns an error if this broker does not have it.
    pub fn schedules(&self) -> Result<&ScheduleHandle, BrokerError> {
        self.schedules
            .as_ref()
            .ok_or_else(|| lacks("store schedules", "ScheduleStore"))
    }
}

impl Broker for BrokerHandle {
    fn capabilities(&self) -> Capabilities {
        self.broker.capabilities()
    }

    async fn enqueue(&self, request: &EnqueueRequest) -> Result<Vec<Enqueued>, BrokerError> {
        self.broker.enqueue(request).await
    }

    async fn claim(&self, request: &ClaimRequest) -> Result<Claimed, BrokerError> {
        self.broker.claim(request).await
    }

    async fn settle(&self, request: &SettleRequest) -> Result<Vec<Settled>, BrokerError> {
        self.broker.settle(request).await
    }

    async fn extend(&self, request: &ExtendRequest) -> Result<Extended, BrokerError> {
        self.broker.extend(request).await
    }

    async fn checkpoint(&self, request: &CheckpointRequest) -> Result<Checkpointed, BrokerError> {
        self.broker.checkpoint(request).await
    }

    async fn reclaim(&self, request: &ReclaimRequest) -> Result<Reclaimed, BrokerError> {
        self.broker.reclaim(request).await
    }

    async fn wait_ready(&self, request: &WaitRequest) -> Result<(), BrokerError> {
        self.broker.wait_ready(request).await
    }

    async fn wait_ended(&self, request: &WaitEndedRequest) -> Result<WaitAnswer, BrokerError> {
        self.broker.wait_ended(request).await
    }

    async fn queue_lengths(&self, queues: &[QueueName]) -> Result<Vec<QueueLengths>, BrokerError> {
        self.broker.queue_lengths(queues).await
    }
}

impl fmt::Debug for BrokerHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("BrokerHandle").field(&self.broker).finish()
    }
}

fn lacks(operation: &'static str, seam: &str) -> BrokerError {
    let message = format!("this broker does not implement `{seam}`");
    BrokerError::new(BrokerErrorKind::NotSupported, operation, message)
}
