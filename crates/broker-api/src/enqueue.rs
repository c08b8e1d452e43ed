//! The request to store runs.

use aqueduct_core::{ProducerId, QueuedTask};

use crate::broker::Sequence;

/// The most tasks in one enqueue.
pub const MAX_ENQUEUE_BATCH: usize = 512;

/// A request to store runs.
///
/// The producer and the sequence make it replayable; they are never reused for other tasks.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct EnqueueRequest {
    /// Who asks: fresh for each start of a process.
    pub producer: ProducerId,
    /// The number of this request among the producer's.
    pub sequence: Sequence,
    /// What to store, at most [`MAX_ENQUEUE_BATCH`].
    pub tasks: Vec<QueuedTask>,
}

impl EnqueueRequest {
    /// Creates a request.
    #[must_use]
    pub fn new(producer: ProducerId, sequence: Sequence, tasks: Vec<QueuedTask>) -> Self {
        Self {
            producer,
            sequence,
            tasks,
        }
    }
}
