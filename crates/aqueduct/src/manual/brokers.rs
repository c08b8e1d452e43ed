//! Choosing a broker, writing a broker.
//!
//! [`Broker::from_url`](crate::Broker::from_url) opens what the URL names; its docs list the URLs.
//! [`Broker::memory`](crate::Broker::memory) lives and dies with its process.
//!
//! # Three methods
//!
//! A [`SimpleBroker`](crate::broker_api::SimpleBroker) is the least that works: put a run in, take one
//! out, tell the lengths. The adapter
//! [`into_broker`](crate::memory::SimpleBrokerExt::into_broker) puts the in-memory state machine in
//! front of it.
//!
//! ```
//! use std::collections::{BTreeMap, VecDeque};
//! use std::sync::{Mutex, MutexGuard};
//!
//! use aqueduct::broker_api::{BrokerError, BrokerErrorKind, LaneWant, SimpleBroker, wire};
//! use aqueduct::memory::SimpleBrokerExt;
//! use aqueduct::{App, Broker, QueueName, TaskRun};
//!
//! /// A store of bytes, as a table or a file would be.
//! #[derive(Debug, Default)]
//! struct Shelf(Mutex<VecDeque<Vec<u8>>>);
//!
//! const ROOM: usize = 10_000;
//!
//! impl Shelf {
//!     fn rows(&self, operation: &'static str) -> Result<MutexGuard<'_, VecDeque<Vec<u8>>>, BrokerError> {
//!         self.0.lock().map_err(|_poisoned| {
//!             BrokerError::new(BrokerErrorKind::Unavailable, operation, "the shelf is broken")
//!         })
//!     }
//! }
//!
//! impl SimpleBroker for Shelf {
//!     async fn queue_task(&self, run: TaskRun) -> Result<(), BrokerError> {
//!         let bytes = wire::encode(&run).map_err(|error| {
//!             let message = "the run cannot be encoded";
//!             BrokerError::new(BrokerErrorKind::InvalidData, "queue a task", message).with_source(error)
//!         })?;
//!         let mut rows = self.rows("queue a task")?;
//!         if run.tally.attempt > 0 {
//!             rows.push_front(bytes); // given back by a consumer that stops: the next to be served
//!         } else if rows.len() < ROOM {
//!             rows.push_back(bytes);
//!         } else {
//!             let message = format!("there are {ROOM} runs already");
//!             return Err(BrokerError::new(BrokerErrorKind::LimitExceeded, "queue a task", message));
//!         }
//!         Ok(())
//!     }
//!
//!     async fn get_task_run(&self, want: &LaneWant) -> Result<Option<TaskRun>, BrokerError> {
//!         let mut rows = self.rows("get a run")?;
//!         for position in 0..rows.len() {
//!             let Ok(run) = wire::decode(&rows[position]) else {
//!                 continue; // of a newer version, or damaged: it must not hold up the others
//!             };
//!             if want.accepts(&run) {
//!                 rows.remove(position);
//!                 return Ok(Some(run));
//!             }
//!         }
//!         Ok(None)
//!     }
//!
//!     async fn queue_length(&self) -> Result<BTreeMap<QueueName, u64>, BrokerError> {
//!         let mut lengths = BTreeMap::new();
//!         for row in self.rows("tell the lengths")?.iter() {
//!             if let Ok(run) = wire::decode(row) {
//!                 *lengths.entry(run.queue).or_default() += 1;
//!             }
//!         }
//!         Ok(lengths)
//!     }
//! }
//!
//! let app = App::new(Broker::from(Shelf::default().into_broker()));
//! ```
//!
//! [`wire::encode`](crate::broker_api::wire::encode) and [`wire::decode`](crate::broker_api::wire::decode)
//! are a pair: what one writes, the other reads, and nothing of a run is lost. An envelope of a newer
//! version is an error of `decode`.
//!
//! `get_task_run` gets what the consumer wants: a lane and the queues it serves. Leave the other runs
//! where they are; a store with columns puts `want.queues` and `want.lane` into its query. A run that was
//! not wanted is put back by `queue_task`, with one warning in the log for the process.
//!
//! # What the adapter keeps where
//!
//! In the store: the runs that wait and may start at once, those that a stopping consumer gives back
//! included.
//!
//! In the memory of the process, and lost when it ends, after a graceful stop too: runs that are
//! delayed, snoozed, parked or wait for a retry; runs that are held; runs of a paused task that a claim
//! has met; runs whose storing had an unknown outcome; schedules, pauses, and ended runs. So a second
//! process does not see them.
//!
//! [`Capabilities`](crate::broker_api::Capabilities) say the same: delays and schedules, but neither
//! durable nor fenced nor shared; no priorities, unique and idempotency keys, expiry, kept results, cancellation or
//! look-up. A task or a call that asks for one of these gets an error.
//!
//! A consumer that has nothing to do asks for the lengths every 50 ms.
//!
//! # Errors
//!
//! A [`BrokerError`](crate::broker_api::BrokerError) is a kind, what the broker was asked to do, and a
//! message; `with_source` adds the cause. The message and the cause reach the log: put no password into
//! them. The kind decides what the caller does:
//!
//! | kind | means | `queue` | a consumer |
//! |---|---|---|---|
//! | `Unavailable`, `Timeout` | nobody knows whether it was done | sends the same request 3 times, then fails with [`Unavailable`](crate::manager::QueueErrorKind::Unavailable) | sends the same request until it is answered |
//! | `LimitExceeded` | nothing was done, there is no room | fails with [`QueueFull`](crate::manager::QueueErrorKind::QueueFull) | as above |
//! | `NotSupported` | this broker cannot do that | fails with `NotSupported` | as above |
//! | `Config` | wrong settings, no access | fails with `Refused` | stops, and `run` returns the error |
//! | `Stale`, `InvalidData`, `Unexpected` | not done, and a repetition is of no use | fails with `Refused` | as for `Unavailable` |
//!
//! A consumer logs each error as a warning, counts it in `broker_errors`, and pauses before the next
//! try: up to 50 ms at first, up to 3 s later. A scheduler does the same, and stops for `Config` and
//! `NotSupported`. When several callers of `queue` share a request that is refused, each is sent again
//! alone.
//!
//! A `SimpleBroker` fails run by run. `LimitExceeded` and the kinds of the last three rows mean that the
//! run is not stored, and it will not start; the others of its request are stored all the same. After
//! `Unavailable` or `Timeout` the run stays in memory in front and may start from there, although the
//! caller has got an error.
//!
//! # A scheme of your own
//!
//! A [`BrokerRegistry`](crate::brokers::BrokerRegistry) opens brokers by URL. It is a value: pass it to
//! where you open brokers.
//!
//! ```
//! # use aqueduct::broker_api::{BrokerError, LaneWant, SimpleBroker};
//! # use aqueduct::{QueueName, TaskRun};
//! # #[derive(Debug)]
//! # struct Shelf;
//! # impl Shelf {
//! #     async fn open(_url: &str) -> Result<Self, std::io::Error> { Ok(Self) }
//! # }
//! # impl SimpleBroker for Shelf {
//! #     async fn queue_task(&self, _: TaskRun) -> Result<(), BrokerError> { Ok(()) }
//! #     async fn get_task_run(&self, _: &LaneWant) -> Result<Option<TaskRun>, BrokerError> { Ok(None) }
//! #     async fn queue_length(&self) -> Result<std::collections::BTreeMap<QueueName, u64>, BrokerError> {
//! #         Ok(Default::default())
//! #     }
//! # }
//! use aqueduct::Broker;
//! use aqueduct::brokers::BrokerRegistry;
//! use aqueduct::memory::SimpleBrokerExt;
//!
//! # tokio::runtime::Runtime::new()?.block_on(async {
//! let registry = BrokerRegistry::compiled_in().with("shelf", |url| async move {
//!     let shelf = Shelf::open(&url).await?; // gets the whole URL; any error will do
//!     Ok(Broker::from(shelf.into_broker()))
//! });
//! let broker = registry.open("shelf://localhost/runs").await?;
//! assert!(broker.capabilities().schedules);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # The conformance suite
//!
//! The suite that our brokers pass runs on yours. Each of its cases becomes a test of its own; name
//! what the broker lacks in `without`, and take it out when it no longer does.
//!
//! ```toml
//! [dev-dependencies]
//! aqueduct-broker-conformance = { path = "../aqueduct/crates/broker-conformance" }
//! aqueduct-core = { path = "../aqueduct/crates/core", features = ["test-util"] } # the clock that tests move
//! ```
//!
//! ```ignore
//! // tests/conformance.rs
//! use aqueduct::memory::SimpleBrokerExt;
//! use aqueduct_broker_conformance::{Fixture, Harness, START, conformance};
//! use aqueduct_core::clock::ManualClock;
//!
//! #[derive(Debug)]
//! struct ShelfHarness;
//!
//! impl Harness for ShelfHarness {
//!     async fn fixture(&self) -> Fixture {
//!         let clock = ManualClock::new(START);
//!         let broker = Shelf::default().into_broker_on(clock.clock()); // empty each time
//!         Fixture::of_handle(broker, clock)
//!     }
//! }
//!
//! conformance!(
//!     ShelfHarness,
//!     without = ["fenced", "priorities", "unique", "limits", "fair", "idempotency", "results", "waits", "cancel",
//!         "expiry", "lookup", "workflows", "overlap"]
//! );
//! ```
//!
//! `cargo test --test conformance` runs it. A case that fails says what it expected; one that `without`
//! leaves out says that it was not checked.
//!
//! # The whole contract
//!
//! When three methods are not enough, implement [`broker_api::Broker`](crate::broker_api::Broker),
//! [`BrokerAdmin`](crate::broker_api::BrokerAdmin) and
//! [`ScheduleStore`](crate::broker_api::ScheduleStore), and wrap the result in
//! [`Broker::new`](crate::Broker::new). The in-memory broker is the reference.
