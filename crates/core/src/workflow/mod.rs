//! Workflows: runs that are queued together, and follow each other.
//!
//! [`chain`] begins with one call, [`group`] is several at the same time; [`then`](Chain::then) says what
//! follows. The broker stores all runs at once, and releases a follow-up in the step that ends the last run
//! that it waits for.

mod chain;
mod group;
mod handle;
mod inline;
mod plan;
mod queue;
mod queue_and_wait;
mod wait_all;

pub use chain::{Chain, chain};
pub use group::{Group, group};
pub use handle::{ChainHandle, GroupHandle};
pub use queue::QueueWorkflow;
pub use queue_and_wait::QueueAndWaitWorkflow;
pub use wait_all::WaitAll;

pub use crate::manager::{FollowUp, NextStep};
pub use crate::run::Unsuccessful;

/// The most runs of one workflow: they are stored in one step.
pub const MAX_RUNS: usize = crate::manager::MAX_ENQUEUE_BATCH;

/// The most runs of a workflow that wait for each other, one after the other.
pub const MAX_STEPS: usize = 64;
