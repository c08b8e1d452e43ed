//! The test kit: applications in virtual time, on one thread, with faults on demand.
//!
//! [`run`] gives a test a [`TestKit`]. Its applications are whole ones, on the in-memory broker: what is tested
//! is what runs elsewhere. Time passes when the test says so, or waits; nothing sleeps for real. Everything
//! random follows from one seed, so that a failure can be seen again. The guide is
//! [`manual::testing`](crate::manual::testing).
//!
//! ```
//! use std::time::Duration;
//! use aqueduct::testing::{self, assert_queued};
//! use aqueduct::{RunState, TaskContext, TaskError, task, tasks};
//!
//! #[task]
//! async fn order(ctx: TaskContext, number: u32) -> Result<(), TaskError> {
//!     remind::queue(&ctx, number).delay(Duration::from_secs(3 * 24 * 3600)).await?;
//!     Ok(())
//! }
//!
//! #[task]
//! async fn remind(number: u32) {}
//!
//! // #[test]
//! fn an_order_is_reminded_of_after_three_days() {
//!     testing::run(async |kit| {
//!         let app = kit.app().tasks(tasks![order, remind]).start().await.unwrap();
//!         order::queue(app.task_manager(), 7).await.unwrap();
//!         kit.drain().await;
//!         assert_queued!(kit, remind, number = 7);
//!         let reminder = kit.queued().pop().unwrap().id;
//!         kit.advance(Duration::from_secs(3 * 24 * 3600)).await;
//!         kit.drain().await;
//!         assert_eq!(kit.end_of(reminder), Some(RunState::Succeeded));
//!     });
//! }
//! # an_order_is_reminded_of_after_three_days();
//! ```

mod expect;
mod kit;
mod log;
mod run;
mod time;
mod value;

pub use aqueduct_broker_api::faulty::{Fault, Operation};
pub use aqueduct_core::testing::SEED_VARIABLE;
pub use expect::Expected;
pub use kit::{DEFAULT_PATIENCE, TestKit};
pub use run::{run, run_seeded};
pub use time::START;

#[doc(inline)]
pub use crate::{assert_not_queued, assert_queued};

pub(crate) use log::Log;
