//! Errors, time limits, putting off, giving up.
//!
//! Any error works with `?`; it fails the attempt, and the policy of the task decides what follows.
//! The default is three retries with exponential waits. A panic and a passed time limit are failures
//! too.
//!
//! ```
//! use std::time::Duration;
//!
//! use aqueduct::{TaskContext, TaskError, task};
//!
//! #[task(timeout = "30s", retry(max = 5, backoff = "2s", max_wait = "5m"))]
//! async fn fetch(ctx: TaskContext, url: String) -> Result<(), TaskError> {
//!     if url.is_empty() {
//!         return Err(TaskError::fatal(std::io::Error::other("no url"))); // no retry can help
//!     }
//!     if ctx.attempt() == 1 {
//!         return Err(TaskError::snooze(Duration::from_secs(10))); // later; nothing is counted
//!     }
//!     let port: u16 = "80".parse()?; // an error here is retried
//!     let _ = port;
//!     Err(TaskError::cancel("nobody wants it any more")) // ends the run for good
//! }
//!
//! #[task(retry = none)]
//! async fn once() {}
//! ```
//!
//! Crashes have a budget of their own (default 3), see
//! [`ConsumerConfig`](crate::consumer::ConsumerConfig). A run whose task is unknown to a consumer, or
//! whose parameters do not fit, is parked and tried again later: a rolling deploy loses nothing.
