//! Recording how attempts ended, and who may.

use std::time::Duration;

use aqueduct_broker_api::{LeaseToken, Settle, Settled, Settlement};
use aqueduct_core::RunState;
use aqueduct_core::run::{Failure, FailureKind, Reason};

use crate::fixture::{Bench, PAST_LEASE, fail, failure, named, retry, succeed};

/// Each settlement leads to the state that the transition table says.
pub async fn each_kind_leads_to_its_state(bench: Bench) {
    let wait = Duration::from_secs(9);
    let kinds = [
        (succeed(), RunState::Succeeded),
        (fail(), RunState::Failed),
        (retry(wait), RunState::Retrying),
        (Settlement::Snooze { wait }, RunState::Scheduled),
        (
            Settlement::Park {
                wait,
                failure: failure(),
            },
            RunState::Scheduled,
        ),
        (
            Settlement::Cancel {
                reason: Reason::new("enough"),
            },
            RunState::Cancelled,
        ),
        (Settlement::Release, RunState::Queued),
    ];
    let mut consumer = bench.consumer();
    for (settlement, state) in kinds {
        let id = bench.queue_one("a").await;
        let lease = consumer.claim_one().await;
        let settled = consumer.settle(lease, settlement.clone()).await;
        assert_eq!(settled, Settled::Applied(state), "{settlement:?}");
        match state {
            RunState::Succeeded => assert_eq!(bench.state(id).await, None),
            // Where it waits, only a broker with look-ups can show; that it waits, each can.
            RunState::Queued => assert_eq!(consumer.claim_one().await.run().id, id),
            _ => assert_eq!(bench.state(id).await, Some(state), "{settlement:?}"),
        }
    }
}

/// Another consumer cannot settle a run, with its own token or with a stolen one.
pub async fn only_the_holder_can(bench: Bench) {
    let id = bench.queue_one("a").await;
    let lease = bench.consumer().claim_one().await;
    let mut other = bench.consumer();
    let stolen = lease.token();
    let forged = LeaseToken {
        consumer: other.id,
        ..stolen
    };
    for token in [stolen, forged] {
        let settled = other
            .settle_items(vec![Settle::new(token, succeed())])
            .await;
        assert_eq!(settled, [Settled::LeaseLost]);
    }
    assert_eq!(bench.state(id).await, Some(RunState::Running));
}

/// The token of an earlier attempt is worth nothing, even with the same consumer.
pub async fn an_older_attempt_cannot(bench: Bench) {
    let id = bench.queue_one("a").await;
    let mut consumer = bench.consumer();
    let first = consumer.claim_one().await;
    let old = first.token();
    consumer.settle(first, Settlement::Release).await;
    let second = consumer.claim_one().await;
    let settled = consumer
        .settle_items(vec![Settle::new(old, succeed())])
        .await;
    assert_eq!(settled, [Settled::LeaseLost]);
    assert_eq!(bench.state(id).await, Some(RunState::Running));
    assert_eq!(
        consumer.settle(second, succeed()).await,
        Settled::Applied(RunState::Succeeded)
    );
}

/// At most one attempt is recorded as successful: a second settlement changes nothing.
pub async fn a_settled_run_cannot_be_settled_again(bench: Bench) {
    let id = bench.queue_one("a").await;
    let mut consumer = bench.consumer();
    let lease = consumer.claim_one().await;
    let token = lease.token();
    consumer.settle(lease, fail()).await;
    let again = consumer
        .settle_items(vec![Settle::new(token, succeed())])
        .await;
    assert_eq!(again, [Settled::LeaseLost]);
    assert_eq!(bench.state(id).await, Some(RunState::Failed));
}

/// A token that is not valid does not hold up the others of its batch.
pub async fn one_bad_item_does_not_hold_up_others(bench: Bench) {
    bench.queue([named("a"), named("b"), named("c")]).await;
    let mut consumer = bench.consumer();
    let mut items: Vec<Settle> = consumer
        .claim(3)
        .await
        .into_iter()
        .map(|lease| lease.settle(succeed()))
        .collect();
    items[1].token.attempt += 1;
    let applied = Settled::Applied(RunState::Succeeded);
    assert_eq!(
        consumer.settle_items(items).await,
        [applied, Settled::LeaseLost, applied]
    );
}

/// Work is not wasted: a lease that ran out and was not taken back can still be settled.
pub async fn late_but_not_reclaimed_counts(bench: Bench) {
    bench.queue_one("a").await;
    let mut consumer = bench.consumer();
    let lease = consumer.claim_one().await;
    bench.advance(PAST_LEASE).await;
    assert_eq!(
        consumer.settle(lease, succeed()).await,
        Settled::Applied(RunState::Succeeded)
    );
}

/// Failures and parks are counted apart; giving back and snoozing count nothing.
pub async fn counts_failures_and_parks(bench: Bench) {
    bench.queue_one("a").await;
    let mut consumer = bench.consumer();
    let (zero, failure) = (Duration::ZERO, failure());
    let steps = [
        (Settlement::Release, (0, 0)),
        (Settlement::Snooze { wait: zero }, (0, 0)),
        (
            Settlement::Park {
                wait: zero,
                failure: failure.clone(),
            },
            (0, 1),
        ),
        (
            Settlement::Park {
                wait: zero,
                failure,
            },
            (0, 2),
        ),
        (retry(zero), (1, 0)),
        (retry(zero), (2, 0)),
    ];
    let mut lease = consumer.claim_one().await;
    for (settlement, counted) in steps {
        consumer.settle(lease, settlement.clone()).await;
        lease = consumer.claim_one().await;
        let tally = lease.run().tally;
        assert_eq!((tally.failures, tally.parks), counted, "{settlement:?}");
        assert_eq!(tally.crashes, 0);
    }
}

/// A run that succeeded and keeps no result leaves nothing behind.
pub async fn success_without_a_result_leaves_nothing(bench: Bench) {
    let id = bench.queue_one("a").await;
    let mut consumer = bench.consumer();
    let lease = consumer.claim_one().await;
    consumer.settle(lease, succeed()).await;
    assert_eq!(bench.find(id).await, None);
    assert_eq!(bench.lengths().await.unfinished(), 0);
}

/// A failure that is a crash counts as one, and as no failure.
pub async fn counts_crashes_apart(bench: Bench) {
    let id = bench.queue_one("a").await;
    let mut consumer = bench.consumer();
    let crash = || Failure::new(FailureKind::Crash, "its worker was killed");
    let again = || Settlement::Retry {
        wait: Duration::ZERO,
        failure: crash(),
    };
    let last = Settlement::Fail { failure: crash() };
    let steps = [(again(), (0, 1)), (again(), (0, 2)), (last, (0, 3))];
    for (settlement, counted) in steps {
        let lease = consumer.claim_one().await;
        consumer.settle(lease, settlement.clone()).await;
        let tally = bench.find(id).await.unwrap().tally;
        assert_eq!((tally.failures, tally.crashes), counted, "{settlement:?}");
    }
}
