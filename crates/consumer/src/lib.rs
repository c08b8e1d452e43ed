//! Claims queued runs and executes them.
//!
//! The life of a run here: the pump claims it into the table of what this consumer owes, and
//! starts it on a task of its own; the executor races it against its time limit and its
//! cancellation, and classifies how it ended; the pure `decide` of `aqueduct-core` makes a settlement
//! of that; the pump sends settlements in batches, fused with the next claim. Beside that the
//! heartbeat keeps the lease and watches. Pump and heartbeat are the engine, which has a thread of its
//! own, so that no task can hold them up. Runs of CPU tasks go to worker processes instead ([`cpu`]), in a
//! lane of their own.
//!
//! Depend on `aqueduct` instead, unless you wire a consumer by hand.

mod builder;
mod classify;
mod config;
mod consumer;
pub mod cpu;
mod drain;
mod engine;
mod error;
mod execute;
mod heartbeat;
mod in_flight;
mod in_place;
mod introduction;
mod metrics;
mod order;
mod outbox;
mod port;
mod pump;
mod report;
mod reports;
mod running;
mod shared;
mod tell;
mod wake;

pub use builder::TaskConsumerBuilder;
pub use config::{ConsumerConfig, MAX_CONCURRENCY, MAX_LEASE, MAX_PREFETCH, MIN_LEASE};
pub use consumer::TaskConsumer;
pub use error::{ConsumerError, ConsumerErrorKind};
pub use metrics::{ConsumerMetrics, MetricsHandle};
pub use report::StopReport;
pub use running::RunningConsumer;

#[cfg(test)]
mod tests;
