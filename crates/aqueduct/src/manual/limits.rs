//! Limits that runs share: how many run at once, how many start in a time; and turns between keys.
//!
//! The places of a consumer say how many runs *it* takes. A limit holds over all consumers, in all processes:
//!
//! ```
//! use aqueduct::{TaskError, task};
//!
//! #[task(max_concurrency = 5)] // five at once, wherever they run
//! async fn report(month: u32) -> Result<(), TaskError> {
//!     # let _ = month;
//!     Ok(())
//! }
//!
//! #[task(
//!     max_concurrency(3, key = "tenant:{tenant}"), // three at once of each tenant
//!     rate_limit(100, per = "1m", key = "api:{region}"), // a hundred starts a minute in each region
//! )]
//! async fn sync(tenant: u64, region: String) -> Result<(), TaskError> {
//!     # let _ = (tenant, region);
//!     Ok(())
//! }
//! ```
//!
//! A limit without `key` is of the task: its key is the task's name. With `key` each key has its own places, and all
//! runs share them that name it, whatever their task: two tasks with `key = "tenant:{tenant}"` have three places a
//! tenant together. `{tenant}` is a parameter of the run, as for [unique keys](crate::key::KeyTemplate). A concurrency
//! limit and a rate limit with one key are two limits. A run has at most four, and starts when all of them let it.
//!
//! The options are checked when the program compiles: a number of 0, a rate without its time, a placeholder that no
//! parameter has the name of, and the same limit twice are refused. They hold for calls, for queueing by name and for
//! schedules. A call can add one, or change the number of one that it has:
//!
//! ```
//! use std::time::Duration;
//!
//! use aqueduct::run::Limit;
//! use aqueduct::{TaskContext, TaskError, task};
//!
//! # #[task]
//! # async fn export(tenant: u64) -> Result<(), TaskError> { let _ = tenant; Ok(()) }
//! #[task]
//! async fn nightly(ctx: TaskContext) -> Result<(), TaskError> {
//!     let one_at_a_time = Limit::concurrency("exports", 1)?;
//!     let slowly = Limit::rate("exports", 10, Duration::from_secs(60))?;
//!     export::queue(&ctx, 7).limit(one_at_a_time).limit(slowly).await?;
//!     Ok(())
//! }
//! ```
//!
//! # What a limit does
//!
//! The broker decides when a consumer claims. A run takes its places in that step, and gives them back in the
//! step in which it leaves its consumer: when it ends, is retried, snoozed, parked or given back, or when its dead
//! consumer's lease is over. There is nothing to renew and nothing to clean up: a consumer that is killed keeps
//! its places until its runs start elsewhere, within seconds.
//!
//! A run that may not start stays queued. It can be cancelled and expires, no attempt is counted, and what has other
//! limits is not held up by it. Runs of one queue, priority and key start in the order they were queued; what a
//! consumer gives back goes first. A hundred thousand that wait cost nothing until the limit opens.
//!
//! A rate of 100 a minute lets 100 runs start at once, and after that one each 600 ms: what was not used
//! comes back bit by bit, up to all of it. So no more than 200 start within any minute. A start counts
//! when the run is claimed, whatever becomes of it. The clock is the broker's.
//!
//! A rate has room for as many starts as it says, and not for one more: 1 a millisecond loses what a consumer does not
//! take in that millisecond. For an even flow say the same of a longer time, such as 1000 a second.
//!
//! Runs carry their limits from when they are queued. After a deploy that changes 3 to 5, the number of the run that
//! was queued last counts for all of the key, backlog included, from when a consumer comes upon that run: when those
//! before it in its queue have started, or wait for the limit. If it has a fair key, its number counts at once. A
//! delayed run brings its number when it is due, and one that follows others when these have ended: it counts as queued
//! from then on. A rate that is used up when it is raised lets nothing start at once; what comes back comes faster.
//!
//! # Turns
//!
//! Without limits too, a tenant with fifty thousand waiting runs need not hold up those that come later:
//!
//! ```
//! use aqueduct::{TaskError, task};
//!
//! #[task(fair = "tenant:{tenant}")] // one run of each tenant after the other
//! async fn import(tenant: u64, file: String) -> Result<(), TaskError> {
//!     # let _ = (tenant, file);
//!     Ok(())
//! }
//!
//! #[task(fair(key = "tenant:{tenant}", weight = 3), max_concurrency(5, key = "tenant:{tenant}"))]
//! async fn export(tenant: u64) -> Result<(), TaskError> {
//!     # let _ = tenant;
//!     Ok(())
//! }
//! ```
//!
//! Runs with a fair key take turns: one run of each key, or as many as its weight says, from 1 to 1000. Runs of one key
//! start in the order they were queued; one without a key has a turn of its own, when it comes. Turns are within a
//! queue, lane and priority: more urgent runs go first. A key is a text that tasks may share, as that of a limit; what
//! has the same key but other limits has turns of its own. [`Admin::explain`](crate::Admin::explain) says of a waiting
//! run how many have their turn before its key, and how many of its own go before it.
//!
//! A call can have another key than its task, or another weight, say that of what the tenant pays:
//!
//! ```
//! use aqueduct::run::Fair;
//! use aqueduct::{TaskContext, TaskError, task};
//!
//! # #[task(fair = "tenant:{tenant}")]
//! # async fn import(tenant: u64) -> Result<(), TaskError> { let _ = tenant; Ok(()) }
//! #[task]
//! async fn nightly(ctx: TaskContext) -> Result<(), TaskError> {
//!     import::queue(&ctx, 7).fair_weight(10).await?;
//!     import::queue(&ctx, 8).fair(Fair::key("trial")?).await?;
//!     Ok(())
//! }
//! ```
//!
//! Limits hold as without turns. A key that its limit has kept waiting takes its turn behind those that wait already,
//! so that a tenant with a limit of five does not have five places for ever. Keys that wait for one limit, as that of
//! the task, take turns at it. [`Admin::explain`](crate::Admin::explain) names the key of a run that waits.
//!
//! Runs with limits and no fair key go in the order they were queued, as long as no limit keeps them waiting; those
//! with different keys that wait for a limit which they share take turns as well, one run each.
//!
//! # When somebody says: slower
//!
//! `TaskError::retry_after` puts off one run. If all runs of a key had better wait, because the other side says so:
//!
//! ```
//! use std::time::Duration;
//!
//! use aqueduct::{TaskError, task};
//!
//! # struct Answer { retry_after: Option<Duration> }
//! # async fn call(tenant: u64) -> Answer { let _ = tenant; Answer { retry_after: None } }
//! #[task(rate_limit(100, per = "1m", key = "tenant:{tenant}"))]
//! async fn push(tenant: u64) -> Result<(), TaskError> {
//!     let answer = call(tenant).await;
//!     if let Some(wait) = answer.retry_after {
//!         let error = std::io::Error::other("too many requests");
//!         return Err(TaskError::retry_key_after(wait, error));
//!     }
//!     Ok(())
//! }
//! ```
//!
//! Nothing starts before that shares a rate limit of the run; if it has none, nothing that shares its concurrency
//! limits. The failure counts as any other, and what runs already goes on.
//!
//! # Why does it not start?
//!
//! [`Admin::explain`](crate::Admin::explain) names the limit, who holds its places, and when a rate opens;
//! [`Admin::limits`](crate::Admin::limits) has all that are in use:
//!
//! ```
//! use aqueduct::Admin;
//! use aqueduct::admin::AdminError;
//! use aqueduct::run::Limit;
//!
//! async fn show(admin: &Admin) -> Result<(), AdminError> {
//!     for info in admin.limits(&[]).await? {
//!         println!("{}: {} run, {} wait", info.limit, info.running, info.waiting);
//!     }
//!     Ok(())
//! }
//! ```
//!
//! # Brokers
//!
//! The in-memory and the Redis broker have limits and turns. One that lacks them (`Capabilities::limits`,
//! `Capabilities::fair`) refuses such tasks when the application is built, and such runs when they are queued; the
//! adapter of `SimpleBroker` is one. In Redis a run with a limit is stored by its id, which costs more than a plain
//! one: see `docs/REDIS.md`.
