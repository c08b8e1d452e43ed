//! Workflows of which a run does not succeed, is removed, or is queued anew.

use std::time::Duration;

use aqueduct_broker_api::{
    Broker, BrokerAdmin, CancelAnswer, MAX_SETTLE_BATCH, Settled, Settlement, WaitAnswer,
    WaitEndedRequest,
};
use aqueduct_core::run::{Reason, Unsuccessful};
use aqueduct_core::{Payload, RunId, RunState};

use super::workflows::{MINUTE, reason, value};
use crate::fixture::{Bench, Consumer, PAST_LEASE, fail, named, queue_name, within};
use crate::following::{chain, chord};

async fn end(bench: &Bench, consumer: &mut Consumer, how: usize, id: RunId) {
    let reason = || Reason::new("enough");
    let settlement = match how {
        0 => fail(),
        1 => Settlement::Cancel { reason: reason() },
        2 => {
            bench.advance(Duration::from_secs(2)).await;
            assert!(consumer.claim(1).await.is_empty());
            return;
        }
        3 => {
            bench.admin().cancel(&[id], reason()).await.unwrap();
            return;
        }
        _ => {
            let removed = bench.admin().purge(&queue_name("default")).await.unwrap();
            assert_eq!(removed, 1, "it was removed, and what follows it has ended");
            return;
        }
    };
    let lease = consumer.claim_one().await;
    consumer.settle(lease, settlement).await;
}

/// However a run ends that does not succeed, what follows is cancelled, and says why.
pub async fn every_other_end_cancels_the_rest(bench: Bench) {
    let ends = [
        "failed",
        "was cancelled",
        "has expired",
        "was cancelled",
        "was removed",
    ];
    let mut consumer = bench.consumer();
    for (how, word) in ends.into_iter().enumerate() {
        let mut tasks = chain(&["a", "b", "c"]);
        tasks[0].expires_in = (how == 2).then_some(Duration::from_secs(1));
        let (first, second, third) = (tasks[0].id, tasks[1].id, tasks[2].id);
        // The rest is elsewhere: what is removed with the first is not meant here.
        tasks[1].queue = queue_name("elsewhere");
        tasks[2].queue = queue_name("elsewhere");
        bench.queue(tasks).await;
        end(&bench, &mut consumer, how, first).await;
        let why = format!("it follows `a` (run {first}), which {word}");
        assert_eq!(reason(&bench, second).await, why);
        let why = format!("it follows `b` (run {second}), which was cancelled");
        assert_eq!(reason(&bench, third).await, why);
    }
    let lengths = bench.lengths_of("elsewhere").await;
    assert_eq!((lengths.scheduled, lengths.queued), (0, 0));
}

/// What follows a run whose consumer dies again and again is cancelled; until then it waits.
pub async fn a_crash_budget_used_up_cancels_the_rest(bench: Bench) {
    let tasks = chain(&["a", "b"]);
    let id = tasks[1].id;
    bench.queue(tasks).await;
    for crash in 1..=3 {
        assert_eq!(bench.state(id).await, Some(RunState::Scheduled));
        let lease = bench.consumer().claim_one().await;
        assert_eq!(lease.run().task.as_str(), "a", "crash {crash} released it");
        bench.advance_in_beats(PAST_LEASE).await;
    }
    assert!(reason(&bench, id).await.ends_with("which failed"));
}

/// The first member that does not succeed cancels what follows; the others go on.
pub async fn one_bad_member_cancels_what_follows(bench: Bench) {
    let tasks = chord(3, |_| {});
    let last = tasks[3].id;
    bench.queue(tasks).await;
    let mut consumer = bench.consumer();
    let mut leases = consumer.claim(3).await;
    consumer.settle(leases.remove(0), value(1)).await;
    consumer.settle(leases.remove(0), fail()).await;
    assert!(reason(&bench, last).await.ends_with("which failed"));
    let settled = consumer.settle(leases.remove(0), value(1)).await;
    assert_eq!(settled, Settled::Applied(RunState::Succeeded));
    assert!(consumer.claim(9).await.is_empty());
}

/// A run that is removed counts as ended for what runs anyway.
pub async fn a_removed_member_counts_as_ended(bench: Bench) {
    let mut tasks = chord(2, |follows| follows.runs_anyway = true);
    tasks[2].queue = queue_name("elsewhere");
    let last = tasks[2].id;
    bench.queue(tasks).await;
    bench.admin().purge(&queue_name("default")).await.unwrap();
    let run = bench.find(last).await.unwrap();
    assert_eq!(run.state, RunState::Queued);
    let ends: Vec<Result<u32, Unsuccessful>> = run.input.unwrap().decode().unwrap();
    for end in ends {
        let end = end.unwrap_err();
        assert_eq!(end.state, RunState::Cancelled);
        assert!(end.reason.unwrap().as_str().contains("removed"));
    }
}

/// A purge removes what waits for others as well, although it would run anyway, now or later.
pub async fn a_purge_removes_what_it_releases(bench: Bench) {
    for delay in [None, Some(Duration::from_secs(9))] {
        let tasks = chord(2, |follows| {
            follows.runs_anyway = true;
            follows.delay = delay;
        });
        bench.queue(tasks).await;
        let removed = bench.admin().purge(&queue_name("default")).await;
        assert_eq!(removed.unwrap(), 3, "delayed by {delay:?}");
        assert_eq!(bench.lengths().await.unfinished(), 0);
    }
}

