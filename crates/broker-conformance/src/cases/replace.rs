//! Runs that get the parameters of a later call, because they wait with the same unique key.

use std::time::Duration;

use aqueduct_broker_api::{BrokerAdmin, Enqueued};
use aqueduct_core::queue::Due;
use aqueduct_core::run::{OnConflict, Unique, UniqueScope};
use aqueduct_core::{Payload, Priority, QueuedTask, RunState};

use crate::fixture::{Bench, Consumer, named, queue_name, retry};

const SECOND: Duration = Duration::from_secs(1);

/// Returns a task that replaces what waits, with a parameter.
fn with(number: u32) -> QueuedTask {
    let mut task = named("a");
    task.payload = Payload::encode(
        &[("n", number)]
            .into_iter()
            .collect::<std::collections::BTreeMap<_, _>>(),
    )
    .unwrap();
    let unique = Unique::key("k").unwrap();
    task.options_mut().unique = Some(unique.on_conflict(OnConflict::Replace));
    task
}

/// Returns a task that waits for a pause of its calls.
fn debounced(number: u32, wait: Duration) -> QueuedTask {
    let mut task = with(number);
    task.due = Due::After(wait);
    let unique = task.options_mut().unique.take().unwrap();
    task.options_mut().unique = Some(unique.scope(UniqueScope::Queued));
    task
}

async fn answer(bench: &Bench, task: QueuedTask) -> Enqueued {
    bench.producer().enqueue(vec![task]).await.unwrap()[0]
}

/// Returns the parameters of what can be claimed.
async fn claimed(consumer: &mut Consumer) -> Vec<Payload> {
    let leases = consumer.claim(9).await;
    leases
        .iter()
        .map(|lease| lease.run().payload.clone())
        .collect()
}

/// The last call gives a waiting run its parameters and its due time; the run stays the same.
pub async fn the_last_call_counts(bench: Bench) {
    let first = debounced(1, SECOND * 5);
    bench.queue([first.clone()]).await;
    for number in 2..5 {
        bench.advance(SECOND * 4).await;
        let later = debounced(number, SECOND * 5);
        assert_eq!(answer(&bench, later).await, Enqueued::Replaced(first.id));
    }
    let mut consumer = bench.consumer();
    bench.advance(SECOND * 4).await;
    assert!(
        claimed(&mut consumer).await.is_empty(),
        "it is due after the last call"
    );
    let found = bench.find(first.id).await.unwrap();
    assert_eq!(
        (found.state, found.payload),
        (RunState::Scheduled, debounced(4, SECOND).payload)
    );
    assert_eq!(bench.lengths().await.scheduled, 1);
    bench.advance(SECOND).await;
    let leases = consumer.claim(9).await;
    let run = leases[0].run();
    assert_eq!(
        (leases.len(), run.id, &run.payload),
        (1, first.id, &with(4).payload)
    );
    let next = debounced(5, SECOND);
    assert_eq!(
        answer(&bench, next).await,
        Enqueued::Accepted(RunState::Scheduled)
    );
}

/// Calls of one request replace each other as well.
pub async fn the_last_of_one_request_counts(bench: Bench) {
    let tasks: Vec<QueuedTask> = (1..5)
        .map(|number| debounced(number, SECOND * number))
        .collect();
    let first = tasks[0].id;
    let answers = bench.producer().enqueue(tasks).await.unwrap();
    assert_eq!(answers[1..], [Enqueued::Replaced(first); 3]);
    let mut consumer = bench.consumer();
    bench.advance(SECOND * 3).await;
    assert!(claimed(&mut consumer).await.is_empty());
    bench.advance(SECOND).await;
    assert_eq!(claimed(&mut consumer).await, [with(4).payload]);
    let lengths = bench.lengths().await;
    assert_eq!(
        (lengths.scheduled, lengths.queued, lengths.running),
        (0, 0, 1)
    );
}

