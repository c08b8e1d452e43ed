//! Late, repeated and overtaken requests of two consumers: scenarios X7 to X11.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use aqueduct::broker_api::{Broker, BrokerAdmin, LeaseToken, Settled, Settlement};
use aqueduct::redis::RedisBroker;
use aqueduct::run::{Reason, RunState};
use aqueduct::{Payload, RunId, Timestamp};
use aqueduct_redis_server::RedisServer;
use integration::contract::{
    Client, enqueue_one, fail, failure, reclaim, reclaim_all, run, succeed,
};
use integration::figure::figure;
use integration::oracle::at_rest;
use integration::proxy::{Fault, FaultProxy, Rule};
use integration::redis::{broker, server};
use integration::soon;

/// A lease that has run out by the time of the next request, or soon after.
const SHORT: Duration = Duration::from_millis(1);

/// A lease that no test outlasts.
const LONG: Duration = Duration::from_mins(2);

const LOST: Settled = Settled::LeaseLost;

fn result(number: u64) -> Settlement {
    let result = Payload::encode(&number).unwrap();
    Settlement::Succeed {
        result: Some(result),
    }
}

/// Everything that an attempt may end with.
fn settlements() -> Vec<Settlement> {
    let (wait, reason) = (SHORT, Reason::new("enough"));
    let failure = failure();
    let retry = failure.clone();
    vec![
        result(1),
        succeed(),
        fail(),
        Settlement::Retry {
            wait,
            failure: retry,
        },
        Settlement::Cancel { reason },
        Settlement::Snooze { wait },
        Settlement::Park { wait, failure },
        Settlement::Release,
    ]
}

async fn queue_kept(direct: &RedisBroker) -> RunId {
    let mut task = run();
    task.options_mut().keep_result = Some(LONG);
    enqueue_one(direct, task).await
}

/// Returns until when the lease of a consumer is, and how much it holds, if it lives.
async fn lease_of(direct: &RedisBroker, client: &Client) -> Option<(Timestamp, u64)> {
    let consumers = direct.consumers().await.unwrap();
    let mut found = consumers.iter().filter(|it| it.consumer == client.id);
    found.next().map(|it| (it.lease_until, it.holds))
}

/// Whoever stood still settles what somebody else holds by now: refused, whatever it says.
#[tokio::test]
async fn x7_a_late_settlement_is_refused() {
    let server = server(&[]);
    let direct = broker(&server.url()).await;
    let mut refused = 0;
    for late in settlements() {
        let id = queue_kept(&direct).await;
        let (mut slow, mut other) = (Client::new(&direct, SHORT), Client::new(&direct, LONG));
        let stale = slow.claim_one().await.token();
        reclaim_all(&direct, 1).await;
        let held = other.claim_one().await.token();
        let before = lease_of(&direct, &other).await;
        assert_eq!(slow.settle(stale, late.clone()).await, LOST, "{late:?}");
        assert_eq!(slow.extend(vec![stale]).await.lost, [id]);
        // With the token of the other one, but as itself.
        assert_eq!(slow.settle(held, late).await, LOST);
        refused += 3;
        assert_eq!(lease_of(&direct, &other).await, before);
        let found = direct.find(&[id]).await.unwrap().remove(0).unwrap();
        assert_eq!((found.state, found.tally.crashes), (RunState::Running, 1));
        assert!(other.extend(vec![held]).await.lost.is_empty());
        let settled = other.settle(held, result(2)).await;
        assert_eq!(settled, Settled::Applied(RunState::Succeeded));
        assert_eq!(slow.settle(stale, fail()).await, LOST, "it has ended");
        assert_eq!(recorded(&direct, id).await, 2);
    }
    let runs = settlements().len() as u64;
    let ended = at_rest(&server).await;
    assert_eq!((ended.succeeded, ended.failed, ended.retried), (runs, 0, 0));
    figure(&format!("{refused} late requests refused, of {runs} runs"));
}

