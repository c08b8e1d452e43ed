//! Long tasks: how far they are, seen from anywhere.
//!
//! A task that takes long says how far it is, and whoever looks its run up sees the newest report, in whatever process
//! that is:
//!
//! ```
//! use aqueduct::{RunHandle, TaskContext, TaskError, task};
//!
//! #[task(timeout = "1h")]
//! async fn import(ctx: TaskContext, rows: u64) -> Result<(), TaskError> {
//!     for row in 0..rows {
//!         ctx.checkpoint()?; // ends here on a cancellation, or when the consumer stops
//!         ctx.progress_with(row, rows, "reading");
//!         // …
//!     }
//!     Ok(())
//! }
//!
//! async fn show(run: &RunHandle<()>) -> anyhow::Result<()> {
//!     if let Some(progress) = run.find().await?.and_then(|run| run.progress) {
//!         println!("{progress}, at {}", progress.at); // 17 of 90 (reading), at …
//!     }
//!     Ok(())
//! }
//! ```
//!
//! Report as often as you like: the newest report of each run goes to the broker with the next heartbeat of its consumer,
//! which comes every 1.7 seconds by default, and runs that report nothing cost nothing. So what others see
//! ([`TaskRun::progress`](crate::TaskRun), in [`Admin::runs`](crate::Admin::runs) and `Admin::explain` too) is up to a beat
//! old; observers in the process itself hear of every report ([`observing`](super::observing)). The words of a report are cut
//! at [`MAX_PROGRESS_TEXT_BYTES`](crate::event::MAX_PROGRESS_TEXT_BYTES).
//!
//! A report belongs to one attempt: the next one begins without, and after the end of the run it is gone. An attempt that has
//! lost its lease reports to nobody. CPU tasks report through their consumer.
