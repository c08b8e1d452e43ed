//! Calling tasks, running them inline, moving the clock.
//!
//! A task is still a function: call it. Or run it inline, with its parameters encoded and decoded,
//! its state looked up, and no broker in the way:
//!
//! ```
//! use aqueduct::{App, Broker, task, tasks};
//!
//! #[task]
//! async fn double(number: u32) -> u32 {
//!     number * 2
//! }
//!
//! # tokio::runtime::Runtime::new().unwrap().block_on(async {
//! assert_eq!(double(4).await, 8);
//! let manager = App::new(Broker::memory()).tasks(tasks![double]).into_task_manager().unwrap();
//! assert_eq!(manager.run(double::with(4)).await.unwrap(), 8);
//! # });
//! ```
//!
//! A clock that a test moves is `aqueduct_core::clock::ManualClock`, with the feature `test-util` of
//! `aqueduct-core`; give it to [`App::clock`](crate::App::clock) and to
//! [`MemoryBroker::with_clock`](crate::memory::MemoryBroker::with_clock).
//!
//! Due times, leases and schedules go by that clock. The consumer claims and beats on a thread of its
//! own, with timers of its own: pausing the time of tokio in a test pauses the tasks, not the consumer.