/// As [`x7_a_late_settlement_is_refused`], but whoever stood still has taken the run again itself.
#[tokio::test]
async fn x7_a_settlement_of_an_older_attempt_is_refused() {
    let server = server(&[]);
    let direct = broker(&server.url()).await;
    for late in settlements() {
        let id = queue_kept(&direct).await;
        let mut slow = Client::new(&direct, SHORT);
        let stale = slow.claim_one().await.token();
        reclaim_all(&direct, 1).await;
        let held = slow.claim_one().await.token();
        assert_eq!((held.run, held.attempt), (id, stale.attempt + 1));
        assert_eq!(slow.settle(stale, late.clone()).await, LOST, "{late:?}");
        let settled = slow.settle(held, result(2)).await;
        assert_eq!(settled, Settled::Applied(RunState::Succeeded), "{late:?}");
        assert_eq!(recorded(&direct, id).await, 2);
    }
    let runs = settlements().len() as u64;
    let ended = at_rest(&server).await;
    assert_eq!((ended.succeeded, ended.failed, ended.retried), (runs, 0, 0));
}

/// Returns the result that a run is recorded with.
async fn recorded(direct: &RedisBroker, id: RunId) -> u64 {
    let found = direct.find(&[id]).await.unwrap().remove(0).unwrap();
    let recorded = found.record.unwrap().result.unwrap();
    recorded.decode().unwrap()
}

/// Whoever is late but was not replaced: its work is not wasted.
#[tokio::test]
async fn x8_a_late_settlement_of_a_run_that_nobody_took_is_accepted() {
    let server = server(&[]);
    let direct = broker(&server.url()).await;
    let runs = settlements().len() as u64;
    for late in settlements() {
        enqueue_one(&direct, run()).await;
        let mut slow = Client::new(&direct, SHORT);
        let token = slow.claim_one().await.token();
        expired(&direct, &slow).await;
        let applied = slow.settle(token, late.clone()).await;
        assert_ne!(applied, LOST, "{late:?}");
        assert_eq!(reclaim(&direct).await.requeued, 0, "{late:?} was wasted");
        // What is to run again runs again, once.
        let mut next = Client::new(&direct, LONG);
        while integration::oracle::unfinished(&direct).await > 0 {
            for lease in next.claim(9).await {
                assert_eq!(lease.run().tally.crashes, 0);
                let _ = next.settle(lease.token(), succeed()).await;
            }
        }
    }
    let ended = at_rest(&server).await;
    // One fails, one is cancelled.
    assert_eq!((ended.succeeded, ended.failed), (runs - 2, 1));
    figure(&format!("0 of {runs} late settlements wasted"));
}

/// Waits until the lease of a consumer has run out: the server tells of the living only.
async fn expired(direct: &RedisBroker, client: &Client) {
    let run_out = async { while lease_of(direct, client).await.is_some() {} };
    soon("the lease does not run out", run_out).await;
}

/// One attempt is settled by two at the same time, again and again: counted once.
#[tokio::test]
async fn x9_one_attempt_that_is_settled_by_two_counts_once() {
    const RUNS: u64 = 300;
    let server = server(&[]);
    let (direct, other) = (broker(&server.url()).await, broker(&server.url()).await);
    for number in 0..RUNS {
        enqueue_one(&direct, run()).await;
        let mut client = Client::new(&direct, LONG);
        let token = client.claim_one().await.token();
        let first = client.next_settle(token, succeed());
        let second = client.next_settle(token, fail());
        let (first, second) = if number % 2 == 0 {
            tokio::join!(direct.settle(&first), other.settle(&second))
        } else {
            let (second, first) = tokio::join!(other.settle(&second), direct.settle(&first));
            (first, second)
        };
        let answers = [first.unwrap()[0], second.unwrap()[0]];
        let lost = answers.iter().filter(|answer| **answer == LOST).count();
        assert_eq!(lost, 1, "{answers:?}");
    }
    let ended = at_rest(&server).await;
    assert_eq!(ended.succeeded + ended.failed, RUNS);
    figure(&format!(
        "{RUNS} pairs, success won {} times",
        ended.succeeded
    ));
}

