//! Stopping without losing anything.
//!
//! [`App::run_until_ctrl_c`](crate::App::run_until_ctrl_c) stops on Ctrl-C and SIGTERM;
//! [`App::run`](crate::App::run) takes any future instead. On stop, nothing more is claimed, running
//! tasks see the cancellation, and after the grace time what still runs is given back: it starts
//! elsewhere at once, its attempt not spent.
//!
//! A long task looks up now and then:
//!
//! ```
//! use aqueduct::{TaskContext, TaskError, task};
//!
//! #[task(timeout = "10m")]
//! async fn import(ctx: TaskContext, rows: Vec<u64>) -> Result<(), TaskError> {
//!     for row in rows {
//!         ctx.checkpoint()?; // ends here when the run is cancelled or the consumer stops
//!         let _ = row;
//!     }
//!     Ok(())
//! }
//! ```
//!
//! The [`StopSummary`](crate::StopSummary) says what ended in time and what was given back.
