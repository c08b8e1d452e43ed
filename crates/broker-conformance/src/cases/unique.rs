//! Unique keys.

use std::time::Duration;

use aqueduct_broker_api::{
    BrokerAdmin, Enqueued, Fire, Fired, KeyHolder, ScheduleDefinition, ScheduleStore, Settlement,
};
use aqueduct_core::key::Key;
use aqueduct_core::run::{OnConflict, Reason, RunOptions, Unique, UniqueScope};
use aqueduct_core::{QueuedTask, RunId, RunState, Schedule};

use crate::fixture::{
    Bench, Consumer, PAST_LEASE, fail, named, queue_name, retry, succeed, task_name,
};

fn keyed(key: &str) -> QueuedTask {
    with(Unique::key(key).unwrap())
}

fn with(unique: Unique) -> QueuedTask {
    let mut task = named("a");
    task.options_mut().unique = Some(unique);
    task
}

fn scoped(scope: UniqueScope) -> QueuedTask {
    with(Unique::key("k").unwrap().scope(scope))
}

/// Queues one task; returns the answer.
async fn answer(bench: &Bench, task: QueuedTask) -> Enqueued {
    let answers = bench.producer().enqueue(vec![task]).await.unwrap();
    answers[0]
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

/// What is purged, and what fails with its consumers, frees its key as well.
pub async fn every_removal_frees_the_key(bench: Bench) {
    bench.queue([keyed("k")]).await;
    let queue = queue_name("default");
    assert_eq!(bench.admin().purge(&queue).await.unwrap(), 1);
    let crashing = keyed("k");
    bench.queue([crashing.clone()]).await;
    for _ in 0..3 {
        let _lost = bench.consumer().claim_one().await;
        assert_eq!(
            answer(&bench, keyed("k")).await,
            Enqueued::Duplicate(crashing.id)
        );
        bench.advance_in_beats(PAST_LEASE).await;
    }
    assert_eq!(bench.state(crashing.id).await, Some(RunState::Failed));
    bench.queue([keyed("k")]).await;
}

/// A key that is held while its run waits is free when the first attempt begins, and stays free.
pub async fn a_key_of_what_waits_is_free_once_it_begins(bench: Bench) {
    let task = || scoped(UniqueScope::Queued);
    let first = task();
    bench.queue([first.clone()]).await;
    assert_eq!(answer(&bench, task()).await, Enqueued::Duplicate(first.id));
    let mut consumer = bench.consumer();
    let lease = consumer.claim_one().await;
    let second = task();
    bench.queue([second.clone()]).await;
    consumer.settle(lease, retry(Duration::ZERO)).await;
    assert_eq!(answer(&bench, task()).await, Enqueued::Duplicate(second.id));
    let leases = consumer.claim(2).await;
    assert_eq!(leases.len(), 2);
    bench.queue([task()]).await;
    for lease in leases {
        consumer.settle(lease, succeed()).await;
    }
    let answers = answer(&bench, task()).await;
    assert!(
        matches!(answers, Enqueued::Duplicate(_)),
        "an end frees the key of another run"
    );
}

/// A window is held from acceptance on, whatever becomes of the run, and no longer.
pub async fn a_window_outlives_its_run(bench: Bench) {
    let minute = Duration::from_mins(1);
    let task = || scoped(UniqueScope::Window(minute));
    let first = task();
    bench.queue([first.clone()]).await;
    let mut consumer = bench.consumer();
    let lease = consumer.claim_one().await;
    consumer.settle(lease, succeed()).await;
    bench.advance_in_beats(Duration::from_millis(59_999)).await;
    assert_eq!(answer(&bench, task()).await, Enqueued::Duplicate(first.id));
    bench.advance(Duration::from_millis(1)).await;
    let second = task();
    bench.queue([second.clone()]).await;
    bench.advance_in_beats(minute).await;
    let third = task();
    bench.queue([third.clone()]).await;
    assert_eq!(
        bench.lengths().await.queued,
        2,
        "a run may outlive its window"
    );
    assert_eq!(answer(&bench, task()).await, Enqueued::Duplicate(third.id));
}

/// A call that asks to be refused is, and told who holds the key.
pub async fn a_refusal_names_the_holder(bench: Bench) {
    let task = || with(Unique::key("k").unwrap().on_conflict(OnConflict::Refuse));
    let first = task();
    bench.queue([first.clone()]).await;
    assert_eq!(answer(&bench, task()).await, Enqueued::KeyTaken(first.id));
    assert_eq!(bench.lengths().await.queued, 1);
}

/// A run that is queued anew takes its key, unless another one has it.
pub async fn a_requeue_takes_the_key(bench: Bench) {
    let first = keyed("k");
    bench.queue([first.clone()]).await;
    let mut consumer = bench.consumer();
    let lease = consumer.claim_one().await;
    consumer.settle(lease, fail()).await;
    let second = keyed("k");
    bench.queue([second.clone()]).await;
    let requeue = async || bench.admin().requeue(&[first.id]).await.unwrap()[0];
    assert!(!requeue().await, "another run has its key");
    let lease = consumer.claim_one().await;
    consumer.settle(lease, succeed()).await;
    assert!(requeue().await);
    assert_eq!(
        answer(&bench, keyed("k")).await,
        Enqueued::Duplicate(first.id)
    );
}

/// A tick whose key is held adds nothing, and is done.
pub async fn a_tick_finds_the_key_held(bench: Bench) {
    let second = Duration::from_secs(1);
    let mut options = RunOptions::default();
    options.unique = Some(Unique::key("k").unwrap());
    let schedule = Schedule::every(second).unwrap();
    let definition = ScheduleDefinition::new("s".parse().unwrap(), schedule, task_name("a"))
        .with_options(options);
    let store = bench.schedules();
    store
        .upsert(std::slice::from_ref(&definition))
        .await
        .unwrap();
    let mut fired: Vec<Option<RunId>> = Vec::new();
    for _ in 0..2 {
        let tick = definition.schedule.next_after(bench.now()).unwrap();
        bench.advance(tick.saturating_since(bench.now())).await;
        match store.fire(&Fire::tick(&definition, tick)).await.unwrap() {
            Fired::Fired(run) => fired.push(run),
            other => panic!("the tick is not fired: {other:?}"),
        }
    }
    assert_eq!(bench.lengths().await.queued, 1);
    assert_eq!(
        fired[0], fired[1],
        "the run that holds the key stands for the tick"
    );
}

/// It is known which run holds a key, and for how long.
pub async fn the_holder_of_a_key_is_told(bench: Bench) {
    let minute = Duration::from_mins(1);
    let keys = ["k", "window", "free"].map(|key| Key::new(key).unwrap());
    let task = keyed("k");
    let scope = UniqueScope::Window(minute);
    let in_window = with(Unique::new(keys[1].clone()).scope(scope));
    bench.queue([task.clone(), in_window.clone()]).await;
    let now = bench.now();
    let told = async || bench.admin().key_holders(&keys).await.unwrap();
    let of_window = KeyHolder::new(in_window.id, now).until(Some(now.saturating_add(minute)));
    let expected = [Some(KeyHolder::new(task.id, now)), Some(of_window), None];
    assert_eq!(told().await, expected);
    let mut consumer = bench.consumer();
    for lease in consumer.claim(2).await {
        consumer.settle(lease, succeed()).await;
    }
    assert_eq!(told().await, [None, Some(of_window), None]);
    bench.advance(minute).await;
    assert_eq!(told().await, [None; 3]);
}
