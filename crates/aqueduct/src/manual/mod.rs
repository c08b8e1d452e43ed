//! The guide, as pages that compile.
//!
//! - [`delivery`]: what is promised, and what a task must do for its part
//! - [`retries`]: errors, time limits, putting off, giving up
//! - [`cpu`]: functions that compute, in processes of their own
//! - [`schedules`]: periodic tasks, time zones, missed ticks
//! - [`shutdown`]: stopping without losing anything
//! - [`observing`]: events, spans, figures
//! - [`brokers`]: choosing one, writing one
//! - [`testing`]: calling tasks, running them inline, moving the clock

pub mod brokers;
#[cfg(feature = "consumer")]
pub mod cpu;
pub mod delivery;
pub mod observing;
pub mod retries;
pub mod schedules;
pub mod shutdown;
pub mod testing;
