//! What a task is: tasks, runs, states, retry policies, schedules, payloads and the task context.
//!
//! Depend on this crate to write a library of tasks without the umbrella crate; applications depend
//! on `aqueduct`, brokers on `aqueduct-broker-api`. It does no I/O and starts no runtime.
//!
//! | to find | open |
//! |---|---|
//! | the states of a run and their one transition table | [`run::RunState`] |
//! | what happens after an attempt ended | [`run::decide`] |
//! | when a periodic task fires | [`schedule::Schedule`] |
//! | what a task receives | [`TaskContext`] |
//! | how a task is queued | [`TaskManager`] |
//! | what runs follow each other | [`workflow`] |
//! | what wraps attempts and enqueues | [`layer`] |

pub mod attempt;
pub mod cancel;
pub mod checkpoint;
pub mod clock;
pub mod context;
pub mod event;
pub mod id;
pub mod key;
pub mod lane;
pub mod layer;
pub mod manager;
pub mod name;
pub mod payload;
pub mod priority;
pub mod queue;
pub mod registry;
pub mod retry;
pub mod run;
pub mod schedule;
pub mod state;
pub mod task;
#[cfg(feature = "test-util")]
pub mod testing;
pub mod time;
pub mod trace;
pub mod workflow;

#[doc(hidden)]
pub mod __private;

pub use cancel::{CancelReason, Cancellation};
pub use clock::Clock;
pub use context::TaskContext;
pub use id::{ConsumerId, ProducerId, RunId};
pub use lane::Lane;
pub use manager::TaskManager;
pub use name::{QueueName, ScheduleName, TaskName};
pub use payload::Payload;
pub use priority::Priority;
pub use queue::{Due, QueuedTask};
pub use registry::TaskRegistry;
pub use retry::RetryPolicy;
pub use run::{Failure, RunState, TaskRun};
pub use schedule::Schedule;
pub use state::State;
pub use task::{Task, TaskDefinition, TaskError};
pub use time::Timestamp;
