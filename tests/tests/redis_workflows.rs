//! Workflows while replies are lost, consumers die and primaries change.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::time::Duration;

use aqueduct::broker_api::{Broker as _, BrokerAdmin};
use aqueduct::run::Limit;
use aqueduct::{RunState, RunningApp, chain, group};
use integration::figure::figure;
use integration::oracle::at_rest;
use integration::process::{serve_if_child, take_time};
use integration::proxy::{Fault, FaultProxy, Rule};
use integration::redis::{Ledger, app, broker, note, producer, server};
use integration::soon;
use integration::world::World;

/// Not a test: what the children of the others run.
#[test]
fn child() {
    serve_if_child();
}

/// How many members a group has here; what follows has the next number.
const MEMBERS: u64 = 4;

/// Queues a group with two follow-ups in line, each with a number of its own.
async fn queue_group(app: &RunningApp, number: u64) {
    let first = number * (MEMBERS + 2);
    let members = (first..first + MEMBERS).map(note::with);
    let all = group(members)
        .then(note::with(first + MEMBERS))
        .then(note::with(first + MEMBERS + 1));
    all.queue(app.task_manager()).await.unwrap();
}

/// Lets groups be queued and executed while calls of a script fail; each run is executed and counted once.
async fn exactly_once(script: &str, every: usize, fault: Fault) {
    const GROUPS: u64 = 12;
    const RUNS: u64 = GROUPS * (MEMBERS + 2);
    let server = server(&[]);
    let proxy = FaultProxy::start(server.port()).await;
    let disturbed = broker(&proxy.url()).await;
    let digest = disturbed.digest_of(script).unwrap();
    proxy.add(Rule::every(every, digest, fault));
    let (mut ledger, writer) = Ledger::new();
    let app = app(disturbed, writer).await;
    for number in 0..GROUPS {
        queue_group(&app, number).await;
    }
    ledger.all_of(0..RUNS).await;
    proxy.heal();
    app.stop().await.unwrap();
    assert!(proxy.injected() > 0, "nothing was injected");
    assert_eq!(ledger.doubled(), [0_u64; 0], "executed twice");
    let ended = at_rest(&server).await;
    assert_eq!(
        (ended.succeeded, ended.failed),
        (RUNS, 0),
        "counted twice, or not"
    );
    let faults = proxy.injected();
    figure(&format!(
        "{faults} faults over {RUNS} runs, 0 lost, 0 executed twice"
    ));
}

#[tokio::test]
async fn a_lost_reply_to_an_enqueue_stores_a_workflow_once() {
    exactly_once("enqueue", 2, Fault::LostReply).await;
}

#[tokio::test]
async fn a_workflow_that_is_sent_twice_is_stored_once() {
    exactly_once("enqueue", 1, Fault::Twice).await;
}

#[tokio::test]
async fn a_lost_reply_to_a_settlement_releases_once() {
    exactly_once("claim", 2, Fault::LostReply).await;
}

#[tokio::test]
async fn a_settlement_that_is_sent_twice_releases_once() {
    exactly_once("claim", 1, Fault::Twice).await;
}

#[tokio::test]
async fn a_settlement_that_does_not_arrive_releases_later() {
    exactly_once("claim", 2, Fault::LostRequest).await;
}

/// A consumer of a member is killed: what follows begins once, after the member has ended elsewhere.
///
/// The members run one at a time, so that an end that is not the last has something to release too early.
#[tokio::test]
async fn a_killed_consumer_holds_up_what_follows_and_loses_nothing() {
    let mut world = World::new(2).await;
    let one = Limit::concurrency("one", 1).unwrap();
    let members = (0..MEMBERS).map(|number| take_time::with(number, 300).limit(one.clone()));
    let all = group(members).then(take_time::with(MEMBERS, 0));
    all.queue(&world.manager).await.unwrap();
    let said = world.next().await;
    world.consumers.signal(said.child, "KILL");
    let mut ended = BTreeSet::new();
    while !world.begun.contains_key(&MEMBERS) {
        let said = world.next().await;
        if said.word == "end" {
            ended.insert(said.number);
        }
    }
    assert!(
        (0..MEMBERS).all(|number| ended.contains(&number)),
        "{ended:?}"
    );
    world.settled(0..MEMBERS + 1).await;
    assert_eq!(world.begun.get(&MEMBERS), Some(&1));
    let again = world.begun.values().filter(|times| **times > 1).count();
    assert!(again > 0, "nothing was taken over");
}

