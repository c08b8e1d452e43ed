//! What is kept of failed attempts.

use std::time::Duration;

use aqueduct_broker_api::{BrokerAdmin, Lease, Settlement};
use aqueduct_core::run::{
    FailedAttempt, Failure, FailureKind, MAX_HISTORY, MAX_HISTORY_MESSAGE_BYTES, TaskRun,
};
use aqueduct_core::{Payload, RunState};

use crate::fixture::{Bench, Consumer, PAST_LEASE, named, retry};

/// The failure of an attempt, told from others by its words.
fn failure(words: &str) -> Failure {
    Failure::new(FailureKind::Timeout, words)
}

fn retry_at_once(words: &str) -> Settlement {
    let wait = Duration::from_secs(1);
    let failure = failure(words);
    Settlement::Retry { wait, failure }
}

fn history(run: &TaskRun) -> Vec<FailedAttempt> {
    let record = run.record.as_ref();
    record.map_or_else(Vec::new, |record| record.history.iter().cloned().collect())
}

/// Claims the run that is due a second later.
async fn claim_again(bench: &Bench, consumer: &mut Consumer) -> Lease {
    bench.advance(Duration::from_secs(1)).await;
    consumer.claim_one().await
}

/// Each failed attempt is kept: which one, when it ended, who held the run, why it failed.
pub async fn has_every_failure_in_order(bench: Bench) {
    let id = bench.queue_one("a").await;
    let (mut first, mut second) = (bench.consumer(), bench.consumer());
    let lease = first.claim_one().await;
    let mut expected = vec![FailedAttempt::new(
        1,
        bench.now(),
        first.id,
        &failure("one"),
    )];
    first.settle(lease, retry_at_once("one")).await;
    let lease = claim_again(&bench, &mut second).await;
    assert_eq!(history(lease.run()), expected);
    second.settle(lease, Settlement::Release).await;
    let lease = second.claim_one().await;
    expected.push(FailedAttempt::new(
        3,
        bench.now(),
        second.id,
        &failure("two"),
    ));
    let last = failure("two");
    second
        .settle(
            lease,
            Settlement::Fail {
                failure: last.clone(),
            },
        )
        .await;
    let run = bench.find(id).await.expect("the failed run is kept");
    assert_eq!(history(&run), expected);
    assert_eq!(run.record.unwrap().failure, Some(last));
}

/// A run that a dead consumer held has its crash, and who it was.
pub async fn has_the_consumer_of_a_crash(bench: Bench) {
    let id = bench.queue_one("a").await;
    let mut dead = bench.consumer();
    let _lease = dead.claim_one().await;
    bench.beat().await;
    bench.advance_in_beats(PAST_LEASE).await;
    let mut living = bench.consumer();
    let lease = living.claim_one().await;
    let kept = history(lease.run());
    assert_eq!(
        kept.iter()
            .map(|it| (it.attempt, it.consumer, it.failure.kind()))
            .collect::<Vec<_>>(),
        [(1, dead.id, FailureKind::Crash)]
    );
    assert!(kept[0].ended_at <= bench.now());
    living.settle(lease, retry(PAST_LEASE)).await;
    let run = bench.find(id).await.expect("it is due again later");
    assert_eq!((history(&run).len(), run.state), (2, RunState::Retrying));
}

/// The last attempts are kept, and long messages are cut, between characters.
pub async fn is_bounded(bench: Bench) {
    let mut task = named("a");
    task.payload = Payload::encode(&"p".repeat(40)).unwrap();
    let payload = task.payload.clone();
    bench.queue([task]).await;
    let mut consumer = bench.consumer();
    let mut lease = consumer.claim_one().await;
    let words = "\u{20ac}".repeat(MAX_HISTORY_MESSAGE_BYTES);
    let more = 3;
    for _ in 0..MAX_HISTORY + more {
        consumer.settle(lease, retry_at_once(&words)).await;
        lease = claim_again(&bench, &mut consumer).await;
    }
    let kept = history(lease.run());
    let attempts: Vec<u32> = kept.iter().map(|it| it.attempt).collect();
    let last = u32::try_from(MAX_HISTORY + more).unwrap();
    assert_eq!(attempts, (last - 15..=last).collect::<Vec<_>>());
    for attempt in kept {
        let message = attempt.failure.message();
        assert_eq!(message.len(), MAX_HISTORY_MESSAGE_BYTES / 3 * 3);
        assert!(words.starts_with(message));
    }
    assert_eq!(lease.run().payload, payload, "the parameters have suffered");
}

/// A run that is queued anew keeps its history, and what fails then is added.
pub async fn outlives_a_requeue(bench: Bench) {
    let id = bench.queue_one("a").await;
    let mut consumer = bench.consumer();
    for (round, words) in ["one", "two", "three"].into_iter().enumerate() {
        let lease = consumer.claim_one().await;
        assert_eq!(
            (lease.run().tally.failures, lease.run().state),
            (0, RunState::Running)
        );
        assert_eq!(history(lease.run()).len(), round);
        let failure = failure(words);
        consumer.settle(lease, Settlement::Fail { failure }).await;
        assert_eq!(bench.admin().requeue(&[id]).await.unwrap(), [true]);
        let record = bench.find(id).await.unwrap().record.unwrap();
        assert_eq!((record.failure, record.ended_at), (None, None));
    }
    let run = bench.find(id).await.unwrap();
    let words: Vec<String> = history(&run)
        .iter()
        .map(|it| it.failure.message().to_owned())
        .collect();
    assert_eq!(words, ["one", "two", "three"]);
}

/// What is no failure leaves no history: success, snooze, release, park.
pub async fn has_failures_only(bench: Bench) {
    let mut task = named("a");
    task.options_mut().keep_result = Some(PAST_LEASE);
    let id = task.id;
    bench.queue([task]).await;
    let mut consumer = bench.consumer();
    let wait = Duration::from_secs(1);
    let failure = failure("unknown here");
    let no_failures = [
        Settlement::Snooze { wait },
        Settlement::Park { wait, failure },
    ];
    for settlement in no_failures {
        let lease = consumer.claim_one().await;
        consumer.settle(lease, settlement).await;
        bench.advance(wait).await;
    }
    let lease = consumer.claim_one().await;
    consumer.settle(lease, Settlement::Release).await;
    let lease = consumer.claim_one().await;
    assert_eq!(history(lease.run()), []);
    let result = Some(Payload::encode(&1).unwrap());
    consumer.settle(lease, Settlement::Succeed { result }).await;
    assert_eq!(history(&bench.find(id).await.unwrap()), []);
}
