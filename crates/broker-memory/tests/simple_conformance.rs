//! The suite on a broker of three methods: what its adapter does not claim is declared here.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, VecDeque};
use std::sync::Mutex;

use aqueduct_broker_api::{BrokerError, LaneWant, SimpleBroker};
use aqueduct_broker_conformance::{Fixture, Harness, START, conformance};
use aqueduct_broker_memory::SimpleBrokerExt;
use aqueduct_core::QueueName;
use aqueduct_core::clock::ManualClock;
use aqueduct_core::run::TaskRun;

#[derive(Debug, Default)]
struct Shelf(Mutex<VecDeque<TaskRun>>);

impl SimpleBroker for Shelf {
    async fn queue_task(&self, run: TaskRun) -> Result<(), BrokerError> {
        let mut shelf = self.0.lock().unwrap();
        if run.tally.attempt > 0 {
            shelf.push_front(run); // given back
        } else {
            shelf.push_back(run);
        }
        Ok(())
    }

    async fn get_task_run(&self, want: &LaneWant) -> Result<Option<TaskRun>, BrokerError> {
        let mut shelf = self.0.lock().unwrap();
        let oldest = shelf.iter().position(|run| want.accepts(run));
        Ok(oldest.and_then(|position| shelf.remove(position)))
    }

    async fn queue_length(&self) -> Result<BTreeMap<QueueName, u64>, BrokerError> {
        let mut lengths = BTreeMap::new();
        for run in self.0.lock().unwrap().iter() {
            *lengths.entry(run.queue.clone()).or_default() += 1;
        }
        Ok(lengths)
    }
}

#[derive(Debug)]
struct SimpleHarness;

impl Harness for SimpleHarness {
    async fn fixture(&self) -> Fixture {
        let clock = ManualClock::new(START);
        let broker = Shelf::default().into_broker_on(clock.clock());
        Fixture::of_handle(broker, clock)
    }
}

conformance!(
    SimpleHarness,
    without = [
        "fenced",
        "priorities",
        "unique",
        "limits",
        "fair",
        "idempotency",
        "results",
        "cancel",
        "expiry",
        "lookup",
        "waits",
        "workflows",
        "overlap"
    ]
);
