//! The value of a run: keeping it, waiting for it, from anywhere; and cancelling.
//!
//! ```
//! use aqueduct::{App, Broker, task, tasks};
//!
//! #[task(keep_result = "1h")]
//! async fn count(text: String) -> usize {
//!     text.len()
//! }
//!
//! # tokio::runtime::Runtime::new()?.block_on(async {
//! let app = App::new(Broker::memory()).tasks(tasks![count]).start().await?;
//! let manager = app.task_manager();
//! let handle = count::queue(manager, "four".to_owned()).await?;
//! assert_eq!(handle.wait().await?, 4); // its final state, not its first attempt
//! assert_eq!(count::queue_and_wait(manager, "seven".to_owned()).await?, 5); // the shorthand
//! # let id = handle.id();
//! # assert_eq!(count::handle(manager, id).wait().await?, 4);
//! app.stop().await?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What is kept
//!
//! A finished run leaves nothing behind, unless its task (`keep_result = "1h"`) or its call
//! (`.keep_result(…)`) asks for it: then the run and its value are kept for so long, at most a year.
//! `queue_and_wait` asks for five minutes if nobody else does. A broker keeps a bounded number of ended
//! runs (100,000 unless it is told otherwise); beyond it, those whose time would be over first go. Runs
//! that failed, were cancelled or expired are kept in any case, for a time that the broker sets.
//!
//! Only a run that keeps its result can be waited for, and only such runs pay for it. A handle knows that
//! its run was queued without, and says so at once ([`WaitError::NotKept`](crate::WaitError::NotKept));
//! otherwise the broker says that it has nothing of the run
//! ([`WaitError::Unknown`](crate::WaitError::Unknown)).
//!
//! # From another process
//!
//! A handle is made of the id of a run, by the task that knows the type of the value:
//!
//! ```
//! use aqueduct::{RunId, TaskManager, WaitError, task};
//!
//! #[task(keep_result = "1h")]
//! async fn render(page: u64) -> String {
//!     format!("page {page}")
//! }
//!
//! async fn page_of(manager: &TaskManager, run: RunId) -> Result<String, WaitError> {
//!     render::handle(manager, run).wait().await
//! }
//! ```
//!
//! The process needs no consumer, see [a process that only queues](super::queueing). With a call by name,
//! `RunHandle::<String>::new(&manager, id)` says the type; an id is text, too: `run.to_string()` and
//! `text.parse()`.
//!
//! # When there is no value
//!
//! ```
//! use std::time::Duration;
//!
//! use aqueduct::{RunHandle, WaitError};
//!
//! async fn show(handle: RunHandle<u64>) {
//!     match handle.wait().at_most(Duration::from_secs(30)).await {
//!         Ok(value) => println!("{value}"),
//!         Err(WaitError::Failed { failure, attempts }) => {
//!             println!("failed after {attempts} attempts: {failure}");
//!         }
//!         Err(WaitError::Cancelled { reason }) => println!("cancelled: {reason}"),
//!         Err(WaitError::TimedOut { .. }) => println!("it goes on"), // waited for, not given up
//!         Err(error) => println!("{error}"),                         // expired, unknown, …
//!     }
//! }
//! ```
//!
//! A wait does not ask again and again: the broker tells of the end. While it does not answer, the wait
//! goes on, and looks again when it does. Without `at_most` a wait lasts a year: for a run that nobody
//! takes, too. Dropping a wait changes nothing.
//!
//! A value comes to whoever waits for it when its run ends, even if the broker keeps no more than it has;
//! in Redis this is so for runs up to 4 KiB, parameters included. A later wait finds what is kept.
//!
//! # Waiting within a task
//!
//! A task that waits for another keeps its place of the consumer meanwhile, and a CPU task its worker. If
//! all places are taken by tasks that wait for runs without a place, none of them ever ends, except by its
//! time limit. So:
//!
//! - give what is waited for to other places: another queue with a consumer of its own, or the other
//!   lane;
//! - or run it inline: [`TaskManager::run`](crate::TaskManager::run) takes no place;
//! - or end, and let what is queued last queue what follows.
//!
//! ```
//! use std::time::Duration;
//!
//! use aqueduct::{TaskContext, WaitError, cpu_task, task};
//!
//! #[cpu_task(keep_result = "10m")]
//! fn digest(text: String) -> usize {
//!     text.len()
//! }
//!
//! // IO tasks wait for workers, never the other way round.
//! #[task(timeout = "10m")]
//! async fn publish(ctx: TaskContext, text: String) -> Result<(), WaitError> {
//!     let _digest = digest::queue_and_wait(&ctx, text).at_most(Duration::from_secs(60)).await?;
//!     Ok(())
//! }
//! ```
//!
//! A consumer that stops waits for such a task as for any other, and gives it back after the grace time. A
//! retry of the waiting task queues its children again. CPU tasks wait as well, `.await` or, in a
//! synchronous body, `.blocking()`.
//!
//! # Cancelling
//!
//! ```
//! use aqueduct::manager::QueueError;
//! use aqueduct::run::CancelAnswer;
//! use aqueduct::{RunHandle, TaskContext, TaskError, task};
//!
//! #[task(timeout = "1h")]
//! async fn crawl(ctx: TaskContext, site: String) -> Result<(), TaskError> {
//!     tokio::select! {
//!         _why = ctx.cancelled() => ctx.check_cancelled(), // tidy up, and say that it is not done
//!         () = visit(&site) => Ok(()),
//!     }
//! }
//! # async fn visit(_: &str) {}
//!
//! async fn stop(run: &RunHandle<()>) -> Result<(), QueueError> {
//!     match run.cancel("no longer needed").await? {
//!         CancelAnswer::Cancelled => println!("it waited: it has ended, and never starts"),
//!         CancelAnswer::Requested => println!("it runs: its task will be told"),
//!         CancelAnswer::AlreadyEnded(state) => println!("too late: {state}"),
//!         _ => println!("the broker does not know it"),
//!     }
//!     Ok(())
//! }
//! ```
//!
//! **A task that returns `Ok` is done**, also after `ctx.cancelled()`, which fires when its consumer stops as well. The error of
//! `ctx.check_cancelled()` says what the cancellation asks for: the run is cancelled, or given back and starts again elsewhere.
//!
//! `manager.cancel(id, "…")` does the same, from any process.
//!
//! A run that waits is cancelled at once. A task that runs is told by the next claim of its consumer or
//! by its next heartbeat, whichever is first: at most 2 s later at the defaults. From then on it has 5 s
//! (`cancel_grace`) before it is dropped; a CPU task has its ladder, see [`cpu`](super::cpu). What it
//! returns as an error meanwhile is recorded as cancelled; if it returns `Ok`, it has succeeded. The request
//! outlives the attempt: a run that was about to be retried or given back is cancelled instead.
//!
//! A task ends its own run with `Err(TaskError::cancel("…"))`: see [`retries`](super::retries). Whoever
//! waits for a cancelled run is told the reason.
