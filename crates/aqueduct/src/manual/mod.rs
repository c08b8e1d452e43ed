//! The guide, as pages that compile.
//!
//! - [`queueing`]: typed, by name, many; delays, priorities, queues
//! - [`unique`]: one run for a key, debounced and throttled calls, idempotency keys
//! - [`waiting`]: the value of a run, from any process; cancelling
//! - [`workflows`]: runs that follow each other, groups and what is behind them
//! - [`delivery`]: what is promised, and what a task must do for its part
//! - [`retries`]: errors, time limits, putting off, giving up
//! - [`limits`]: how many run at once, how many start in a time, whose turn it is, over all consumers
//! - [`cpu`]: functions that compute, in processes of their own
//! - [`progress`]: long tasks: how far they are, and going on where an attempt ended
//! - [`schedules`]: periodic tasks, time zones, missed and overlapping ticks, steering at run time
//! - [`shutdown`]: stopping without losing anything
//! - [`observing`]: events, spans, figures
//! - [`steering`]: failed runs, pausing, purging: looking into a broker
//! - [`layers`]: code around each attempt and before each enqueue; traces
//! - [`parts`]: the manager, the consumer and the scheduler by hand, without `App`
//! - [`brokers`]: choosing one, writing one
//! - [`testing`]: calling tasks, running them inline, the test kit

pub mod brokers;
#[cfg(feature = "consumer")]
pub mod cpu;
pub mod delivery;
pub mod layers;
pub mod limits;
pub mod observing;
pub mod parts;
pub mod progress;
pub mod queueing;
pub mod retries;
pub mod schedules;
pub mod shutdown;
pub mod steering;
pub mod testing;
pub mod unique;
pub mod waiting;
pub mod workflows;
