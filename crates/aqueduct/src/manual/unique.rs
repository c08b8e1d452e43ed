//! Unique runs, debounced and throttled calls, idempotency keys.
//!
//! A run can hold a *key*. While it does, another run with the same key is not added.
//!
//! ```
//! use aqueduct::{App, Broker, task, tasks};
//!
//! #[task(unique = "refresh/{user}")]
//! async fn refresh(user: u64) {}
//!
//! # tokio::runtime::Runtime::new()?.block_on(async {
//! let manager = App::new(Broker::memory()).tasks(tasks![refresh]).into_task_manager()?;
//! let first = refresh::queue(&manager, 1).await?;
//! let second = refresh::queue(&manager, 1).await?;
//! let other = refresh::queue(&manager, 2).await?;
//! assert!(first.is_new() && !second.is_new() && other.is_new());
//! assert_eq!(second.id(), first.id()); // the handle is on the run that holds the key
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A parameter in braces stands for its value, `{order.customer}` for that of a field in it, and `{{` for a
//! brace; [`KeyTemplate`](crate::key::KeyTemplate) has the rules. The attribute refuses a name that is no
//! parameter; parameters that make no key, such as a `None`, are refused when the run is queued, and those of a
//! schedule when the app is built. All tasks share one space of keys: begin a key with the name of the task.
//!
//! The key is made by whoever queues, in every way: typed, by name, many at once, by a schedule, from a worker
//! process. Every end of the run gives it back, in the same step: success, failure, cancellation, expiry, a purge,
//! crashes over the budget. A run that is [requeued](super::steering) takes it again, unless another one
//! has it: then it is not requeued, and [`Admin::holder_of`](crate::Admin::holder_of) says who has it.
//!
//! # For how long, and what then
//!
//! ```
//! use std::time::Duration;
//!
//! use aqueduct::run::{OnConflict, Unique, UniqueScope};
//! use aqueduct::{App, Broker, task, tasks};
//!
//! /// Computes the index anew; whatever changes while it runs needs another run.
//! #[task(unique(key = "index:{document}", scope = queued))]
//! async fn index(document: u64) {}
//!
//! /// The newest text is sent, if the run has not begun.
//! #[task(unique(key = "remind:{user}", on_conflict = replace))]
//! async fn remind(user: u64, text: String) {}
//!
//! #[task(unique(key = "invite:{email}", scope = window("1d"), on_conflict = refuse))]
//! async fn invite(email: String) {}
//!
//! # tokio::runtime::Runtime::new()?.block_on(async {
//! let manager = App::new(Broker::memory()).tasks(tasks![index, remind, invite]).into_task_manager()?;
//! remind::queue(&manager, 1, "tomorrow".to_owned()).delay(Duration::from_secs(60)).await?;
//! let run = remind::queue(&manager, 1, "today".to_owned()).await?;
//! assert!(run.has_replaced());
//!
//! let first = invite::queue(&manager, "a@example.org".to_owned()).await?;
//! let error = invite::queue(&manager, "a@example.org".to_owned()).await.unwrap_err();
//! assert_eq!(error.holder(), Some(first.id()));
//!
//! // The same for one call, in place of what its task says:
//! let unique = Unique::key("index:all")?
//!     .scope(UniqueScope::Queued)
//!     .on_conflict(OnConflict::Refuse);
//! index::queue(&manager, 1).unique(unique).await?;
//! index::queue(&manager, 2).unique("index:2").await?; // the default kind, of a text
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! | `scope` | the run holds its key |
//! |---|---|
//! | `queued` | until its first attempt begins; what comes after that makes a new run, beside the one that runs |
//! | `until_finished` | until it has ended, retries and waits included: the default |
//! | `window("10m")` | for that time after it was accepted, whatever becomes of it, and no longer |
//!
//! | `on_conflict` | a run that finds its key held |
//! |---|---|
//! | `return_existing` | is not added; the handle is on the run that holds it, `is_new` is false: the default |
//! | `replace` | gives that run its parameters and options; the handle is on that run, `has_replaced` is true |
//! | `refuse` | is an error of the kind [`KeyTaken`](crate::manager::QueueErrorKind::KeyTaken), with the `holder` |
//!
//! A replaced run keeps its id, its queue and priority, and what was counted of it. It is due when the last call
//! says; if it was due already, it keeps its turn. Only a run that waits and was queued for the same task is
//! replaced: one that runs, or is between two attempts, is left as it is, and the call is refused as with
//! `refuse`.
//!
//! # Debounce and throttle
//!
//! ```
//! use aqueduct::task;
//!
//! /// Starts 5 s after the last change of a document, but 1 min after the first one at the latest.
//! #[task(debounce("5s", key = "save:{document}", at_most = "1m"))]
//! async fn save(document: u64, version: u32) {}
//!
//! /// One warning in ten minutes, whatever its text is.
//! #[task(throttle("10m"))]
//! async fn warn(text: String) {}
//! ```
//!
//! `debounce` is a key with the scope `queued`, the rule `replace` and a delay: each call gives the waiting run its
//! parameters and puts it off anew; `at_most` bounds that, from the first call on. `throttle` is a key with the
//! scope `window`: the first call makes a run, the handles of the others are on it, even if it has ended.
//! Without `key` there is one key for all runs of the task: its name. On a call they are
//! `.debounce("save:1", wait)`, `.debounce_at_most("save:1", wait, longest)` and `.throttle("warn", window)`.
//!
//! What contradicts itself is refused, by the attribute or with the kind
//! [`Contradiction`](crate::manager::QueueErrorKind::Contradiction): two of `unique`, `debounce` and `throttle`; a
//! delay of a debounced call; a schedule of a debounced task.
//!
//! # Idempotency keys
//!
//! A producer that repeats a call after an error may find it queued twice. With a key, a repetition finds the
//! run of the first call, from any process and even after the end of that run:
//!
//! ```
//! use std::time::Duration;
//!
//! use aqueduct::{App, Broker, task, tasks};
//!
//! #[task]
//! async fn bill(order: u64) {}
//!
//! # tokio::runtime::Runtime::new()?.block_on(async {
//! let manager = App::new(Broker::memory()).tasks(tasks![bill]).into_task_manager()?;
//! let first = bill::queue(&manager, 42).idempotency_key("order-42").await?;
//! let again = bill::queue(&manager, 42).idempotency_key("order-42").await?;
//! assert!(!again.is_new());
//! assert_eq!(again.id(), first.id());
//!
//! let week = Duration::from_secs(7 * 24 * 3600);
//! bill::queue(&manager, 43).idempotency_key_for("order-43", week).await?; // a day without this
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! All tasks share these keys, too: begin one with the name of the task, or its handle may be on a run of another.
//! It has nothing to do with unique keys, and goes before them: what the first call was told, its repetition is told.
//! A call that was refused is not known by its key. A lost reply needs no key: the library repeats
//! a request by its number, and it is done once.
//!
//! # What it costs
//!
//! A run with a key is stored by its id: a few commands of the broker more than a plain one. A key takes its bytes
//! and about 100 more, until it is given back or its window is over; windows are forgotten by time,
//! a bounded number in a step. A broker that knows no keys refuses the call when it is queued.
