//! Queueing runs: typed, by name, many; what a call can ask for.
//!
//! # Typed, by name, many
//!
//! ```
//! use aqueduct::{App, Broker, TaskContext, TaskError, params, task, tasks};
//!
//! #[task]
//! async fn resize(image: u64, width: u32) {}
//!
//! #[task]
//! async fn import(ctx: TaskContext, images: Vec<u64>) -> Result<(), TaskError> {
//!     for image in images {
//!         resize::queue(&ctx, image, 800).await?; // the new runs are children of this one
//!     }
//!     Ok(())
//! }
//!
//! # tokio::runtime::Runtime::new()?.block_on(async {
//! let manager = App::new(Broker::memory()).tasks(tasks![resize, import]).into_task_manager()?;
//! let handle = resize::queue(&manager, 7, 800).await?; // the compiler checks the parameters
//! println!("{}", handle.id());
//! manager.queue("resize", params! { image: 7, width: 800 }).await?; // the registry checks them
//! let calls = (0..1000).map(|image| resize::with(image, 800));
//! assert_eq!(manager.queue_many(calls).await?.len(), 1000);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! `queue` returns once the broker has stored the run. [`QueueError`](crate::QueueError) says what went
//! wrong; with the kind [`Unavailable`](crate::manager::QueueErrorKind::Unavailable) the run may be
//! queued or not. `queue_many` sends batches of at most 512, or of 4 MiB, and returns the first error; the batches
//! before it are queued. From a lazy iterator it takes a batch at a time, so that all of them need no memory at once. Parameters are at most 1 MiB. A consumer has as many runs in memory as it has places: where
//! parameters are large, give it few places (`concurrency`), or store them elsewhere and pass where.
//!
//! # Options of a call
//!
//! They are set before the `.await`, on `queue(…)` as on `with(…)`:
//!
//! ```
//! use std::time::Duration;
//!
//! use aqueduct::{App, Broker, Priority, QueueName, task, tasks};
//!
//! #[task(queue = "mail", priority = "low")] // for every run, unless the call says otherwise
//! async fn remind(user: u64) {}
//!
//! # tokio::runtime::Runtime::new()?.block_on(async {
//! let manager = App::new(Broker::memory()).tasks(tasks![remind]).into_task_manager()?;
//! remind::queue(&manager, 1).delay(Duration::from_secs(60)).await?;
//! let in_an_hour = manager.clock().now().saturating_add(Duration::from_secs(3600));
//! remind::queue(&manager, 1).at(in_an_hour).await?;
//! remind::queue(&manager, 1)
//!     .priority(Priority::High)
//!     .queue_name(QueueName::from_static("urgent"))
//!     .expires_in(Duration::from_secs(30))
//!     .await?;
//! let first = remind::queue(&manager, 1).unique("remind/1").await?;
//! let second = remind::queue(&manager, 1).unique("remind/1").await?;
//! assert!(first.is_new() && !second.is_new());
//! assert_eq!(first.id(), second.id());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! | option | means | bound |
//! |---|---|---|
//! | `delay` | starts no sooner than this after the broker has accepted it | a year |
//! | `at` | starts no sooner than this time, by the broker's clock; a past time means now | |
//! | `priority` | high before medium before low within a queue; at least one claim in 16 starts from the lowest | |
//! | `queue_name` | waits in this queue | 1 to 128 bytes |
//! | `expires_in` | ends as expired if it has not started by then; a run that has failed or crashed once no longer expires | |
//! | `total_timeout` | fails if it has not ended so long after it was due, [all attempts included](super::retries) | 1 ms to a year |
//! | `unique` | adds nothing while an unfinished run holds the key; the handle is then on that run. [Other kinds](super::unique) | 1 to 256 bytes |
//! | `debounce`, `debounce_at_most` | starts [when such calls have paused](super::unique) | 1 ms to a year |
//! | `throttle` | [one run in a time](super::unique) | 1 ms to a year |
//! | `idempotency_key` | a repetition of this enqueue [finds the first run](super::unique) | 1 to 256 bytes; a day |
//! | `limit` | starts when [a limit that runs share](super::limits) lets it, beside those of its task | 4 limits; keys of 1 to 256 bytes |
//! | `fair`, `fair_weight` | takes [turns](super::limits) with other keys; so many runs in a turn | 1 to 256 bytes; 1 to 1000 |
//! | `keep_result` | keeps the finished run and its result for so long: it can be [waited for](super::waiting) | a year; a result of 1 MiB |
//!
//! A broker that cannot do what a call asks for refuses it, with the kind
//! [`NotSupported`](crate::manager::QueueErrorKind::NotSupported); options that contradict each other are
//! refused by all, with the kind [`Contradiction`](crate::manager::QueueErrorKind::Contradiction).
//!
//! # Several queues
//!
//! A consumer claims from the default queue, unless it is told otherwise. Runs in a queue that no
//! consumer names wait for ever.
//!
//! ```
//! use aqueduct::{App, Broker, QueueName};
//!
//! # tokio::runtime::Runtime::new().unwrap().block_on(async {
//! const URGENT: QueueName = QueueName::from_static("urgent");
//!
//! // Strict: `default` is served while `urgent` is empty.
//! let app = App::new(Broker::memory())
//!     .consumer(|consumer| consumer.queues([URGENT, QueueName::DEFAULT]));
//! // Shared: of four claims, three look at `urgent` first, one at `default`.
//! let app = App::new(Broker::memory())
//!     .consumer(|consumer| consumer.weighted_queues([(URGENT, 3), (QueueName::DEFAULT, 1)]));
//! # });
//! ```
//!
//! With weights too, a claim takes from the other queues what the first does not fill. To keep one kind
//! of work from taking every place, run a consumer of its own for its queue.
//!
//! # Looking a run up
//!
//! `handle.find()` and `manager.find(id)` return a run as it is now, from any process: its state, what was
//! counted of it (`run.tally`), and in `run.record` its last failure, the reason of a cancellation, the time
//! of its end and its kept value. To wait for the end, or to cancel, see [`waiting`](super::waiting).
//!
//! # A process that only queues
//!
//! ```
//! use aqueduct::{App, Broker, task, tasks};
//!
//! #[task]
//! async fn greet(name: String) {}
//!
//! # tokio::runtime::Runtime::new()?.block_on(async {
//! let broker = Broker::from_url("memory://").await?; // a real one would be shared: `redis://…`
//! let manager = App::new(broker).tasks(tasks![greet]).into_task_manager()?;
//! greet::queue(&manager, "world".to_owned()).await?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! `into_task_manager` starts nothing; a manager is cheap to clone. State that tasks ask for is checked
//! only when the app has a consumer: add `.without_consumer()` where it is missing. With
//! `default-features = false` the consumer and the scheduler are not even compiled. Typed calls need the
//! functions, so put tasks into a crate that both sides depend on.
//!
//! # Parameters
//!
//! Parameters travel as a map by name, so a deploy can add one that has a default. A missing `Option` is
//! `None`. A name that the task does not know is an error; a `#[params]` struct decides that itself, as
//! serde does.
//!
//! ```
//! use aqueduct::serde::{Deserialize, Serialize};
//! use aqueduct::{App, Broker, params, task, tasks};
//!
//! #[task]
//! async fn search(text: String, #[serde(default)] page: u32, language: Option<String>) {}
//!
//! /// All the parameters of `order`.
//! #[derive(Serialize, Deserialize)]
//! #[serde(crate = "aqueduct::serde")]
//! struct Order {
//!     item: u64,
//!     #[serde(default = "one")]
//!     count: u32,
//! }
//!
//! fn one() -> u32 {
//!     1
//! }
//!
//! #[task]
//! async fn order(#[params] order: Order) {}
//!
//! # tokio::runtime::Runtime::new()?.block_on(async {
//! let manager = App::new(Broker::memory()).tasks(tasks![search, order]).into_task_manager()?;
//! manager.queue("search", params! { text: "aqueduct" }).await?;
//! assert!(manager.queue("search", params! { page: 2 }).await.is_err()); // `text` has no default
//! assert!(manager.queue("search", params! { text: "", colour: "red" }).await.is_err());
//! order::queue(&manager, Order { item: 7, count: 2 }).await?;
//! manager.queue("order", params! { item: 7 }).await?; // the fields are the names
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A run whose parameters do not fit the task of a consumer, because one of the two is older, is parked,
//! and starts once a consumer takes it that they fit: see [`retries`](super::retries).
//!
//! # Full queues
//!
//! A queue grows until its broker is full, unless it has a limit: `redis://…?max_queue_length=100000` for each queue,
//! `&max_queue_length.mail=500` for one, for both brokers and in the process that queues; or
//! [`QueueLimits`](crate::broker_api::QueueLimits) where a broker is made by hand. What waits, is delayed, runs and is retried
//! counts; a requeue is let in all the same. One more is refused with [`QueueErrorKind::QueueFull`](crate::manager::QueueErrorKind), and
//! [`Admin::lengths`](crate::Admin::lengths) shows length and limit. A producer that would rather wait says so:
//!
//! ```
//! use std::time::Duration;
//!
//! use aqueduct::{QueueError, TaskManager, task};
//!
//! #[task(queue = "import")]
//! async fn import(row: u64) {}
//!
//! async fn import_all(manager: &TaskManager) -> Result<(), QueueError> {
//!     let patient = manager.waiting_for_room(Duration::from_mins(10));
//!     for row in 0..1_000_000 {
//!         import::queue(&patient, row).await?; // as fast as they are done, once the queue is full
//!     }
//!     Ok(())
//! }
//! ```
//!
//! A task that queues into its own full queue and waits for room holds the place that would make some: give it limits of time.
