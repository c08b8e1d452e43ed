//! Clients that repeat what failed, on a broker that loses replies.

use std::collections::HashMap;

use aqueduct_broker_api::{Broker, BrokerHandle, Claimed, EnqueueRequest, Sequence, Settled};
use aqueduct_core::{ProducerId, RunId, RunState};

use crate::fixture::{Bench, named, succeed};
use crate::{Fault, FaultyBroker};

const RUNS: usize = 60;

/// With every second reply lost, each run is recorded as successful exactly once.
pub async fn lost_replies_lose_and_double_nothing(bench: Bench) {
    for every in [1, 2, 3] {
        exactly_once(&bench, every, Fault::LostReply).await;
    }
}

/// With every second call refused before anything was done, likewise.
pub async fn errors_before_the_step_change_nothing(bench: Bench) {
    exactly_once(&bench, 2, Fault::Error).await;
}

/// With every call done twice, likewise.
pub async fn repeated_requests_change_nothing(bench: Bench) {
    exactly_once(&bench, 1, Fault::Repeated).await;
}

/// Queues runs and executes them, repeating each request until it is answered.
async fn exactly_once(bench: &Bench, every: u64, fault: Fault) {
    let faulty = FaultyBroker::new(bench.broker.clone()).every(every, fault);
    let broker = BrokerHandle::bare(faulty.clone());
    let producer = ProducerId::generate();
    for number in 1..=RUNS as u64 / 10 {
        let tasks = (0..10).map(|_| named("a")).collect();
        let request = EnqueueRequest::new(producer, Sequence::from_number(number), tasks);
        repeat(&faulty, || broker.enqueue(&request)).await;
    }
    let mut consumer = bench.consumer();
    let mut succeeded: HashMap<RunId, usize> = HashMap::new();
    let mut owed = Vec::new();
    loop {
        let ids: Vec<RunId> = owed
            .iter()
            .map(|lease: &aqueduct_broker_api::Lease| lease.run().id)
            .collect();
        let settle = owed
            .drain(..)
            .map(|lease| lease.settle(succeed()))
            .collect();
        let request = consumer.next_claim(7).settling(settle);
        let Claimed {
            leases, settled, ..
        } = repeat(&faulty, || broker.claim(&request)).await;
        assert_eq!(settled.len(), ids.len());
        for (id, settled) in ids.into_iter().zip(settled) {
            assert_eq!(
                settled,
                Settled::Applied(RunState::Succeeded),
                "the reply was lost, and the run"
            );
            *succeeded.entry(id).or_default() += 1;
        }
        if leases.is_empty() {
            break;
        }
        owed = leases;
        assert!(
            succeeded.len() + owed.len() <= RUNS,
            "more runs than were queued"
        );
    }
    assert!(faulty.injected() > 0, "nothing was injected");
    assert_eq!(succeeded.len(), RUNS, "lost, with {fault:?} every {every}");
    assert!(succeeded.values().all(|times| *times == 1), "doubled");
    assert_eq!(bench.lengths().await.unfinished(), 0);
}

/// Repeats a request until it is answered; after a few tries the fault is healed for one call.
async fn repeat<T, Fut>(faulty: &FaultyBroker, call: impl Fn() -> Fut) -> T
where
    Fut: Future<Output = Result<T, aqueduct_broker_api::BrokerError>>,
{
    for _ in 0..3 {
        if let Ok(answer) = call().await {
            return answer;
        }
    }
    let healed = faulty.healed();
    let answer = call().await;
    drop(healed);
    answer.unwrap()
}
