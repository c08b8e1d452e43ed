//! Waiting for the ends of runs: told, not looked for.

use std::pin::{Pin, pin};
use std::time::Duration;

use aqueduct_broker_api::{Broker, BrokerAdmin, Settlement, WaitAnswer, WaitEndedRequest};
use aqueduct_core::run::{Reason, TaskRun};
use aqueduct_core::{Payload, QueueName, RunId, RunState};

use crate::fixture::{
    Bench, Consumer, HALF_LEASE, PAST_LEASE, fail, named, retry, succeed, within,
};

/// A wait that no case reaches the end of: if it does, the end was not told.
const AT_MOST: Duration = Duration::from_mins(1);

/// A wait that nobody minds to reach the end of.
const SHORT: Duration = Duration::from_millis(20);

/// Queues a run that keeps its result.
async fn kept(bench: &Bench) -> RunId {
    let mut task = named("a");
    task.options_mut().keep_result = Some(Duration::from_hours(1));
    let id = task.id;
    bench.queue([task]).await;
    id
}

async fn wait(bench: &Bench, run: RunId) -> WaitAnswer {
    let request = WaitEndedRequest::new(run, AT_MOST);
    let answer = within("the end was not told", bench.broker.wait_ended(&request)).await;
    answer.unwrap()
}

/// Waits for the end of a run, and does what leads to it meanwhile.
async fn ended_by(bench: &Bench, run: RunId, change: impl Future<Output = ()>) -> TaskRun {
    let (answer, ()) = tokio::join!(wait(bench, run), change);
    match answer {
        WaitAnswer::Ended(ended) => *ended,
        other => panic!("the run has ended, but the answer is {other:?}"),
    }
}

async fn settle_next(consumer: &mut Consumer, settlement: Settlement) {
    let lease = consumer.claim_one().await;
    consumer.settle(lease, settlement).await;
}

/// Whoever waits is told of the end, with the kept value.
pub async fn an_end_is_told_with_its_value(bench: Bench) {
    for text in ["the answer".to_owned(), "a long answer ".repeat(10_000)] {
        let id = kept(&bench).await;
        let result = Some(Payload::encode(&text).unwrap());
        let settlement = Settlement::Succeed {
            result: result.clone(),
        };
        let mut consumer = bench.consumer();
        let run = ended_by(&bench, id, settle_next(&mut consumer, settlement)).await;
        assert_eq!((run.id, run.state), (id, RunState::Succeeded));
        assert_eq!(run.record.unwrap().result, result);
    }
}

/// Every way in which a run can end is told.
pub async fn every_end_is_told(bench: Bench) {
    let mut consumer = bench.consumer();
    let id = kept(&bench).await;
    let run = ended_by(&bench, id, settle_next(&mut consumer, fail())).await;
    assert_eq!(run.state, RunState::Failed);
    assert!(run.record.unwrap().failure.is_some());

    let id = kept(&bench).await;
    let settlement = Settlement::Cancel {
        reason: Reason::new("enough"),
    };
    let run = ended_by(&bench, id, settle_next(&mut consumer, settlement)).await;
    assert_eq!(run.state, RunState::Cancelled);

    let id = kept(&bench).await;
    let run = ended_by(&bench, id, async {
        let _ = bench.admin().cancel(&[id], Reason::new("enough")).await;
    })
    .await;
    assert_eq!(run.record.unwrap().reason, Some(Reason::new("enough")));

    let mut task = named("a");
    task.options_mut().keep_result = Some(Duration::from_hours(1));
    task.expires_in = Some(Duration::from_secs(1));
    let id = task.id;
    bench.queue([task]).await;
    let run = ended_by(&bench, id, async {
        bench.advance(Duration::from_secs(2)).await;
        bench.beat().await;
    })
    .await;
    assert_eq!(run.state, RunState::Expired);
}

/// A run that its dead consumers have used up, or that was to end and died, is told.
pub async fn the_end_of_what_died_is_told(bench: Bench) {
    let id = kept(&bench).await;
    let run = ended_by(&bench, id, async {
        for _ in 0..3 {
            let _lost = bench.consumer().claim_one().await;
            bench.beat().await;
            bench.advance_in_beats(PAST_LEASE).await;
        }
    })
    .await;
    assert_eq!((run.state, run.tally.crashes), (RunState::Failed, 3));

    let id = kept(&bench).await;
    let run = ended_by(&bench, id, async {
        let _lost = bench.consumer().claim_one().await;
        bench.beat().await;
        let _ = bench.admin().cancel(&[id], Reason::new("enough")).await;
        bench.advance_in_beats(PAST_LEASE).await;
    })
    .await;
    assert_eq!(run.state, RunState::Cancelled);
}

/// An attempt that ends without the run ends no wait: not by failing, nor by being given back.
pub async fn an_attempt_is_no_end(bench: Bench) {
    let id = kept(&bench).await;
    let mut consumer = bench.consumer();
    let mut waiting = pin!(wait(&bench, id));
    let put_off = Settlement::Snooze { wait: HALF_LEASE };
    for settlement in [retry(Duration::ZERO), Settlement::Release, put_off] {
        goes_on(waiting.as_mut(), settle_next(&mut consumer, settlement)).await;
    }
    let die = async {
        bench.advance(HALF_LEASE).await;
        let _lost = bench.consumer().claim_one().await;
        bench.beat().await;
        bench.advance_in_beats(PAST_LEASE).await;
    };
    goes_on(waiting.as_mut(), die).await;
    goes_on(
        waiting.as_mut(),
        settle_next(&mut consumer, retry(Duration::ZERO)),
    )
    .await;
    let (answer, ()) = tokio::join!(waiting, settle_next(&mut consumer, succeed()));
    let WaitAnswer::Ended(run) = answer else {
        panic!("the run has ended, but the answer is {answer:?}");
    };
    assert_eq!(run.state, RunState::Succeeded);
    assert_eq!((run.tally.failures, run.tally.crashes), (2, 1));
}

