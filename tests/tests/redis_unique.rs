//! Unique keys, freed by every end of their run and by nobody else: scenario X14.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::time::Duration;

use aqueduct::broker_api::{Broker, BrokerAdmin, Enqueued, PauseScope, Settled, Settlement};
use aqueduct::redis::RedisBroker;
use aqueduct::run::{OnConflict, Reason, RunState, Unique};
use aqueduct::{QueueName, RunId};
use aqueduct_core::queue::Due;
use aqueduct_core::{Payload, QueuedTask};
use integration::contract::{
    Client, Source, enqueue, enqueue_one, fail, reclaim, reclaim_all, run, succeed,
};
use integration::figure::figure;
use integration::oracle::{at_rest, unfinished};
use integration::redis::{broker, server};

const LONG: Duration = Duration::from_mins(2);
const SHORT: Duration = Duration::from_millis(1);
const DEFAULT: QueueName = QueueName::DEFAULT;

fn unique(key: &str) -> QueuedTask {
    let mut task = run();
    task.options_mut().unique = Some(Unique::key(key).unwrap());
    task
}

/// Checks that nobody else gets the key while a run has it.
async fn taken_by(direct: &RedisBroker, key: &str, id: RunId) {
    let answer = enqueue(direct, vec![unique(key)]).await.remove(0);
    assert_eq!(answer, Enqueued::Duplicate(id), "{key}");
}

/// Settles the run of the key, which waits.
async fn end(direct: &RedisBroker, settlement: Settlement) {
    let mut client = Client::new(direct, LONG);
    let token = client.claim_one().await.token();
    assert_ne!(client.settle(token, settlement).await, Settled::LeaseLost);
}

/// Every way to end: its name, whether the run is delayed, and what ends it.
const ENDS: [(&str, bool); 10] = [
    ("succeed", false),
    ("fail", false),
    ("cancel itself", false),
    ("cancel waiting", false),
    ("cancel delayed", true),
    ("cancel running", false),
    ("expire", false),
    ("purge", false),
    ("purge delayed", true),
    ("crash", false),
];

async fn bring_to_end(direct: &RedisBroker, how: &str, id: RunId) {
    let reason = Reason::new("enough");
    match how {
        "succeed" => end(direct, succeed()).await,
        "fail" => end(direct, fail()).await,
        "cancel itself" => end(direct, Settlement::Cancel { reason }).await,
        "cancel waiting" | "cancel delayed" => {
            direct.cancel(&[id], reason).await.unwrap();
        }
        "cancel running" => {
            let mut client = Client::new(direct, LONG);
            let token = client.claim_one().await.token();
            direct.cancel(&[id], reason).await.unwrap();
            taken_by(direct, how, id).await;
            let settled = client.settle(token, Settlement::Release).await;
            assert_eq!(settled, Settled::Applied(RunState::Cancelled));
        }
        "expire" => {
            let expired = async { while reclaim(direct).await.expired == 0 {} };
            integration::soon("it does not expire", expired).await;
        }
        "purge" | "purge delayed" => assert_eq!(direct.purge(&DEFAULT).await.unwrap(), 1),
        _ => {
            for _ in 0..3 {
                let _dies = Client::new(direct, SHORT).claim_one().await;
                reclaim_all(direct, 1).await;
            }
        }
    }
}

#[tokio::test]
async fn x14_every_end_frees_the_unique_key() {
    let server = server(&[]);
    let direct = broker(&server.url()).await;
    for (how, is_delayed) in ENDS {
        let mut task = unique(how);
        task.due = if is_delayed {
            Due::After(LONG)
        } else {
            Due::Now
        };
        task.expires_in = (how == "expire").then_some(SHORT);
        let id = enqueue_one(&direct, task).await;
        if how != "expire" {
            taken_by(&direct, how, id).await;
        }
        bring_to_end(&direct, how, id).await;
        assert_eq!(unfinished(&direct).await, 0, "{how}");
        let again = enqueue_one(&direct, unique(how)).await;
        taken_by(&direct, how, again).await;
        end(&direct, succeed()).await;
    }
    at_rest(&server).await;
    assert_eq!(server.command(&["HLEN", "{aqueduct}:unique"]).unwrap(), "0");
    figure(&format!("{} ways to end, 0 keys stuck", ENDS.len()));
}

/// Waiting to run again is no end: the key stays.
#[tokio::test]
async fn x14_a_run_that_comes_back_keeps_its_key() {
    let server = server(&[]);
    let direct = broker(&server.url()).await;
    let id = enqueue_one(&direct, unique("k")).await;
    let failure = integration::contract::failure();
    let (wait, retry) = (SHORT, failure.clone());
    for again in [
        Settlement::Release,
        Settlement::Snooze { wait },
        Settlement::Retry {
            wait,
            failure: retry,
        },
        Settlement::Park { wait, failure },
    ] {
        let mut client = Client::new(&direct, LONG);
        let token = loop {
            if let Some(lease) = client.claim(1).await.pop() {
                break lease.token();
            }
        };
        assert_ne!(client.settle(token, again).await, Settled::LeaseLost);
        taken_by(&direct, "k", id).await;
    }
    let mut client = Client::new(&direct, LONG);
    let token = loop {
        if let Some(lease) = client.claim(1).await.pop() {
            break lease.token();
        }
    };
    client.settle(token, succeed()).await;
    enqueue_one(&direct, unique("k")).await;
    end(&direct, succeed()).await;
    assert_eq!(at_rest(&server).await.succeeded, 2);
    figure("4 ways to come back, the key was kept");
}

