//! Turns schedules into runs: each tick once, with any number of schedulers and no leader.
//!
//! Every scheduler computes the same ticks from the same definitions and last ticks, with the pure
//! plan; the broker fires each tick by compare-and-set on the last one, in the same atomic
//! step that enqueues the run. Who comes second is told so, and goes on.
//!
//! Depend on `aqueduct` instead, unless you wire a scheduler by hand.

mod agenda;
mod broker_time;
mod builder;
mod control;
mod difference;
mod error;
mod missed;
mod plan;
mod report;
mod scheduler;
#[cfg(test)]
mod tests;

pub use builder::TaskSchedulerBuilder;
pub use control::{ScheduleControl, ScheduleStatus};
pub use difference::ScheduleDifference;
pub use error::{SchedulerError, SchedulerErrorKind};
pub use missed::{MAX_CATCH_UP, MissedTicks};
pub use report::ScheduleReport;
pub use scheduler::TaskScheduler;
