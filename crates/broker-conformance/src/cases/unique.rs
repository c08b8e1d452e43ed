//! Unique keys.

use std::time::Duration;

use aqueduct_broker_api::{BrokerAdmin, Enqueued, Settlement};
use aqueduct_core::run::{Reason, UniqueKey};
use aqueduct_core::{QueuedTask, RunState};

use crate::fixture::{Bench, Consumer, fail, named, retry, succeed};

fn keyed(key: &str) -> QueuedTask {
    let mut task = named("a");
    task.options_mut().unique = Some(UniqueKey::new(key).unwrap());
    task
}

/// While an unfinished run holds a key, another with it adds nothing; other keys are free.
pub async fn a_held_key_is_a_duplicate(bench: Bench) {
    let first = keyed("k");
    bench.queue([first.clone()]).await;
    let answers = bench
        .producer()
        .enqueue(vec![keyed("k"), keyed("other")])
        .await
        .unwrap();
    assert_eq!(
        answers,
        [
            Enqueued::Duplicate(first.id),
            Enqueued::Accepted(RunState::Queued)
        ]
    );
    let mut consumer = bench.consumer();
    let lease = consumer.claim_one().await;
    consumer.settle(lease, retry(Duration::from_secs(9))).await;
    let answers = bench.producer().enqueue(vec![keyed("k")]).await.unwrap();
    assert_eq!(
        answers,
        [Enqueued::Duplicate(first.id)],
        "a retrying run holds its key"
    );
}

async fn end(bench: &Bench, consumer: &mut Consumer, how: RunState) {
    let settlement = match how {
        RunState::Succeeded => succeed(),
        RunState::Failed => fail(),
        RunState::Cancelled => Settlement::Cancel {
            reason: Reason::new("enough"),
        },
        _ => {
            bench.advance(Duration::from_secs(2)).await;
            assert!(consumer.claim(1).await.is_empty());
            return;
        }
    };
    let lease = consumer.claim_one().await;
    consumer.settle(lease, settlement).await;
}

/// Every way in which a run can end frees its key in the same step.
pub async fn every_end_frees_the_key(bench: Bench) {
    let mut consumer = bench.consumer();
    for how in RunState::ALL.into_iter().filter(|state| state.is_final()) {
        let mut task = keyed("k");
        task.expires_in = (how == RunState::Expired).then_some(Duration::from_secs(1));
        let id = task.id;
        bench.queue([task]).await;
        end(&bench, &mut consumer, how).await;
        assert_eq!(bench.state(id).await.unwrap_or(RunState::Succeeded), how);
    }
    let waiting = keyed("k");
    bench.queue([waiting.clone()]).await;
    bench
        .admin()
        .cancel(&[waiting.id], Reason::new("enough"))
        .await
        .unwrap();
    bench.queue([keyed("k")]).await;
}