/// Returns a call that takes the place of the run that has the key.
fn replacing(key: &str, number: u64) -> QueuedTask {
    let mut task = unique(key);
    let unique = task.options_mut().unique.as_mut().unwrap();
    unique.on_conflict = OnConflict::Replace;
    task.payload = Payload::encode(&BTreeMap::from([("number", number)])).unwrap();
    task
}

/// Queues a run among others, which stands whole in its list, and replaces it there.
async fn replaced_among(direct: &RedisBroker, before: usize, behind: usize) -> RunId {
    let mut source = Source::new(direct);
    for _ in 0..before {
        source.enqueue(vec![run()]).await;
    }
    let id = enqueue_one(direct, unique("k")).await;
    for _ in 0..behind {
        source.enqueue(vec![run()]).await;
    }
    let answer = source.enqueue(vec![replacing("k", 7)]).await;
    assert_eq!(answer, [Enqueued::Replaced(id)]);
    id
}

/// Claims until the run comes up, and checks that it is the later call, which nobody replaces any more.
async fn is_the_later(direct: &RedisBroker, id: RunId) {
    let mut client = Client::new(direct, LONG);
    let lease = loop {
        let lease = client.claim_one().await;
        if lease.run().id == id {
            break lease;
        }
        client.settle(lease.token(), succeed()).await;
    };
    assert_eq!(lease.run().payload, replacing("k", 7).payload);
    let answer = enqueue(direct, vec![replacing("k", 8)]).await;
    assert_eq!(answer, [Enqueued::KeyTaken(id)], "it has begun");
    client.settle(lease.token(), succeed()).await;
    while let Some(lease) = client.claim(1).await.pop() {
        client.settle(lease.token(), succeed()).await;
    }
}

/// A run that stands whole in its list, where nothing but a search finds it, is replaced all the same: in a short
/// list, and in one that is searched in parts.
#[tokio::test]
async fn a_run_is_replaced_wherever_it_stands() {
    let server = server(&[]);
    let direct = broker(&server.url()).await;
    for (before, behind) in [(0, 0), (3, 3), (1_200, 1_200), (100, 1_200)] {
        let id = replaced_among(&direct, before, behind).await;
        is_the_later(&direct, id).await;
    }
    at_rest(&server).await;
}

#[tokio::test]
async fn a_run_of_a_paused_task_is_replaced_where_it_was_set_aside() {
    let server = server(&[]);
    let direct = broker(&server.url()).await;
    let scope = PauseScope::Task(run().task);
    let id = enqueue_one(&direct, unique("k")).await;
    direct.set_paused(&scope, true).await.unwrap();
    assert!(Client::new(&direct, LONG).claim(1).await.is_empty());
    let answer = enqueue(&direct, vec![replacing("k", 7)]).await;
    assert_eq!(answer, [Enqueued::Replaced(id)]);
    direct.set_paused(&scope, false).await.unwrap();
    is_the_later(&direct, id).await;
    at_rest(&server).await;
}

/// A late owner frees nothing that has gone to another run meanwhile.
#[tokio::test]
async fn x14_a_late_owner_does_not_free_the_key_of_another() {
    let server = server(&[]);
    let direct = broker(&server.url()).await;
    let first = enqueue_one(&direct, unique("k")).await;
    let mut slow = Client::new(&direct, SHORT);
    let stale = slow.claim_one().await.token();
    let beat = aqueduct::broker_api::ReclaimRequest::new(LONG, LONG).with_crash_budget(1);
    let dead = async { while direct.reclaim(&beat).await.unwrap().failed == 0 {} };
    integration::soon("the dead are not found", dead).await;
    let second = enqueue_one(&direct, unique("k")).await;
    for late in [succeed(), fail(), Settlement::Release] {
        assert_eq!(slow.settle(stale, late).await, Settled::LeaseLost);
        taken_by(&direct, "k", second).await;
    }
    assert_eq!(
        direct.requeue(&[first]).await.unwrap(),
        [false],
        "its key is taken"
    );
    taken_by(&direct, "k", second).await;
    end(&direct, succeed()).await;
    assert_eq!(direct.requeue(&[first]).await.unwrap(), [true]);
    taken_by(&direct, "k", first).await;
    end(&direct, succeed()).await;
    let ended = at_rest(&server).await;
    assert_eq!((ended.succeeded, ended.failed), (2, 1));
    figure("3 late settlements and 1 requeue refused, the key was kept");
}
