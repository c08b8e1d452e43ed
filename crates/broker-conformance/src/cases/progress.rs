//! What running runs report of themselves.

use std::time::Duration;

use aqueduct_broker_api::{BrokerAdmin, Lease, LeaseToken, Report, RunFilter};
use aqueduct_core::event::Progress;
use aqueduct_core::run::RunProgress;
use aqueduct_core::{RunId, RunState};

use crate::fixture::{Bench, Consumer, HALF_LEASE, PAST_LEASE, fail, retry};

fn done(done: u64) -> Progress {
    Progress::new(done, 10, format!("stone {done}"))
}

async fn report(consumer: &Consumer, token: LeaseToken, progress: u64) {
    let reports = vec![Report::new(token, done(progress))];
    consumer.report(vec![token], reports).await;
}

async fn progress_of(bench: &Bench, id: RunId) -> Option<RunProgress> {
    let run = bench.find(id).await.expect("the run is known");
    run.progress.map(|progress| *progress)
}

/// The newest report of a run is shown while it runs, with the time, also by beats that bring none.
pub async fn is_shown_while_the_run_runs(bench: Bench) {
    let id = bench.queue_one("a").await;
    let mut consumer = bench.consumer();
    let lease = consumer.claim_one().await;
    assert_eq!(progress_of(&bench, id).await, None);
    report(&consumer, lease.token(), 3).await;
    bench.advance(Duration::from_millis(7)).await;
    report(&consumer, lease.token(), 4).await;
    let expected = RunProgress::new(done(4), bench.now());
    bench.advance(HALF_LEASE).await;
    consumer.extend(vec![lease.token()]).await;
    assert_eq!(progress_of(&bench, id).await, Some(expected.clone()));
    let filter = RunFilter::all().in_state(RunState::Running);
    let page = bench.admin().list(&filter).await.unwrap();
    let listed: Vec<_> = page
        .runs
        .iter()
        .map(|run| run.progress.as_deref())
        .collect();
    assert_eq!(listed, [Some(&expected)]);
}

/// Each run of a consumer has its own report; one that has none takes none of another.
pub async fn belongs_to_one_run(bench: Bench) {
    let ids = [bench.queue_one("a").await, bench.queue_one("b").await];
    let mut consumer = bench.consumer();
    let leases = consumer.claim(2).await;
    let tokens: Vec<LeaseToken> = leases.iter().map(Lease::token).collect();
    let reports = vec![Report::new(tokens[0], done(1))];
    consumer.report(tokens.clone(), reports).await;
    let reports = vec![Report::new(tokens[1], done(2))];
    consumer.report(tokens, reports).await;
    for (id, number) in ids.into_iter().zip([1, 2]) {
        let progress = progress_of(&bench, id).await.expect("it has reported");
        assert_eq!(progress.done, number);
    }
}

/// What is reported without the lease, or of an earlier attempt, changes nothing.
pub async fn without_the_lease_changes_nothing(bench: Bench) {
    let id = bench.queue_one("a").await;
    let (mut first, mut second) = (bench.consumer(), bench.consumer());
    let lost = first.claim_one().await;
    bench.beat().await;
    bench.advance_in_beats(PAST_LEASE).await;
    let lease = second.claim_one().await;
    report(&first, lost.token(), 1).await;
    assert_eq!(
        progress_of(&bench, id).await,
        None,
        "of a consumer that has lost it"
    );
    let forged = LeaseToken {
        attempt: lost.token().attempt,
        ..lease.token()
    };
    report(&second, forged, 2).await;
    assert_eq!(progress_of(&bench, id).await, None, "of an earlier attempt");
    report(&second, lease.token(), 3).await;
    let progress = progress_of(&bench, id).await.expect("it has reported");
    assert_eq!(progress.done, 3);
}

/// A report goes with its attempt: whoever runs the run next begins without, and an ended run has none.
pub async fn goes_with_the_attempt(bench: Bench) {
    let id = bench.queue_one("a").await;
    let mut consumer = bench.consumer();
    let lease = consumer.claim_one().await;
    report(&consumer, lease.token(), 9).await;
    consumer.settle(lease, retry(Duration::ZERO)).await;
    assert_eq!(progress_of(&bench, id).await, None, "while it waits");
    let lease = consumer.claim_one().await;
    assert_eq!(lease.run().progress, None);
    assert_eq!(progress_of(&bench, id).await, None, "in its next attempt");
    report(&consumer, lease.token(), 1).await;
    consumer.settle(lease, fail()).await;
    assert_eq!(progress_of(&bench, id).await, None, "after its end");
}
