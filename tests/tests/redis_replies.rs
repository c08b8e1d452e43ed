//! Lost replies and fencing, on the wire: scenarios X1 to X16, L4 and K5 against a real server.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;
use std::time::Duration;

use aqueduct::broker_api::{
    Broker, ClaimRequest, LaneWant, ReclaimRequest, Sequence, SettleRequest,
};
use aqueduct::run::Limit;
use aqueduct::{Lane, QueueName, TaskCall};
use aqueduct_core::ConsumerId;
use integration::contract::succeed;
use integration::figure::{Stopwatch, figure, percentile};
use integration::oracle::at_rest;
use integration::proxy::{Fault, FaultProxy, Rule};
use integration::redis::{Ledger, app, broker, note, note_and_fail, producer, queue_notes, server};
use integration::soon;

const RUNS: u64 = 60;

/// Lets runs be queued and executed while calls of a script fail; each is executed and counted once.
async fn exactly_once(script: &str, every: usize, fault: Fault) {
    exactly_once_of(note::with, script, every, fault).await;
}

async fn exactly_once_of(
    call: impl Fn(u64) -> TaskCall<()>,
    script: &str,
    every: usize,
    fault: Fault,
) {
    let server = server(&[]);
    let proxy = FaultProxy::start(server.port()).await;
    let disturbed = broker(&proxy.url()).await;
    proxy.add(Rule::every(
        every,
        disturbed.digest_of(script).unwrap(),
        fault,
    ));
    let (mut ledger, writer) = Ledger::new();
    let app = app(disturbed, writer).await;
    for number in 0..RUNS {
        let queued = call(number).queue(app.task_manager()).await;
        queued.unwrap();
    }
    ledger.all_of(0..RUNS).await;
    // Some calls are made only by a consumer that finds nothing to do.
    soon("nothing was injected", proxy.has_injected(1)).await;
    proxy.heal();
    app.stop().await.unwrap();
    assert_eq!(ledger.doubled(), [0_u64; 0], "executed twice");
    // A heartbeat finds what no claim has told of, and gives it back: that is another attempt.
    assert_eq!(ledger.claimed_again(), 0, "claimed twice");
    let ended = at_rest(&server).await;
    assert_eq!(ended.succeeded, RUNS, "counted twice, or not");
    figure(&format!(
        "{} faults over {RUNS} runs, 0 executed twice",
        proxy.injected()
    ));
}

#[tokio::test]
async fn x1_a_lost_reply_to_an_enqueue_adds_one_run() {
    exactly_once("enqueue_whole", 5, Fault::LostReply).await;
}

#[tokio::test]
async fn x2_an_enqueue_that_is_sent_twice_adds_one_run() {
    exactly_once("enqueue_whole", 1, Fault::Twice).await;
}

#[tokio::test]
async fn x3_a_lost_reply_to_a_claim_returns_the_same_runs() {
    exactly_once("claim", 3, Fault::LostReply).await;
}

/// Settlements go with claims: a lost reply loses both answers.
#[tokio::test]
async fn x4_a_lost_reply_to_a_settlement_does_not_run_it_again() {
    exactly_once("claim", 2, Fault::LostReply).await;
}

#[tokio::test]
async fn x4_a_settlement_that_is_sent_twice_counts_once() {
    exactly_once("claim", 1, Fault::Twice).await;
}

/// Requests that never arrive are sent again, and nothing is done without them.
#[tokio::test]
async fn x13_a_settlement_that_does_not_arrive_is_sent_again() {
    exactly_once("claim", 2, Fault::LostRequest).await;
}

/// Returns runs that share three places and the starts of a second.
fn limited(number: u64) -> TaskCall<()> {
    let places = Limit::concurrency("places", 3).unwrap();
    let rate = Limit::rate("rate", 100, Duration::from_secs(1)).unwrap();
    note::with(number).limit(places).limit(rate)
}

#[tokio::test]
async fn l4_lost_replies_leak_no_place_of_a_limit() {
    exactly_once_of(limited, "claim", 2, Fault::LostReply).await;
    exactly_once_of(limited, "claim", 1, Fault::Twice).await;
    exactly_once_of(limited, "enqueue_whole", 5, Fault::LostReply).await;
    exactly_once_of(limited, "enqueue_whole", 1, Fault::Twice).await;
}

/// Returns runs with keys of their own, which are free again once they have ended.
fn keyed(number: u64) -> TaskCall<()> {
    let call = note::with(number).unique(format!("unique-{number}"));
    call.idempotency_key(format!("order-{number}"))
}

