//! Choosing a broker, writing a broker.
//!
//! [`Broker::from_url`](crate::Broker::from_url) opens what the URL names. A scheme of your own is
//! added to a [`BrokerRegistry`](crate::brokers::BrokerRegistry).
//!
//! On day one a broker is three methods. The adapter puts the in-memory state machine in front of
//! them, for delays, leases, retries and schedules; what it cannot give, durability and fencing, it
//! says in its capabilities.
//!
//! ```
//! use std::collections::{BTreeMap, VecDeque};
//! use std::sync::Mutex;
//!
//! use aqueduct::broker_api::{BrokerError, SimpleBroker};
//! use aqueduct::memory::SimpleBrokerExt;
//! use aqueduct::{App, Broker, QueueName, TaskRun};
//!
//! #[derive(Debug, Default)]
//! struct Shelf(Mutex<VecDeque<TaskRun>>);
//!
//! impl SimpleBroker for Shelf {
//!     async fn queue_task(&self, run: TaskRun) -> Result<(), BrokerError> {
//!         self.0.lock().unwrap().push_back(run);
//!         Ok(())
//!     }
//!
//!     async fn get_task_run(&self) -> Result<Option<TaskRun>, BrokerError> {
//!         Ok(self.0.lock().unwrap().pop_front())
//!     }
//!
//!     async fn queue_length(&self) -> Result<BTreeMap<QueueName, u64>, BrokerError> {
//!         let mut lengths = BTreeMap::new();
//!         for run in self.0.lock().unwrap().iter() {
//!             *lengths.entry(run.queue.clone()).or_default() += 1;
//!         }
//!         Ok(lengths)
//!     }
//! }
//!
//! let app = App::new(Broker::from(Shelf::default().into_broker()));
//! ```
//!
//! The same suite that ours pass runs on it. Declare what it lacks, and earn it later:
//!
//! ```ignore
//! // tests/conformance.rs; dev-dependencies: aqueduct-broker-conformance, aqueduct-core with `test-util`
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
//!         let broker = Shelf::default().into_broker_on(clock.clock());
//!         Fixture::of_handle(broker, clock)
//!     }
//! }
//!
//! conformance!(
//!     ShelfHarness,
//!     without = ["fenced", "priorities", "unique", "results", "cancel", "expiry", "lookup"]
//! );
//! ```
//!
//! A store outside the process keeps bytes: [`broker_api::wire`](crate::broker_api::wire) makes them.
//! When the three methods are not enough, implement the contract
//! [`broker_api::Broker`](crate::broker_api::Broker), and let the crate `aqueduct-broker-conformance` check it.
