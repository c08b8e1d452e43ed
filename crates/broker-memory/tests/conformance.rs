//! The in-memory broker passes the suite that every broker must pass.

use aqueduct_broker_conformance::{Fixture, Harness, START, conformance};
use aqueduct_broker_memory::MemoryBroker;
use aqueduct_core::clock::ManualClock;

#[derive(Debug)]
struct Memory;

impl Harness for Memory {
    async fn fixture(&self) -> Fixture {
        let clock = ManualClock::new(START);
        Fixture::new(MemoryBroker::with_clock(clock.clock()), clock)
    }
}

conformance!(Memory);