/// A purge removes all that waits, and cancels what follows it, whatever it comes upon first.
pub async fn a_purge_cancels_what_follows(bench: Bench) {
    let queue = queue_name("default");
    // What was there before leaves room in an order of its own.
    bench.queue([named("x"), named("y")]).await;
    assert_eq!(bench.admin().purge(&queue).await.unwrap(), 2);
    let chains = MAX_SETTLE_BATCH / 2 + 9;
    let mut last = Vec::new();
    for _ in 0..chains {
        let tasks = chain(&["a", "b"]);
        last.push(tasks[1].id);
        bench.queue(tasks).await;
    }
    assert_eq!(bench.admin().purge(&queue).await.unwrap(), chains);
    assert_eq!(bench.lengths().await.unfinished(), 0);
    for id in [last[0], last[chains - 1]] {
        assert!(reason(&bench, id).await.contains("removed"));
    }
}

/// Whoever waits for the last run is told when it is cancelled because of the first.
pub async fn the_end_of_the_rest_is_told(bench: Bench) {
    let mut tasks = chain(&["a", "b", "c"]);
    tasks[2].options_mut().keep_result = Some(MINUTE);
    let request = WaitEndedRequest::new(tasks[2].id, MINUTE);
    bench.queue(tasks).await;
    let mut consumer = bench.consumer();
    let lease = consumer.claim_one().await;
    let (answer, _) = tokio::join!(
        within("the end was not told", bench.broker.wait_ended(&request)),
        consumer.settle(lease, fail()),
    );
    assert!(
        matches!(&answer, Ok(WaitAnswer::Ended(run)) if run.state == RunState::Cancelled),
        "{answer:?}"
    );
}

/// All runs of a workflow can be cancelled in one call: the first ends those behind it.
pub async fn all_can_be_cancelled_at_once(bench: Bench) {
    let tasks = chain(&["a", "b", "c"]);
    let ids: Vec<RunId> = tasks.iter().map(|task| task.id).collect();
    bench.queue(tasks).await;
    let answers = bench.admin().cancel(&ids, Reason::new("enough")).await;
    let ended = CancelAnswer::AlreadyEnded(RunState::Cancelled);
    assert_eq!(answers.unwrap(), [CancelAnswer::Cancelled, ended, ended]);
    let lengths = bench.lengths().await;
    assert_eq!((lengths.queued, lengths.scheduled), (0, 0));
    assert!(bench.consumer().claim(9).await.is_empty());
}

/// A follow-up that was cancelled before it got its input cannot be queued anew.
pub async fn without_its_input_nothing_is_queued_anew(bench: Bench) {
    let tasks = chain(&["a", "b"]);
    let id = tasks[1].id;
    bench.queue(tasks).await;
    let mut consumer = bench.consumer();
    let lease = consumer.claim_one().await;
    consumer.settle(lease, fail()).await;
    assert_eq!(bench.admin().requeue(&[id]).await.unwrap(), [false]);
    assert!(consumer.claim(9).await.is_empty());
}

/// What has ended with a run waits for it again when that is queued anew, and all that is in line behind it.
pub async fn the_rest_of_a_chain_waits_again(bench: Bench) {
    let mut tasks = chain(&["a", "b", "c"]);
    tasks[2].options_mut().keep_result = Some(MINUTE);
    let ids: Vec<RunId> = tasks.iter().map(|task| task.id).collect();
    bench.queue(tasks).await;
    let mut consumer = bench.consumer();
    let lease = consumer.claim_one().await;
    consumer.settle(lease, value(0)).await;
    let lease = consumer.claim_one().await;
    consumer.settle(lease, fail()).await;
    assert_eq!(bench.state(ids[2]).await, Some(RunState::Cancelled));
    assert_eq!(bench.admin().requeue(&[ids[1]]).await.unwrap(), [true]);
    let run = bench.find(ids[2]).await.unwrap();
    assert_eq!((run.state, run.record), (RunState::Scheduled, None));
    let lengths = bench.lengths().await;
    assert_eq!((lengths.queued, lengths.scheduled), (1, 1));
    for number in 1..3_u32 {
        let lease = consumer.claim_one().await;
        assert_eq!(
            lease.run().input,
            Some(Payload::encode(&(number - 1)).unwrap())
        );
        consumer.settle(lease, value(number)).await;
    }
    assert_eq!(bench.state(ids[2]).await, Some(RunState::Succeeded));
    // What somebody else has cancelled stays so, within the same millisecond too.
    let tasks = chain(&["a", "b"]);
    let ids: Vec<RunId> = tasks.iter().map(|task| task.id).collect();
    bench.queue(tasks).await;
    bench
        .admin()
        .cancel(&[ids[1]], Reason::new("enough"))
        .await
        .unwrap();
    let lease = consumer.claim_one().await;
    consumer.settle(lease, fail()).await;
    assert_eq!(bench.admin().requeue(&[ids[0]]).await.unwrap(), [true]);
    assert_eq!(reason(&bench, ids[1]).await, "enough");
}