#[tokio::test]
async fn k5_lost_replies_leave_no_key_held() {
    exactly_once_of(keyed, "enqueue", 5, Fault::LostReply).await;
    exactly_once_of(keyed, "enqueue", 1, Fault::Twice).await;
    exactly_once_of(keyed, "claim", 2, Fault::LostReply).await;
    let unique = |number| note::with(number).unique(format!("unique-{number}"));
    exactly_once_of(unique, "enqueue_whole", 5, Fault::LostReply).await;
    exactly_once_of(unique, "enqueue_whole", 1, Fault::Twice).await;
    exactly_once_of(unique, "claim", 2, Fault::LostReply).await;
}

#[tokio::test]
async fn x5_a_lost_reply_to_a_retry_counts_one_failure() {
    let server = server(&[]);
    let proxy = FaultProxy::start(server.port()).await;
    let disturbed = broker(&proxy.url()).await;
    proxy.add(Rule::every(
        2,
        disturbed.digest_of("claim").unwrap(),
        Fault::LostReply,
    ));
    let (mut ledger, writer) = Ledger::new();
    let app = app(disturbed, writer).await;
    for number in 0..20 {
        note_and_fail::queue(app.task_manager(), number)
            .await
            .unwrap();
    }
    while ledger
        .executed
        .values()
        .filter(|times| **times >= 2)
        .count()
        < 20
    {
        ledger.next().await;
    }
    proxy.heal();
    app.stop().await.unwrap();
    let ended = at_rest(&server).await;
    assert_eq!((ended.retried, ended.succeeded), (20, 20));
    figure(&format!(
        "{} faults over 20 retries, each counted once",
        proxy.injected()
    ));
}

/// Whoever moves due runs and takes back those of the dead may be repeated as well.
#[tokio::test]
async fn x6_moves_that_are_sent_twice_move_nothing_twice() {
    exactly_once("peek", 1, Fault::Twice).await;
    let server = server(&[]);
    let proxy = FaultProxy::start(server.port()).await;
    let disturbed = broker(&proxy.url()).await;
    let producer = producer(broker(&server.url()).await).await;
    queue_notes(&producer, 0..20).await;
    let moment = Duration::from_millis(1);
    let want = LaneWant::new(Lane::Io, Arc::from([QueueName::DEFAULT]), 20);
    let claim =
        ClaimRequest::new(ConsumerId::generate(), Sequence::FIRST, moment).want(want.clone());
    assert_eq!(disturbed.claim(&claim).await.unwrap().leases.len(), 20);
    proxy.add(Rule::every(
        1,
        disturbed.digest_of("reclaim").unwrap(),
        Fault::Twice,
    ));
    let beat = ReclaimRequest::new(Duration::from_mins(1), moment);
    while disturbed.reclaim(&beat).await.unwrap().requeued == 0 {}
    let lease = Duration::from_mins(1);
    let claim = ClaimRequest::new(ConsumerId::generate(), Sequence::FIRST, lease).want(want);
    let leases = disturbed.claim(&claim).await.unwrap().leases;
    assert_eq!(leases.len(), 20);
    let items = leases.into_iter().map(|lease| lease.settle(succeed()));
    let settle = SettleRequest::new(claim.consumer, Sequence::FIRST.next(), items.collect());
    disturbed.settle(&settle).await.unwrap();
    assert_eq!(at_rest(&server).await.succeeded, 20);
    figure(&format!(
        "{} beats sent twice over 20 runs of the dead",
        proxy.injected()
    ));
}

/// A consumer that dies with a token of the bell in its hands: somebody else is woken.
#[tokio::test]
async fn x16_a_token_that_is_lost_with_its_connection_delays_nobody_for_long() {
    let server = server(&[]);
    let proxy = FaultProxy::start(server.port()).await;
    let (mut ledger, writer) = Ledger::new();
    let first = app(broker(&proxy.url()).await, writer.clone()).await;
    let second = app(broker(&server.url()).await, writer).await;
    let producer = producer(broker(&server.url()).await).await;
    proxy.add(Rule::every(1, "BLPOP", Fault::LostReply));
    let mut waits = Vec::new();
    for number in 0..20 {
        let queued = Stopwatch::start();
        queue_notes(&producer, [number]).await;
        ledger.all_of([number]).await;
        waits.push(queued.millis());
    }
    proxy.heal();
    first.stop().await.unwrap();
    second.stop().await.unwrap();
    producer.stop().await.unwrap();
    assert_eq!(ledger.doubled(), [0_u64; 0]);
    assert_eq!(at_rest(&server).await.succeeded, 20);
    figure(&format!(
        "{} tokens lost, p50 {:.1} ms, longest {:.1} ms to the run",
        proxy.injected(),
        percentile(&mut waits, 50),
        percentile(&mut waits, 100)
    ));
}
