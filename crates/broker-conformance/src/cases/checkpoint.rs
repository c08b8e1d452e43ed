//! Values that an attempt keeps for those that follow.

use std::time::Duration;

use aqueduct_broker_api::{
    Broker, BrokerAdmin, BrokerErrorKind, CheckpointRequest, Checkpointed, Lease, LeaseToken,
    Settlement,
};
use aqueduct_core::run::{Checkpoint, MAX_CHECKPOINT_BYTES};
use aqueduct_core::{Payload, RunId};

use crate::fixture::{Bench, PAST_LEASE, fail, failure, named, retry};

fn value(text: &str) -> Payload {
    Payload::encode(text).unwrap()
}

async fn keep(bench: &Bench, token: LeaseToken, number: u32, text: &str) -> Checkpointed {
    let request = CheckpointRequest::new(token, number, value(text));
    bench.broker.checkpoint(&request).await.unwrap()
}

async fn kept(bench: &Bench, id: RunId) -> Option<Checkpoint> {
    let run = bench.find(id).await.expect("the run is known");
    run.checkpoint.map(|checkpoint| *checkpoint)
}

fn text_of(lease: &Lease) -> String {
    let checkpoint = lease.run().checkpoint.as_ref();
    let checkpoint = checkpoint.expect("it comes with the lease");
    checkpoint.value.decode().unwrap()
}

/// What an attempt keeps comes with each later lease: after a failure, a release, a snooze, a park.
pub async fn outlives_the_attempt(bench: Bench) {
    let id = bench.queue_one("a").await;
    let mut consumer = bench.consumer();
    let lease = consumer.claim_one().await;
    assert_eq!(lease.run().checkpoint, None);
    let kept_at = bench.now();
    assert_eq!(
        keep(&bench, lease.token(), 1, "half").await,
        Checkpointed::Kept
    );
    let expected = Checkpoint::new(1, 1, kept_at, value("half"));
    assert_eq!(
        kept(&bench, id).await,
        Some(expected.clone()),
        "while it runs"
    );
    consumer.settle(lease, retry(Duration::ZERO)).await;
    assert_eq!(kept(&bench, id).await, Some(expected), "while it waits");
    let (wait, failure) = (Duration::ZERO, failure());
    for settlement in [
        Settlement::Release,
        Settlement::Snooze { wait },
        Settlement::Park { wait, failure },
        retry(wait),
    ] {
        let mut other = bench.consumer();
        let lease = other.claim_one().await;
        assert_eq!(text_of(&lease), "half");
        other.settle(lease, settlement).await;
    }
    assert_eq!(text_of(&bench.consumer().claim_one().await), "half");
}

/// What a consumer has kept before it died comes to whoever takes the run back, also beside the options of a run.
pub async fn outlives_the_consumer(bench: Bench) {
    let mut with_options = named("b");
    with_options.options_mut().total_timeout = Some(Duration::from_mins(5));
    bench.queue([named("a"), with_options]).await;
    let mut first = bench.consumer();
    for lease in first.claim(2).await {
        let task = lease.run().task.to_string();
        keep(&bench, lease.token(), 1, &task).await;
    }
    bench.beat().await;
    bench.advance_in_beats(PAST_LEASE).await;
    for lease in bench.consumer().claim(2).await {
        assert_eq!(text_of(&lease), lease.run().task.as_str());
        assert_eq!(lease.run().record.as_ref().unwrap().history.len(), 1);
        let payload = &named(lease.run().task.as_str()).payload;
        assert_eq!(
            lease.run().payload,
            *payload,
            "the parameters are as they were"
        );
    }
}

/// The newest counts: a request that comes late changes nothing, and the first of a later attempt does.
pub async fn the_newest_counts(bench: Bench) {
    let id = bench.queue_one("a").await;
    let mut consumer = bench.consumer();
    let lease = consumer.claim_one().await;
    let text = async || kept(&bench, id).await.map(|it| it.value);
    for (number, words, expected) in [
        (1, "one", "one"),
        (3, "three", "three"),
        (2, "two", "three"),
    ] {
        keep(&bench, lease.token(), number, words).await;
        assert_eq!(text().await, Some(value(expected)));
    }
    consumer.settle(lease, retry(Duration::ZERO)).await;
    let lease = consumer.claim_one().await;
    keep(&bench, lease.token(), 1, "anew").await;
    assert_eq!(text().await, Some(value("anew")));
}

/// Whoever does not hold the run in just that attempt keeps nothing, and is told so.
pub async fn without_the_lease_keeps_nothing(bench: Bench) {
    let id = bench.queue_one("a").await;
    let (mut first, mut second) = (bench.consumer(), bench.consumer());
    let lost = first.claim_one().await;
    bench.beat().await;
    bench.advance_in_beats(PAST_LEASE).await;
    let lease = second.claim_one().await;
    let forged = LeaseToken {
        attempt: lost.token().attempt,
        ..lease.token()
    };
    for token in [lost.token(), forged] {
        assert_eq!(
            keep(&bench, token, 9, "late").await,
            Checkpointed::LeaseLost
        );
    }
    assert_eq!(kept(&bench, id).await, None);
    let token = lease.token();
    keep(&bench, token, 1, "mine").await;
    second.settle(lease, retry(Duration::from_mins(1))).await;
    assert_eq!(
        keep(&bench, token, 2, "late").await,
        Checkpointed::LeaseLost,
        "of a run that was settled"
    );
    assert_eq!(
        kept(&bench, id).await.map(|it| it.value),
        Some(value("mine"))
    );
}

/// It goes in the step that ends the run; a run that is queued anew begins without.
pub async fn goes_with_the_end(bench: Bench) {
    let mut succeeds = named("a");
    succeeds.options_mut().keep_result = Some(Duration::from_mins(1));
    let ids = [succeeds.id, bench.queue_one("b").await];
    bench.queue([succeeds]).await;
    let mut consumer = bench.consumer();
    for lease in consumer.claim(2).await {
        keep(&bench, lease.token(), 1, "half").await;
        let result = Some(value("all"));
        let settlement = match lease.run().task.as_str() {
            "a" => Settlement::Succeed { result },
            _ => fail(),
        };
        consumer.settle(lease, settlement).await;
    }
    for id in ids {
        assert_eq!(kept(&bench, id).await, None);
    }
    let run = bench.find(ids[0]).await.unwrap();
    assert_eq!(run.record.unwrap().result, Some(value("all")));
    assert_eq!(bench.admin().requeue(&ids[1..]).await.unwrap(), [true]);
    assert_eq!(consumer.claim_one().await.run().checkpoint, None);
}

/// A value over the limit is refused, one at the limit is not.
pub async fn has_a_limit(bench: Bench) {
    bench.queue_one("a").await;
    let lease = bench.consumer().claim_one().await;
    // A text of this length has three bytes in front.
    for (number, length, is_kept) in [
        (1, MAX_CHECKPOINT_BYTES - 3, true),
        (2, MAX_CHECKPOINT_BYTES, false),
    ] {
        let text = value(&"x".repeat(length));
        let request = CheckpointRequest::new(lease.token(), number, text);
        let answer = bench.broker.checkpoint(&request).await;
        match answer {
            Ok(Checkpointed::Kept) => assert!(is_kept, "{length} bytes"),
            answer => {
                let error = answer.expect_err("it is too large");
                assert_eq!(error.kind(), BrokerErrorKind::InvalidData);
                assert!(!is_kept, "{length} bytes");
            }
        }
    }
}