/// Calls that never pause cannot put a run off for longer than they may.
pub async fn a_run_is_not_put_off_for_ever(bench: Bench) {
    let call = |number| {
        let mut task = debounced(number, SECOND * 5);
        let unique = task.options_mut().unique.take().unwrap();
        task.options_mut().unique = Some(unique.put_off_at_most(SECOND * 12));
        task
    };
    bench.queue([call(0)]).await;
    for number in 1..4 {
        bench.advance(SECOND * 3).await;
        assert!(matches!(
            answer(&bench, call(number)).await,
            Enqueued::Replaced(_)
        ));
    }
    let mut consumer = bench.consumer();
    bench.advance(Duration::from_millis(2999)).await;
    assert!(claimed(&mut consumer).await.is_empty());
    bench.advance(Duration::from_millis(1)).await;
    assert_eq!(claimed(&mut consumer).await, [with(3).payload]);
}

/// A run whose time has come keeps its turn, its queue and its priority.
pub async fn what_is_due_keeps_its_turn(bench: Bench) {
    let first = with(1);
    bench.queue([first.clone(), named("b")]).await;
    let mut later = with(2);
    later.due = Due::After(SECOND * 60);
    later.priority = Priority::Low;
    later.queue = queue_name("other");
    later.expires_in = Some(SECOND * 600);
    assert_eq!(answer(&bench, later).await, Enqueued::Replaced(first.id));
    let mut consumer = bench.consumer();
    let leases = consumer.claim(9).await;
    let names: Vec<&str> = leases
        .iter()
        .map(|lease| lease.run().task.as_str())
        .collect();
    assert_eq!(names, ["a", "b"]);
    let run = leases[0].run();
    assert_eq!((run.id, &run.payload), (first.id, &with(2).payload));
    assert_eq!(
        (run.priority, &run.queue),
        (Priority::Medium, &queue_name("default"))
    );
    assert!(
        run.deadline().is_some(),
        "the options are those of the last call"
    );
}

/// A deadline goes with the call that it came with.
pub async fn a_replaced_deadline_expires_nothing(bench: Bench) {
    let mut first = with(1);
    first.expires_in = Some(SECOND);
    bench.queue([first.clone()]).await;
    assert_eq!(answer(&bench, with(2)).await, Enqueued::Replaced(first.id));
    bench.advance(SECOND * 2).await;
    assert_eq!(bench.beat().await.expired, 0);
    assert_eq!(claimed(&mut bench.consumer()).await, [with(2).payload]);
}

/// What runs, or is between two attempts, is left alone, and so are runs of another task: the call is refused.
pub async fn what_has_begun_is_left_alone(bench: Bench) {
    let first = with(1);
    bench.queue([first.clone()]).await;
    let mut other = with(9);
    other.task = named("b").task;
    assert_eq!(answer(&bench, other).await, Enqueued::KeyTaken(first.id));
    let mut consumer = bench.consumer();
    let lease = consumer.claim_one().await;
    assert_eq!(answer(&bench, with(2)).await, Enqueued::KeyTaken(first.id));
    consumer.settle(lease, retry(SECOND)).await;
    assert_eq!(answer(&bench, with(3)).await, Enqueued::KeyTaken(first.id));
    bench.advance(SECOND).await;
    let lease = consumer.claim_one().await;
    assert_eq!(lease.run().payload, first.payload);
    assert_eq!(lease.run().tally.attempt, 2);
}

/// What was given back can be replaced: the next attempt has the next number.
pub async fn what_was_given_back_keeps_its_counts(bench: Bench) {
    let first = with(1);
    bench.queue([first.clone()]).await;
    let mut consumer = bench.consumer();
    let lease = consumer.claim_one().await;
    let snooze = aqueduct_broker_api::Settlement::Snooze { wait: SECOND * 60 };
    consumer.settle(lease, snooze).await;
    assert_eq!(answer(&bench, with(2)).await, Enqueued::Replaced(first.id));
    let lease = consumer.claim_one().await;
    let run = lease.run();
    assert_eq!(
        (run.id, run.tally.attempt, &run.payload),
        (first.id, 2, &with(2).payload)
    );
    let held = bench.admin().holders(&[first.id]).await.unwrap();
    assert_eq!(
        held[0].as_ref().map(|holder| holder.consumer),
        Some(consumer.id)
    );
}