/// A renewal that was under way while its run went to somebody else moves no lease of that one.
#[tokio::test]
async fn x10_a_late_renewal_moves_no_other_lease() {
    let server = server(&[]);
    let proxy = FaultProxy::start(server.port()).await;
    let (direct, delayed) = (broker(&server.url()).await, broker(&proxy.url()).await);
    let id = enqueue_one(&direct, run()).await;
    let (mut slow, mut other) = (Client::new(&delayed, SHORT), Client::new(&direct, LONG));
    let stale = slow.claim_one().await.token();
    // Opens the connection of heartbeats.
    delayed.extend(&slow.renewal(vec![stale])).await.unwrap();
    let digest = delayed.digest_of("extend").unwrap();
    proxy.add(Rule::every(1, digest, Fault::Held).at_most(1));
    let renewal = slow.renewal(vec![stale]);
    let late = delayed.extend(&renewal);
    let meanwhile = async {
        proxy.holds(1).await;
        reclaim_all(&direct, 1).await;
        let held = other.claim_one().await.token();
        let before = lease_of(&direct, &other).await;
        proxy.release();
        (held, before)
    };
    let (late, (held, before)) = tokio::join!(late, meanwhile);
    assert_eq!(late.unwrap().lost, [id]);
    assert_eq!(lease_of(&direct, &other).await, before);
    assert_eq!(slow.settle(stale, succeed()).await, LOST);
    let settled = other.settle(held, succeed()).await;
    assert_eq!(settled, Settled::Applied(RunState::Succeeded));
    remembered(&server, &direct, "1").await;
    assert_eq!(at_rest(&server).await.succeeded, 1);
    figure(&format!(
        "{} renewal held back, no lease moved",
        proxy.injected()
    ));
}

/// Waits until so many consumers are remembered: whatever the dead sent late keeps nothing alive for long.
async fn remembered(server: &RedisServer, direct: &RedisBroker, count: &str) {
    let remembered = || server.command(&["ZCARD", "{aqueduct}:consumers"]).unwrap();
    let forgotten = async {
        while remembered() != count {
            reclaim(direct).await;
        }
    };
    soon("a dead consumer is not forgotten", forgotten).await;
}

/// A renewal that is overtaken by the settlement of its run brings nothing back.
#[tokio::test]
async fn x11_a_renewal_behind_its_settlement_brings_nothing_back() {
    const RUNS: u64 = 20;
    let server = server(&[]);
    let proxy = FaultProxy::start(server.port()).await;
    let broker = broker(&proxy.url()).await;
    let digest = broker.digest_of("extend").unwrap().to_owned();
    broker
        .extend(&Client::new(&broker, SHORT).renewal(vec![]))
        .await
        .unwrap();
    proxy.add(Rule::every(1, &digest, Fault::Held));
    for _ in 0..RUNS {
        let id = enqueue_one(&broker, run()).await;
        let mut client = Client::new(&broker, LONG);
        let token: LeaseToken = client.claim_one().await.token();
        let renewal = client.renewal(vec![token]);
        let overtake = async {
            proxy.holds(1).await;
            let settled = client.settle(token, succeed()).await;
            assert_eq!(settled, Settled::Applied(RunState::Succeeded));
            proxy.release();
        };
        let (late, ()) = tokio::join!(broker.extend(&renewal), overtake);
        assert_eq!(late.unwrap().lost, [id]);
        assert_eq!(lease_of(&broker, &client).await.unwrap().1, 0);
    }
    assert_eq!(at_rest(&server).await.succeeded, RUNS);
    figure(&format!(
        "{} renewals overtaken, 0 orphans",
        proxy.injected()
    ));
}