/// Does something that must not end a wait.
async fn goes_on(
    mut waiting: Pin<&mut impl Future<Output = WaitAnswer>>,
    step: impl Future<Output = ()>,
) {
    let told = |answer| panic!("the run has not ended, but the answer is {answer:?}");
    tokio::select! {
        answer = &mut waiting => told(answer),
        () = step => {}
    }
    for _ in 0..4 {
        tokio::select! {
            biased;
            answer = &mut waiting => told(answer),
            () = tokio::task::yield_now() => {}
        }
    }
}

/// What has ended is answered at once, as long as it is kept, whether or not it keeps a result.
pub async fn what_has_ended_is_not_waited_for(bench: Bench) {
    let (kept, plain) = (kept(&bench).await, bench.queue_one("b").await);
    let mut consumer = bench.consumer();
    for _ in 0..2 {
        settle_next(&mut consumer, fail()).await;
    }
    for id in [kept, plain] {
        let answer = wait(&bench, id).await;
        assert!(
            matches!(&answer, WaitAnswer::Ended(run) if run.id == id),
            "{answer:?}"
        );
    }
}

/// A run that the broker does not know, and an unended one that keeps no result, are unknown at once.
pub async fn what_keeps_no_result_is_unknown(bench: Bench) {
    let plain = bench.queue_one("a").await;
    let nobody = named("a").id;
    for id in [plain, nobody] {
        assert_eq!(wait(&bench, id).await, WaitAnswer::Unknown);
    }
    let mut consumer = bench.consumer();
    let lease = consumer.claim_one().await;
    assert_eq!(wait(&bench, plain).await, WaitAnswer::Unknown, "it runs");
    consumer.settle(lease, retry(AT_MOST)).await;
    assert_eq!(
        wait(&bench, plain).await,
        WaitAnswer::Unknown,
        "it is due later"
    );
}

/// Whoever waits for a run that is removed is told that it is unknown.
pub async fn a_removed_run_is_unknown(bench: Bench) {
    for _ in 0..5 {
        let id = kept(&bench).await;
        let remove = async {
            let _ = bench.admin().purge(&QueueName::DEFAULT).await;
        };
        let (answer, ()) = tokio::join!(wait(&bench, id), remove);
        assert_eq!(answer, WaitAnswer::Unknown);
    }
}

/// A wait lasts no longer than it asks to; the run goes on.
pub async fn the_time_of_a_wait_ends(bench: Bench) {
    let id = kept(&bench).await;
    let request = WaitEndedRequest::new(id, SHORT);
    for _ in 0..2 {
        let answer = within("the wait never ends", bench.broker.wait_ended(&request)).await;
        assert_eq!(answer.unwrap(), WaitAnswer::NotYet);
    }
    let mut consumer = bench.consumer();
    let run = ended_by(&bench, id, settle_next(&mut consumer, succeed())).await;
    assert_eq!(run.state, RunState::Succeeded);
}

/// Everybody who waits is told: several of one run, and each of its own.
pub async fn all_who_wait_are_told(bench: Bench) {
    let (first, second) = (kept(&bench).await, kept(&bench).await);
    let mut consumer = bench.consumer();
    let change = async {
        settle_next(&mut consumer, succeed()).await;
        settle_next(&mut consumer, fail()).await;
    };
    let (one, same, other, ()) = tokio::join!(
        wait(&bench, first),
        wait(&bench, first),
        wait(&bench, second),
        change
    );
    assert_eq!(one, same);
    let state = |answer: &WaitAnswer| match answer {
        WaitAnswer::Ended(run) => Some((run.id, run.state)),
        _ => None,
    };
    assert_eq!(state(&one), Some((first, RunState::Succeeded)));
    assert_eq!(state(&other), Some((second, RunState::Failed)));
}

/// A wait that is dropped takes nothing with it.
pub async fn a_dropped_wait_loses_nothing(bench: Bench) {
    for _ in 0..10 {
        let id = kept(&bench).await;
        let mut consumer = bench.consumer();
        let lease = consumer.claim_one().await;
        {
            let mut dropped = pin!(wait(&bench, id));
            tokio::select! {
                biased;
                _ = &mut dropped => panic!("it has not ended"),
                () = tokio::task::yield_now() => {}
            }
        }
        let run = ended_by(&bench, id, async {
            consumer.settle(lease, succeed()).await;
        })
        .await;
        assert_eq!(run.state, RunState::Succeeded);
    }
}

/// A run that is queued anew is waited for anew.
pub async fn a_requeued_run_is_waited_for_anew(bench: Bench) {
    let id = kept(&bench).await;
    let mut consumer = bench.consumer();
    let run = ended_by(&bench, id, settle_next(&mut consumer, fail())).await;
    assert_eq!(run.state, RunState::Failed);
    assert_eq!(bench.admin().requeue(&[id]).await.unwrap(), [true]);
    let run = ended_by(&bench, id, settle_next(&mut consumer, succeed())).await;
    assert_eq!(run.state, RunState::Succeeded);
}
