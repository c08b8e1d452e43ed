//! Errors, time limits, putting off, giving up.
//!
//! Any error works with `?`; it fails the attempt, and the policy of the task decides what follows.
//! The default is three retries with exponential waits, the first of up to a second. They grow up to `max_wait`: ten
//! minutes, or the first wait if that is longer. A panic and a passed time limit are failures
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
//!         return Err(TaskError::snooze(Duration::from_secs(10))); // later; no failure is counted
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
//! # What is counted
//!
//! | what happened | attempt number | counts as |
//! |---|---|---|
//! | an error, a panic, a passed time limit | next | a failure, against `retry(max = …)` |
//! | the consumer died | next | a crash, against the crash budget |
//! | the consumer stopped: given back | next | nothing |
//! | `TaskError::snooze` | next | nothing |
//! | the lease was lost | next | nothing |
//! | unknown task, parameters that do not fit: parked | next | a park; after 200 in a row the run fails |
//!
//! So [`TaskContext::attempt`](crate::TaskContext::attempt) is not the number of failures; that is
//! `ctx.run().tally.failures`.
//!
//! # Time limits
//!
//! The limit (`timeout`, one minute by default) begins with the attempt. When it has passed, the task is
//! dropped at the point where it waits, and the attempt has failed.
//!
//! A task that does not wait cannot be dropped. If it returns `Ok` after its limit, before anybody could
//! stop it, it has succeeded. If it blocks its thread for longer, the run is given up 1 s after the
//! limit, at the next heartbeat (at most 2 s later at the defaults): the attempt has failed, and a retry
//! may begin while the old attempt still runs. What the old one returns is not recorded. It takes a
//! place of its consumer until it returns, which `metrics().stuck` shows. Put blocking work into
//! `tokio::task::spawn_blocking`, and guard effects outside: see [`delivery`](super::delivery).
//!
//! # A limit for the run as a whole
//!
//! `total_timeout` limits all attempts of a run together, and the waits between them, from the time that
//! the run is due:
//!
//! ```
//! use std::time::Duration;
//!
//! use aqueduct::manager::QueueError;
//! use aqueduct::{TaskManager, task};
//!
//! #[task(timeout = "30s", retry(max = 20), total_timeout = "10m")]
//! async fn sync(account: u64) {}
//!
//! async fn soon(manager: &TaskManager) -> Result<(), QueueError> {
//!     sync::queue(manager, 7).total_timeout(Duration::from_secs(60)).await?; // for this run
//!     Ok(())
//! }
//! ```
//!
//! An attempt that still runs then has failed, as with its own limit. A retry that would begin later does not,
//! and the run has failed with the error of its last attempt. A run that waits then fails when its turn
//! comes, without another attempt. A run that an operator queues anew has no total limit any more.
//!
//! It is not [`expires_in`](super::queueing), which ends a run that nobody has *started* in time. Options that
//! contradict each other are refused. By the compiler: a `timeout` or a first wait over the total limit, a first wait over
//! `max_wait`. With the kind [`Contradiction`](crate::manager::QueueErrorKind::Contradiction): an expiry before the run
//! is due, or after its total limit; `delay` together with `at`. A call may have a total limit below the `timeout` of its
//! task: its attempts end earlier.
//!
//! # Crashes and deploys
//!
//! Crashes have a budget of their own (default 3), see
//! [`ConsumerConfig`](crate::consumer::ConsumerConfig). A run whose task is unknown to a consumer, or
//! whose parameters do not fit, is parked and tried again later: a rolling deploy loses nothing.
