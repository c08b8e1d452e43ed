//! What is promised, and what a task must do for its part.
//!
//! A run is delivered **at least once**: from the moment that `queue` returns `Ok`, it is started until
//! an attempt is recorded. At most one attempt is ever recorded as successful. There is a second one only
//! after
//!
//! - a lost lease: the consumer could not reach the broker for as long as the lease lasts
//! - a crash of the consumer
//! - a retry, by the policy of the task or asked for by somebody
//! - a give-back: the consumer stopped, the task snoozed, or nobody here knows the task
//! - a loss of data in the broker
//!
//! Each attempt has the next number, after a give-back too; nothing else is counted for a give-back.
//!
//! So an effect outside may happen twice. Give it a key that is the same for each attempt, and let
//! the other side refuse the second:
//!
//! ```
//! use aqueduct::{TaskContext, TaskError, task};
//!
//! # async fn pay(key: String, cents: u64) -> Result<(), std::io::Error> { Ok(()) }
//! #[task]
//! async fn charge(ctx: TaskContext, cents: u64) -> Result<(), TaskError> {
//!     let key = ctx.id().to_string(); // the same in every attempt of this run
//!     pay(key, cents).await?;
//!     Ok(())
//! }
//! ```
//!
//! # Two attempts at a time
//!
//! An attempt may still run while the next one has begun: a task that blocks its thread cannot be
//! stopped when its lease is lost, when its time limit has passed, or when its consumer stops.
//! [`TaskContext::fencing_token`](crate::TaskContext::fencing_token) is higher in each later attempt: a
//! store that refuses lower tokens of a run than it has seen shuts out the older attempt.
//!
//! ```
//! use aqueduct::{TaskContext, TaskError, task};
//!
//! # async fn execute(_: &str, _: &[&str]) -> Result<u64, std::io::Error> { Ok(1) }
//! #[task]
//! async fn publish(ctx: TaskContext, page: String) -> Result<(), TaskError> {
//!     let token = ctx.fencing_token();
//!     let sql = "UPDATE pages SET text = $1, attempt = $2 WHERE run = $3 AND attempt <= $2";
//!     let (attempt, run) = (token.attempt.to_string(), token.run.to_string());
//!     if execute(sql, &[&page, &attempt, &run]).await? == 0 {
//!         return Err(TaskError::cancel("a later attempt was here"));
//!     }
//!     Ok(())
//! }
//! ```
//!
//! # Unique runs
//!
//! A run whose key another one holds is not added at all: [`unique`](super::unique).
