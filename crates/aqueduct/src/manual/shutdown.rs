//! Stopping without losing anything.
//!
//! [`App::run_until_ctrl_c`](crate::App::run_until_ctrl_c) stops on Ctrl-C and SIGTERM;
//! [`App::run`](crate::App::run) takes any future instead. On stop, nothing more is claimed, running
//! tasks see the cancellation, and after the grace time (25 s by default, `shutdown_grace`) what still
//! runs is dropped and given back. It starts elsewhere at once. Nothing is counted against it, but its
//! next attempt has the next number: [`TaskContext::attempt`](crate::TaskContext::attempt) grows.
//!
//! A long task looks up now and then:
//!
//! ```
//! use aqueduct::{TaskContext, TaskError, task};
//!
//! #[task(timeout = "10m")]
//! async fn import(ctx: TaskContext, rows: Vec<u64>) -> Result<(), TaskError> {
//!     for row in rows {
//!         ctx.check_cancelled()?; // ends here when the run is cancelled or the consumer stops
//!         let _ = row;
//!     }
//!     Ok(())
//! }
//! ```
//!
//! # Tasks that block their thread
//!
//! A task can be dropped only where it waits. One that computes or makes blocking calls past the grace
//! time is given back 1 s later although it still runs, and is counted as `abandoned`. Its successor may
//! run at the same time, until the process ends. Nothing that the old attempt returns is recorded, but
//! its effects outside happen: guard them with the fencing token, see [`delivery`](super::delivery).
//!
//! # What a stop takes
//!
//! At most the grace time, 1 s for tasks to let go of their threads, and one lease (5 s by default) for
//! settlements that the broker does not answer. What it has not answered by then starts again elsewhere
//! when the lease has run out.
//!
//! The [`StopSummary`](crate::StopSummary) says how many runs ended in time, and how many were given
//! back, abandoned, or left unsettled.
//!
//! A second signal ends `run_until_ctrl_c` at once. To the broker that is a crash: what the consumer held
//! starts elsewhere when its lease has run out, and one crash is counted against each of its runs. What comes
//! within a quarter of a second after the first counts as the same signal: many tools send it to a process and
//! to its group.
