//! The request to wait for work.

use std::sync::Arc;
use std::time::Duration;

use aqueduct_core::{Lane, QueueName};

/// A request to wait until a claim may find something.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct WaitRequest {
    /// The lanes that the caller has room in.
    pub lanes: Vec<Lane>,
    /// The queues that it claims from.
    pub queues: Arc<[QueueName]>,
    /// How long to wait at most.
    pub at_most: Duration,
}

impl WaitRequest {
    /// Creates a request.
    #[must_use]
    pub fn new(lanes: Vec<Lane>, queues: Arc<[QueueName]>, at_most: Duration) -> Self {
        Self {
            lanes,
            queues,
            at_most,
        }
    }
}
