//! Looking into a broker and steering it: failed runs, queues, consumers.
//!
//! [`Admin`](crate::Admin) is for people and the programs that they steer with: an endpoint of the
//! application, a command line tool, a test. It comes from the broker or from a running app, and any
//! process that opens the broker has the same view.
//!
//! ```
//! use aqueduct::admin::{AdminError, RunFilter};
//! use aqueduct::{App, Broker, TaskName, task, tasks};
//!
//! #[task]
//! async fn send(to: String) -> Result<(), std::io::Error> {
//!     # let _ = to;
//!     Ok(())
//! }
//!
//! # tokio::runtime::Runtime::new()?.block_on(async {
//! let app = App::new(Broker::memory()).tasks(tasks![send]).start().await?;
//! let admin = app.admin()?;
//!
//! let queues = admin.lengths(&[]).await?; // how many runs are where
//! let tasks = admin.tasks().await?; // how many of them ended how
//! let consumers = admin.consumers().await?; // who lives, and how much he holds
//! # let _ = (queues, tasks, consumers);
//! # app.stop().await?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Failed runs
//!
//! A run that failed for good is kept: for seven days, unless the broker is told otherwise. Lists come in pages,
//! so that a million runs need no more memory than 512; a page of large runs ends at 4 MiB:
//!
//! ```
//! use aqueduct::admin::{AdminError, RunFilter};
//! use aqueduct::{Admin, TaskName, Timestamp};
//!
//! async fn show(admin: &Admin, since: Timestamp) -> Result<(), AdminError> {
//!     let filter = RunFilter::failed().of_task(TaskName::from_static("send")).ended_since(since);
//!     let mut runs = admin.runs(filter);
//!     while let Some(page) = runs.next_page().await? {
//!         for run in page {
//!             println!("{} in {}, {} attempts", run.id, run.queue, run.tally.attempt);
//!             for failed in run.record.iter().flat_map(|record| &record.history) {
//!                 let (number, at, by) = (failed.attempt, failed.ended_at, failed.consumer);
//!                 println!("  {number}, {at}, by {by}: {}", failed.failure); // its kind and its words
//!             }
//!         }
//!     }
//!     Ok(())
//! }
//! ```
//!
//! The history of a run has its last 16 failed attempts: when each ended, by the broker's clock, which
//! consumer held the run, and why it failed, up to 512 bytes. The death of a consumer, or of a worker of the CPU
//! pool, is a failure of the kind `Crash`. A requeue keeps the history; a run that ends well and keeps no
//! result leaves none.
//!
//! When the cause is mended, they run again, with fresh budgets: one, some, or all that pass a filter.
//!
//! ```
//! use aqueduct::admin::{AdminError, RunFilter};
//! use aqueduct::{Admin, RunId};
//!
//! async fn again(admin: &Admin, run: RunId) -> Result<(), AdminError> {
//!     let queued = admin.requeue(&[run]).await?; // [false] if it cannot be
//!     # let _ = queued;
//!     let mut sweep = admin.requeue_all(RunFilter::failed())?.at_most(10_000);
//!     while let Some(count) = sweep.next_batch().await? {
//!         println!("{} so far", count.changed); // stop here, and what is done stays done
//!     }
//!     Ok(())
//! }
//! ```
//!
//! A sweep looks at each run once. After an error, ask for the next batch: it goes on where it was, and
//! nothing is done twice. [`Admin::discard`](crate::Admin::discard) and
//! [`discard_all`](crate::Admin::discard_all) remove what is not worth it, and never a run that has not
//! ended; [`cancel_all`](crate::Admin::cancel_all) ends those.
//!
//! # Why a run is not running
//!
//! ```
//! use aqueduct::admin::{AdminError, Finding};
//! use aqueduct::{Admin, RunId};
//!
//! async fn why(admin: &Admin, run: RunId) -> Result<(), AdminError> {
//!     let explanation = admin.explain(run).await?;
//!     println!("{explanation}"); // a line for each finding, with what to do about it
//!     if explanation.findings.contains(&Finding::NoConsumer) {
//!         println!("somebody stopped them all");
//!     }
//!     Ok(())
//! }
//! ```
//!
//! It is due later, tried again later, or set aside because nobody knew its task; its queue or its task is
//! paused; no consumer lives, none takes its queue and lane, none knows its task; others wait in its queue; a
//! consumer holds it, and was perhaps asked to end it; or it has ended. What consumers take they say themselves
//! when they start and now and then ([`Introduction`](crate::admin::Introduction)): the machine, the process,
//! the release (`consumer.release("2026.1")`), lanes, queues and tasks. A broker of one's own that does not keep
//! it costs only those answers.
//!
//! # Queues and tasks
//!
//! ```
//! use aqueduct::admin::AdminError;
//! use aqueduct::{Admin, QueueName, TaskName};
//!
//! async fn hold(admin: &Admin) -> Result<(), AdminError> {
//!     admin.pause(QueueName::from_static("mail")).await?; // nothing is claimed; what runs goes on
//!     admin.pause(TaskName::from_static("send")).await?; // others of its queue pass
//!     let removed = admin.purge(&QueueName::from_static("mail")).await?; // what waits there
//!     # let _ = removed;
//!     admin.resume(QueueName::from_static("mail")).await?;
//!     admin.resume(TaskName::from_static("send")).await
//! }
//! ```
//!
//! A pause is the broker's: it holds for every process, and for those that start later.
