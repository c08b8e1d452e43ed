//! Keys by which repetitions of one enqueue are known.

use std::time::Duration;

use aqueduct_broker_api::Enqueued;
use aqueduct_core::key::Key;
use aqueduct_core::run::{Idempotency, OnConflict, Unique};
use aqueduct_core::{QueuedTask, RunState};

use crate::fixture::{Bench, named, succeed};

const MINUTE: Duration = Duration::from_mins(1);

fn keyed(key: &str) -> QueuedTask {
    let mut task = named("a");
    let idempotency = Idempotency::new(Key::new(key).unwrap());
    task.options_mut().idempotency = Some(idempotency.window(MINUTE));
    task
}

async fn answer(bench: &Bench, task: QueuedTask) -> Enqueued {
    bench.producer().enqueue(vec![task]).await.unwrap()[0]
}

/// A repetition finds the first run, also from another producer, and after its end.
pub async fn a_repetition_finds_the_first_run(bench: Bench) {
    let first = keyed("order-42");
    bench.queue([first.clone(), keyed("order-43")]).await;
    assert_eq!(
        answer(&bench, keyed("order-42")).await,
        Enqueued::Duplicate(first.id)
    );
    let mut consumer = bench.consumer();
    for lease in consumer.claim(2).await {
        consumer.settle(lease, succeed()).await;
    }
    assert_eq!(
        answer(&bench, keyed("order-42")).await,
        Enqueued::Duplicate(first.id)
    );
    assert!(consumer.claim(9).await.is_empty());
}

/// A key is known for its window, from the first on, and no longer.
pub async fn a_key_is_forgotten_after_its_window(bench: Bench) {
    let first = keyed("k");
    bench.queue([first.clone()]).await;
    bench.advance_in_beats(Duration::from_millis(59_999)).await;
    assert_eq!(
        answer(&bench, keyed("k")).await,
        Enqueued::Duplicate(first.id)
    );
    bench.advance(Duration::from_millis(1)).await;
    bench.queue([keyed("k")]).await;
}

/// A repetition says what the first call was told, whatever has become of the unique key.
pub async fn it_goes_before_a_unique_key(bench: Bench) {
    let with = |repetition: &str, on_conflict| {
        let mut task = keyed(repetition);
        task.options_mut().unique = Some(Unique::key("u").unwrap().on_conflict(on_conflict));
        task
    };
    let first = with("one", OnConflict::ReturnExisting);
    bench.queue([first.clone()]).await;
    let second = || with("two", OnConflict::ReturnExisting);
    assert_eq!(
        answer(&bench, second()).await,
        Enqueued::Duplicate(first.id)
    );
    let refused = || with("three", OnConflict::Refuse);
    assert_eq!(
        answer(&bench, refused()).await,
        Enqueued::KeyTaken(first.id)
    );
    let mut consumer = bench.consumer();
    let lease = consumer.claim_one().await;
    consumer.settle(lease, succeed()).await;
    assert_eq!(
        answer(&bench, second()).await,
        Enqueued::Duplicate(first.id)
    );
    let third = answer(&bench, refused()).await;
    assert_eq!(
        third,
        Enqueued::Accepted(RunState::Queued),
        "what was refused is not known"
    );
}
