//! What is promised, and what a task must do for its part.
//!
//! A run is delivered **at least once**: from the moment that `queue` returns `Ok`, it is started until
//! an attempt is recorded. A second attempt happens after a lost lease, a crash, or a retry; at most
//! one is ever recorded as successful.
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
//! [`TaskContext::fencing_token`](crate::TaskContext::fencing_token) is higher in each later attempt:
//! a store that refuses lower tokens than it has seen shuts out an attempt that lost its lease.
//!
//! To queue nothing while an unfinished run does the same, give a unique key:
//!
//! ```
//! use aqueduct::run::UniqueKey;
//! use aqueduct::{TaskError, TaskContext, task};
//!
//! #[task]
//! async fn refresh(user: u64) {}
//!
//! #[task]
//! async fn seen(ctx: TaskContext, user: u64) -> Result<(), TaskError> {
//!     let key = UniqueKey::new(format!("refresh/{user}"))?;
//!     refresh::queue(&ctx, user).unique(key).await?;
//!     Ok(())
//! }
//! ```