/// A primary that is demoted and promoted again in the midst of workflows.
#[tokio::test]
async fn a_demoted_primary_holds_up_what_follows_and_loses_nothing() {
    let server = server(&[]);
    let (mut ledger, writer) = Ledger::new();
    let app = app(broker(&server.url()).await, writer).await;
    for number in 0..4 {
        queue_group(&app, number).await;
        server.command(&["REPLICAOF", "127.0.0.1", "1"]).unwrap();
        server.command(&["REPLICAOF", "NO", "ONE"]).unwrap();
    }
    ledger.all_of(0..4 * (MEMBERS + 2)).await;
    app.stop().await.unwrap();
    assert_eq!(at_rest(&server).await.succeeded, 4 * (MEMBERS + 2));
    assert_eq!(ledger.doubled(), [0_u64; 0]);
}

/// What a follow-up has got so far goes with it when it is cancelled.
#[tokio::test]
async fn what_is_gathered_goes_with_the_end() {
    let server = server(&[]);
    let (mut ledger, writer) = Ledger::new();
    let app = app(broker(&server.url()).await, writer).await;
    let later = note::with(2).delay(Duration::from_hours(1));
    let all = group([note::with(0), note::with(1), later]).then(note::with(3));
    let handle = all.queue(app.task_manager()).await.unwrap();
    ledger.all_of(0..2).await;
    let gathered = async {
        while server
            .command(&["KEYS", "*gathered*"])
            .unwrap()
            .trim()
            .is_empty()
        {
            tokio::task::yield_now().await;
        }
    };
    soon("nothing is gathered", gathered).await;
    assert_eq!(handle.cancel("enough").await.unwrap(), 2);
    app.stop().await.unwrap();
    assert_eq!(at_rest(&server).await.succeeded, 2);
}

/// A run that nobody can read is set aside: what follows it does not wait for ever.
#[tokio::test]
async fn what_follows_an_unreadable_run_is_cancelled() {
    let server = server(&[]);
    let direct = broker(&server.url()).await;
    let producer = producer(direct.clone()).await;
    let chain = chain(note::with(0)).then(note::with(1)).then(note::with(2));
    let handle = chain.queue(producer.task_manager()).await.unwrap();
    // Its options begin with a byte that begins nothing.
    let spoil = r"
        local spoilt = 0
        for _, id in ipairs(redis.call('HKEYS', KEYS[1])) do
            local run, number = string.gsub(redis.call('HGET', KEYS[1], id), '\129\171followed_by',
                '\193\171followed_by')
            if number > 0 then
                redis.call('HSET', KEYS[1], id, run)
                spoilt = spoilt + number
            end
        end
        return spoilt";
    let spoilt = server
        .command(&["EVAL", spoil, "1", "{aqueduct}:runs"])
        .unwrap();
    assert_eq!(spoilt.trim(), "1", "the first run alone has one option");
    let (_ledger, writer) = Ledger::new();
    let app = app(broker(&server.url()).await, writer).await;
    let ids = &handle.runs()[1..];
    let cancelled = async {
        loop {
            let found = direct.find(ids).await.unwrap();
            let states = found.iter().flatten().map(|run| run.state);
            if states.filter(|state| *state == RunState::Cancelled).count() == 2 {
                return found;
            }
        }
    };
    let found = soon("what follows waits for ever", cancelled).await;
    let reason = found[0].clone().unwrap().record.unwrap().reason.unwrap();
    assert!(reason.as_str().ends_with("which was removed"), "{reason}");
    app.stop().await.unwrap();
    producer.stop().await.unwrap();
    let lengths = direct.queue_lengths(&[]).await.unwrap();
    assert!(lengths.iter().all(|it| it.unfinished() == 0), "{lengths:?}");
}
