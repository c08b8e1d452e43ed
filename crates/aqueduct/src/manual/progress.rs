//! Long tasks: how far they are, seen from anywhere, and going on where an attempt ended.
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
//!         ctx.check_cancelled()?; // ends here on a cancellation, or when the consumer stops
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
//!
//! # Going on where an attempt ended
//!
//! A run that takes an hour should not begin anew because its consumer was deployed in the 59th minute. It keeps a value now
//! and then, a *checkpoint*, and its next attempt begins there, wherever that runs:
//!
//! ```
//! use aqueduct::{TaskContext, TaskError, task};
//! use aqueduct::serde::{Deserialize, Serialize};
//!
//! #[derive(Default, Serialize, Deserialize)]
//! #[serde(crate = "aqueduct::serde")]
//! struct Done {
//!     rows: u64,
//!     sum: f64,
//! }
//!
//! #[task(timeout = "1h", retry(max = 3))]
//! async fn sum_up(ctx: TaskContext, rows: u64) -> Result<f64, TaskError> {
//!     let mut done: Done = ctx.last_checkpoint()?.unwrap_or_default();
//!     while done.rows < rows {
//!         done.sum += 1.0; // …
//!         done.rows += 1;
//!         if done.rows % 10_000 == 0 {
//!             ctx.checkpoint(&done).await?; // once this is `Ok`, no attempt begins before here
//!             ctx.check_cancelled()?; // a good place to be given back
//!         }
//!     }
//!     Ok(done.sum)
//! }
//! ```
//!
//! - It outlives failures, crashes, stops and deploys, and goes in the step that ends the run. A run that is requeued after
//!   its end begins anew.
//! - The broker answers: `Ok` means kept. A broker that does not answer is asked again for as long as a lease lasts; then the
//!   error says that it is unknown. An attempt whose lease is lost keeps nothing
//!   ([`CheckpointErrorKind::LeaseLost`](crate::checkpoint::CheckpointErrorKind::LeaseLost)).
//! - What was done since the last one is done again after a crash: that must be harmless, as with every attempt
//!   ([`delivery`](super::delivery)).
//! - A value takes at most 64 KiB ([`MAX_CHECKPOINT_BYTES`](crate::run::MAX_CHECKPOINT_BYTES)); keep more elsewhere, and a
//!   reference here. Each is a request to the broker, which writes the run anew: every second is often enough.
//! - A deploy that changes the type should read what the release before has kept: give new fields `#[serde(default)]`. What does
//!   not fit is an error of [`last_checkpoint`](crate::TaskContext::last_checkpoint), and the task decides; with
//!   `.unwrap_or_default()` on it, it would begin anew.
//! - In a synchronous CPU task write `ctx.checkpoint(&done).blocking()?`. A task that is run inline keeps it as long as it runs.
//! - Whoever looks a run up sees when it was kept, and by which attempt: `TaskRun::checkpoint`.
