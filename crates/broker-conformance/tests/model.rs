//! The suite, run on its own reference model.

use aqueduct_broker_conformance::model::ModelBroker;
use aqueduct_broker_conformance::{Fixture, Harness, START, conformance};
use aqueduct_core::clock::ManualClock;

#[derive(Debug)]
struct Model;

impl Harness for Model {
    async fn fixture(&self) -> Fixture {
        let clock = ManualClock::new(START);
        Fixture::new(ModelBroker::new(clock.clock()), clock)
    }
}

conformance!(Model);
