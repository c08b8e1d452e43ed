//! Workflows: runs that follow each other, and runs side by side with something behind them.
//!
//! ```
//! use aqueduct::{App, Broker, TaskError, chain, group, task, tasks};
//!
//! #[task]
//! async fn fetch(url: String) -> Result<String, TaskError> {
//!     Ok(format!("the page of {url}"))
//! }
//!
//! #[task]
//! async fn words(#[input] page: String) -> usize {
//!     page.split(' ').count()
//! }
//!
//! #[task]
//! async fn report(#[input] counts: Vec<usize>, title: String) -> String {
//!     format!("{title}: {}", counts.iter().sum::<usize>())
//! }
//!
//! # tokio::runtime::Runtime::new()?.block_on(async {
//! let app = App::new(Broker::memory()).tasks(tasks![fetch, words, report]).start().await?;
//! let manager = app.task_manager();
//!
//! let page = chain(fetch::with("a.org".to_owned())).then(words::after());
//! assert_eq!(page.queue_and_wait(manager).await?, 4);
//!
//! let pages = ["a.org", "b.org"].map(|url| chain(fetch::with(url.to_owned())).then(words::after()));
//! let all = group(pages).then(report::after("words".to_owned()));
//! assert_eq!(all.queue_and_wait(manager).await?, "words: 8");
//! app.stop().await?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What takes what
//!
//! A task marks one of its parameters with `#[input]`. It then has a call more: `name::after(…)`, without that
//! parameter, is a **follow-up** that takes what ran before. Behind one run that is its value; behind a group
//! it is a `Vec` of the values, in the order of the members. A follow-up behind something that returns another
//! type does not compile. Any other call may follow as well, and takes nothing: `.then(notify::with(…))`.
//!
//! Nothing else changes: `name::queue(…)` and `name::with(…)` take the parameter like every other, and the
//! function stays callable as it is.
//!
//! | | |
//! |---|---|
//! | `chain(a).then(b).then(c)` | one after the other |
//! | `group([a, b, c])` | at the same time |
//! | `group([a, b, c]).then(d)` | `d` behind all of them |
//! | `group([chain(a).then(b), chain(c).then(d)]).then(e)` | chains side by side |
//! | `group([…]).then(d).then(e)` | and on from there |
//!
//! A run has one follow-up at most. If several are to follow, let a task queue them:
//!
//! ```
//! use aqueduct::{TaskContext, TaskError, group, task};
//!
//! #[task]
//! async fn crawl(ctx: TaskContext, #[input] urls: Vec<String>) -> Result<(), TaskError> {
//!     group(urls.into_iter().map(fetch::with)).then(index::after()).queue(&ctx).await?;
//!     Ok(())
//! }
//!
//! #[task]
//! async fn fetch(url: String) -> String {
//!     url
//! }
//!
//! #[task]
//! async fn index(#[input] pages: Vec<String>) -> usize {
//!     pages.len()
//! }
//! ```
//!
//! By name, where the types are not at hand: `manager.call("fetch", params! { url })` is a call, and
//! `manager.after("report", params! { title })` a follow-up. Their names and parameters are checked when they
//! are queued, and the input when it is taken. They return `()`: take the value with a handle that has the type,
//! `RunHandle::<String>::new(&manager, handle.id())`.
//!
//! # When one does not succeed
//!
//! Attempts that fail and are repeated change nothing: the final state counts. If a run fails for good, is
//! cancelled, expires or is removed, then what follows it is **cancelled** in the same step, and what follows
//! that. The reason says which run it was. The other members of a group go on. So a wait for the last run
//! ends in any case: [`WaitError::Cancelled`](crate::WaitError::Cancelled).
//!
//! `then_anyway` runs however it ended before. Its input is a `Result`, or a `Vec` of them:
//!
//! ```
//! use aqueduct::workflow::Unsuccessful;
//! use aqueduct::{TaskManager, group, manager::QueueError, task};
//!
//! #[task]
//! async fn import(file: String) -> Result<u64, std::io::Error> {
//! #   let _ = file;
//!     Ok(1)
//! }
//!
//! #[task]
//! async fn summary(#[input] imports: Vec<Result<u64, Unsuccessful>>) -> String {
//!     let failed: Vec<_> = imports.iter().filter_map(|import| import.as_ref().err()).collect();
//!     format!("{} of {} failed: {failed:?}", failed.len(), imports.len())
//! }
//!
//! async fn nightly(manager: &TaskManager, files: Vec<String>) -> Result<(), QueueError> {
//!     let imports = group(files.into_iter().map(import::with));
//!     imports.then_anyway(summary::after()).queue(manager).await?;
//!     Ok(())
//! }
//! ```
//!
//! A failed run that is queued anew ([`Admin::requeue`](crate::Admin::requeue)) goes on where its chain ended:
//! what was cancelled with it waits for it again. What follows a group stays cancelled, since the values of the
//! other members are gone; queue the group anew. What somebody has cancelled, by the handle or by its id, stays so.
//!
//! # What is stored when
//!
//! All runs of a workflow are stored in one step, when it is queued: all of them or none, if a queue is full.
//! A follow-up is `scheduled` until the runs before it have ended; the step that records the end of the last of
//! them queues it, with its input. No process has to live for that, and nothing can be lost between two steps.
//! Values travel with the follow-up, and need not be kept for it; what is waited for from outside has to keep
//! its result, as always: [`Chain::keep_result`](crate::workflow::Chain::keep_result),
//! [`Group::keep_results`](crate::workflow::Group::keep_results), or `queue_and_wait`.
//!
//! The handle knows all runs, and cancels what has not ended:
//!
//! ```
//! # use aqueduct::{TaskManager, chain, manager::QueueError, task};
//! # #[task]
//! # async fn fetch(url: String) -> String { url }
//! # #[task]
//! # async fn words(#[input] page: String) -> usize { page.len() }
//! # async fn show(manager: &TaskManager) -> Result<(), QueueError> {
//! let handle = chain(fetch::with("a.org".to_owned())).then(words::after()).queue(manager).await?;
//! println!("{:?} belong to {}", handle.runs(), handle.root());
//! handle.cancel("not needed any more").await?;
//! # Ok(())
//! # }
//! ```
//!
//! A wait ends after a year at the latest; `.at_most(…)` says when it ends before, for all members of a group
//! together. The runs go on then, and can be waited for again or cancelled by their handle:
//!
//! ```
//! # use std::time::Duration;
//! # use aqueduct::{TaskManager, WaitError, group, task};
//! # #[task]
//! # async fn size(url: String) -> usize { url.len() }
//! # async fn ask(manager: &TaskManager, urls: Vec<String>) -> Result<(), WaitError> {
//! let sizes = group(urls.into_iter().map(size::with)).queue_and_wait(manager);
//! match sizes.at_most(Duration::from_secs(30)).await {
//!     Err(WaitError::TimedOut { .. }) => println!("not all of them yet"),
//!     sizes => println!("{:?}", sizes?),
//! }
//! # Ok(())
//! # }
//! ```
//!
//! The lineage of the runs is one family: its root is the first run, or the root of the run whose task queued them.
//! [`Admin::family`](crate::Admin::family) lists its runs and their states, and
//! [`Admin::explain`](crate::Admin::explain) says of a follow-up which runs it waits for.
//!
//! A synchronous CPU task queues a workflow as it queues a run: `chain.queue(&ctx).blocking()?`.
//!
//! # In tests
//!
//! `chain.run(&manager)` runs all of it inline and returns the value of the last run, without a broker, as
//! [`TaskManager::run`](crate::TaskManager::run) does with one task; the first attempt counts. In the
//! [test kit](super::testing) a workflow runs in virtual time, and what follows is among what was queued from
//! the start (`assert_queued!`).
//!
//! # Options
//!
//! Each call has its own: `fetch::with(url).priority(…)`, `report::after(title).queue_name(…)`. The delay of a
//! follow-up counts from the end of what it waits for, and so does its total time limit. Refused are what
//! cannot be meant: a unique or idempotency key in a workflow, and `at` and `expires_in` of a follow-up.
//!
//! # Bounds
//!
//! At most 512 runs in a workflow ([`MAX_RUNS`](crate::workflow::MAX_RUNS)) and 64 in line
//! ([`MAX_STEPS`](crate::workflow::MAX_STEPS)). The values that a follow-up takes have 1 MiB together; over
//! that it is cancelled, and says so: store large things elsewhere, and return where. A broker that cannot do
//! workflows (capability `workflows`) refuses them when they are queued.
