//! Aqueduct: a lightweight distributed task producer and consumer.
//!
//! A task is a function with an attribute. A [`TaskConsumer`] runs what is queued, a
//! [`TaskScheduler`] fires the periodic ones, and what lies between is a [`Broker`] that anybody can
//! implement. [`App`] wires them.
//!
//! ```
//! use aqueduct::{App, Broker, TaskContext, TaskError, task, tasks};
//!
//! #[task]
//! async fn greet(ctx: TaskContext, name: String) -> Result<String, TaskError> {
//!     if name != "world" {
//!         greet::queue(&ctx, "world".to_owned()).await?; // compile-checked, keeps the lineage
//!     }
//!     Ok(format!("hello, {name}"))
//! }
//!
//! # tokio::runtime::Runtime::new()?.block_on(async {
//! let app = App::new(Broker::from_url("memory://").await?).tasks(tasks![greet]).start().await?;
//! greet::queue(app.task_manager(), "you".to_owned()).await?;
//! let report = app.stop().await?;
//! # assert!(report.consumer.is_some());
//! # Ok::<(), anyhow::Error>(())
//! # })?;
//! # Ok::<(), anyhow::Error>(())
//! ```
//!
//! The guide is in [`manual`]. Cargo features:
//!
//! | feature | default | gives |
//! |---|---|---|
//! | `macros` | yes | `#[task]`, `#[aqueduct::main]` |
//! | `memory` | yes | the in-memory broker, `memory://` |
//! | `redis` | no | the Redis broker, `redis://` |
//! | `consumer` | yes | [`TaskConsumer`] |
//! | `scheduler` | yes | [`TaskScheduler`] |
//! | `testing` | no | the test kit: virtual time, faults, assertions |

pub mod admin;
#[cfg_attr(
    not(any(feature = "consumer", feature = "scheduler")),
    expect(
        dead_code,
        unused_mut,
        reason = "a process that only queues starts no part"
    )
)]
mod app;
mod broker;
pub mod brokers;
#[cfg(feature = "consumer")]
pub mod cpu;
mod macros;
pub mod manual;
pub mod observe;
mod runtime;
#[cfg(feature = "testing")]
pub mod testing;
pub mod trace;

#[doc(hidden)]
pub mod __private;

pub use admin::Admin;
pub use app::{App, AppError, RunningApp, StopSummary};
pub use broker::Broker;
pub use macros::TaskList;

pub use aqueduct_core::manager::{
    Queue, QueueAndWait, QueueError, RunHandle, TaskCall, Wait, WaitError,
};
pub use aqueduct_core::task::TaskResult;
pub use aqueduct_core::workflow::{chain, group};
pub use aqueduct_core::{
    Lane, Payload, Priority, QueueName, QueuedTask, RetryPolicy, RunId, RunState, Schedule,
    ScheduleName, State, TaskContext, TaskDefinition, TaskError, TaskManager, TaskName,
    TaskRegistry, TaskRun, Timestamp,
};

#[cfg(feature = "consumer")]
pub use aqueduct_consumer::TaskConsumer;
#[cfg(feature = "scheduler")]
pub use aqueduct_scheduler::TaskScheduler;

#[cfg(feature = "macros")]
pub use aqueduct_macros::{cpu_task, main, task};

/// Serialization of parameters and results, re-exported for `derive`.
pub use serde;

pub use aqueduct_broker_api as broker_api;
pub use aqueduct_core::{
    cancel, checkpoint, clock, context, event, key, layer, manager, payload, registry, retry, run,
    schedule, state, workflow,
};

/// The consumer by hand: builder, configuration, metrics.
#[cfg(feature = "consumer")]
pub mod consumer {
    pub use aqueduct_consumer::{
        ConsumerConfig, ConsumerError, ConsumerErrorKind, ConsumerMetrics, MetricsHandle,
        RunningConsumer, StopReport, TaskConsumerBuilder,
    };
}

/// The scheduler by hand: builder, run-time control, policies.
#[cfg(feature = "scheduler")]
pub mod scheduler {
    pub use aqueduct_broker_api::{ScheduleDefinition, ScheduleEntry, ScheduleVersion, Upserted};
    pub use aqueduct_scheduler::{
        MissedTicks, ScheduleControl, ScheduleDifference, ScheduleReport, ScheduleStatus,
        SchedulerError, SchedulerErrorKind, TaskSchedulerBuilder,
    };
}

/// The in-memory broker by hand, and what makes a full broker of a simple one.
#[cfg(feature = "memory")]
pub mod memory {
    pub use aqueduct_broker_memory::{MemoryBroker, MemoryConfig, SimpleBrokerExt};
}

/// The Redis broker by hand: its configuration beyond a URL.
#[cfg(feature = "redis")]
pub mod redis {
    pub use aqueduct_broker_redis::{
        ConfigError, RedisBroker, RedisConfig, Retention, Secret, Tls,
    };
}
