//! The requests to wait: for work, and for the end of a run.

use std::sync::Arc;
use std::time::Duration;

use aqueduct_core::{Lane, QueueName, RunId};

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

/// A request to wait for the end of a run that keeps its result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct WaitEndedRequest {
    /// The run.
    pub run: RunId,
    /// How long to wait at most; a broker may answer after [`LONGEST_WAIT`] that it is not over yet.
    pub at_most: Duration,
}

/// The most waits for ends that a broker takes from one process.
pub const MAX_WAITS: usize = 65_536;

/// The most processes that wait for the end of one run.
pub const MAX_WAITERS_OF_A_RUN: usize = 64;

/// How long one wait for an end lasts at most; whoever waits longer asks again.
///
/// A process that dies is forgotten as one that waits after this time.
pub const LONGEST_WAIT: Duration = Duration::from_mins(5);

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

impl WaitEndedRequest {
    /// Creates a request.
    #[must_use]
    pub fn new(run: RunId, at_most: Duration) -> Self {
        Self { run, at_most }
    }
}
