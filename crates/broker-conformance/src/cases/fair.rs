//! Turns: runs with a fair key start in turn with those of other keys, however many there are.

use std::time::Duration;

use aqueduct_broker_api::{BrokerAdmin, PauseScope, Settlement};
use aqueduct_core::run::{Fair, Limit, Reason};
use aqueduct_core::{Priority, QueuedTask, RunId, RunState};

use super::limits::at_once;
use crate::fixture::{
    Bench, PAST_LEASE, fail, named, names, queue_name, retry, succeed, task_name,
};

const SECOND: Duration = Duration::from_secs(1);

/// Returns a task to queue whose runs take turns by a key.
pub(super) fn fair(task: &str, key: &str) -> QueuedTask {
    weighted(task, key, 1)
}

fn weighted(task: &str, key: &str, weight: u16) -> QueuedTask {
    let mut task = named(task);
    task.options_mut().fair = Some(Fair::key(key).unwrap().weight(weight).unwrap());
    task
}

/// Returns so many tasks with the name of their key.
fn backlog(key: &str, number: usize) -> impl Iterator<Item = QueuedTask> {
    (0..number).map(move |_| fair(key, key))
}

/// A key with many waiting runs does not hold up one that comes later.
pub async fn keys_take_turns(bench: Bench) {
    bench.queue(backlog("x", 5)).await;
    bench.queue(backlog("y", 2)).await;
    let mut consumer = bench.consumer();
    assert_eq!(consumer.claim_names(3).await, ["x", "y", "x"]);
    bench.queue(backlog("z", 1)).await;
    assert_eq!(consumer.claim_names(9).await, ["y", "x", "z", "x", "x"]);
    assert_eq!(bench.lengths().await.queued, 0);
}

/// Turns go on from claim to claim, over all consumers, one by one.
pub async fn turns_are_over_all_consumers(bench: Bench) {
    let tasks = backlog("x", 3)
        .chain(backlog("y", 3))
        .chain(backlog("z", 1));
    bench.queue(tasks).await;
    let mut consumers = [bench.consumer(), bench.consumer()];
    let mut started = Vec::new();
    for turn in 0..7 {
        started.extend(consumers[turn % 2].claim_names(1).await);
    }
    assert_eq!(started, ["x", "y", "z", "x", "y", "x", "y"]);
}

/// As many runs of a key start in a turn as its weight says, in one claim or in several.
pub async fn a_weight_is_the_length_of_a_turn(bench: Bench) {
    let heavy = || weighted("h", "heavy", 3);
    for claims_of in [1, 2, 9] {
        let tasks = (0..7).map(|_| heavy()).chain(backlog("x", 3));
        bench.queue(tasks).await;
        let mut consumer = bench.consumer();
        let mut started = Vec::new();
        loop {
            let claimed = consumer.claim_names(claims_of).await;
            if claimed.is_empty() {
                break;
            }
            started.extend(claimed);
        }
        let expected = ["h", "h", "h", "x", "h", "h", "h", "x", "h", "x"];
        assert_eq!(started, expected, "claims of {claims_of}");
    }
}

/// Runs of one key start in the order they came; those without a key take their turn as they come.
pub async fn what_has_no_key_is_a_turn_of_its_own(bench: Bench) {
    let tasks = [
        fair("x1", "x"),
        fair("x2", "x"),
        named("a"),
        fair("x3", "x"),
        named("b"),
    ];
    bench.queue(tasks).await;
    let mut consumer = bench.consumer();
    assert_eq!(consumer.claim_names(9).await, ["x1", "a", "b", "x2", "x3"]);
}

/// Turns are within a queue and a priority.
pub async fn priorities_go_before_turns(bench: Bench) {
    let mut urgent = fair("urgent", "x");
    urgent.priority = Priority::High;
    let mut elsewhere = fair("elsewhere", "x");
    elsewhere.queue = queue_name("other");
    bench.queue(backlog("x", 2).chain(backlog("y", 1))).await;
    bench.queue([elsewhere, urgent]).await;
    let mut consumer = bench.consumer();
    assert_eq!(consumer.claim_names(9).await, ["urgent", "x", "y", "x"]);
}

/// A run that was delayed, is retried or queued anew stands behind those of its key.
pub async fn whatever_becomes_ready_takes_turns(bench: Bench) {
    let mut later = fair("later", "x");
    later.due = aqueduct_core::queue::Due::After(SECOND);
    let failing = fair("retried", "y");
    let id = failing.id;
    bench.queue([later, failing]).await;
    let mut consumer = bench.consumer();
    let lease = consumer.claim_one().await;
    consumer.settle(lease, retry(SECOND)).await;
    bench.queue(backlog("x", 2).chain(backlog("y", 2))).await;
    bench.advance(SECOND).await;
    let mut leases = consumer.claim(9).await;
    assert_eq!(names(&leases), ["x", "y", "x", "y", "later", "retried"]);
    consumer.settle(leases.pop().unwrap(), fail()).await;
    bench.queue(backlog("y", 2).chain(backlog("x", 2))).await;
    assert_eq!(bench.admin().requeue(&[id]).await.unwrap(), [true]);
    let started = consumer.claim_names(9).await;
    assert_eq!(started, ["y", "x", "y", "x", "retried"]);
}

/// What is given back is the next of its key, and what a dead consumer held as well: nothing is lost.
pub async fn what_was_given_back_is_the_next_of_its_key(bench: Bench) {
    let of_x = |name| fair(name, "x");
    bench
        .queue([of_x("x1"), of_x("x2"), of_x("x3"), fair("y1", "y")])
        .await;
    let mut consumer = bench.consumer();
    let lease = consumer.claim_one().await;
    consumer.settle(lease, Settlement::Release).await;
    let started = consumer.claim_names(3).await;
    assert_eq!(started, ["y1", "x1", "x2"], "the turn of `x` was over");
    bench.advance_in_beats(PAST_LEASE).await;
    let mut other = bench.consumer();
    let started = other.claim_names(9).await;
    assert_eq!(started.len(), 4, "nothing is lost: {started:?}");
    let of_x: Vec<&String> = started.iter().filter(|it| it.starts_with('x')).collect();
    assert_eq!(of_x, ["x1", "x2", "x3"]);
    assert_eq!(bench.lengths().await.queued, 0);
}

/// A key that comes back from its own limit stands behind those that wait already.
pub async fn limits_hold_and_give_no_precedence(bench: Bench) {
    let limited = |key: &str| {
        let mut task = fair(key, key);
        task.options_mut().limits.set(at_once(key, 1)).unwrap();
        task
    };
    let many = |key: &'static str, number: usize| (0..number).map(move |_| limited(key));
    bench.queue(many("x", 3).chain(many("y", 2))).await;
    let mut consumer = bench.consumer();
    let mut leases = consumer.claim(9).await;
    assert_eq!(names(&leases), ["x", "y"], "one of each at once");
    bench.queue(many("z", 2)).await;
    consumer.settle(leases.remove(0), succeed()).await;
    let lease = consumer.claim_one().await;
    assert_eq!(lease.run().task.as_str(), "z", "it was there before `x`");
    assert_eq!(consumer.claim_names(9).await, ["x"]);
    consumer.settle(lease, succeed()).await;
    assert_eq!(consumer.claim_names(9).await, ["z"]);
    assert_eq!(bench.lengths().await.queued, 2);
}

/// Keys that wait for one limit take turns at it, as long as their weights say.
pub async fn turns_hold_at_a_shared_limit(bench: Bench) {
    let limit: Limit = at_once("all", 1);
    let limited = |key: &str, weight| {
        let mut task = weighted(key, key, weight);
        task.options_mut().limits.set(limit.clone()).unwrap();
        task
    };
    let heavy = (0..5).map(|_| limited("h", 2));
    let light = (0..2).map(|_| limited("x", 1));
    bench.queue(heavy.chain(light)).await;
    let mut consumer = bench.consumer();
    let mut started = Vec::new();
    while let Some(lease) = consumer.claim(9).await.pop() {
        started.push(lease.run().task.to_string());
        consumer.settle(lease, succeed()).await;
    }
    assert_eq!(started, ["h", "h", "h", "x", "h", "h", "x"]);
}

/// The number of a run counts from when it is ready: it reaches those that stand before it, and other keys.
pub async fn a_new_number_reaches_the_backlog(bench: Bench) {
    let limited = |key: &str, max| {
        let mut task = fair(key, key);
        task.options_mut().limits.set(at_once("all", max)).unwrap();
        task
    };
    bench.queue((0..4).map(|_| limited("x", 1))).await;
    bench.queue([limited("y", 1)]).await;
    let mut consumer = bench.consumer();
    assert_eq!(consumer.claim_names(9).await, ["x"]);
    bench.advance(SECOND).await;
    let mut before = named("before");
    before.expires_in = Some(SECOND);
    bench.queue([before, limited("x", 3)]).await;
    let started = consumer.claim_names(9).await;
    assert_eq!(started, ["before", "y", "x"], "three of all at once");
    assert_eq!(bench.lengths().await.queued, 3);
}

/// A backlog keeps the number of the run that was queued last, though nobody has looked at it: whether it was never claimed
/// from, nobody holds a run of it any more, or its task was paused.
pub async fn a_backlog_keeps_its_number(bench: Bench) {
    let limited = |max| {
        let mut task = fair("x", "x");
        task.options_mut().limits.set(at_once("all", max)).unwrap();
        task
    };
    bench.queue((0..20).map(|_| limited(4))).await;
    bench.advance(SECOND).await;
    bench.queue([limited(2)]).await;
    let mut consumer = bench.consumer();
    let started = consumer.claim(9).await;
    assert_eq!(started.len(), 2, "never claimed from");
    for lease in started {
        consumer.settle(lease, succeed()).await;
    }
    let started = consumer.claim(9).await;
    assert_eq!(started.len(), 2, "all had been settled");
    let (admin, scope) = (bench.admin(), PauseScope::Task(task_name("x")));
    admin.set_paused(&scope, true).await.unwrap();
    for lease in started {
        consumer.settle(lease, succeed()).await;
    }
    assert!(consumer.claim(9).await.is_empty());
    admin.set_paused(&scope, false).await.unwrap();
    assert_eq!(consumer.claim(9).await.len(), 2, "paused and resumed");
    assert_eq!(bench.lengths().await.queued, 15);
}

/// What waits for its turn is found, expires, can be cancelled, queued anew and purged.
pub async fn what_waits_can_be_steered(bench: Bench) {
    let mut tasks = ["a", "b", "c", "d"].map(|name| fair(name, "x"));
    tasks[1].expires_in = Some(SECOND);
    let ids: Vec<RunId> = tasks.iter().map(|task| task.id).collect();
    bench.queue(tasks).await;
    bench.advance(SECOND * 2).await;
    assert_eq!(bench.beat().await.expired, 1);
    assert_eq!(bench.state(ids[1]).await, Some(RunState::Expired));
    let (admin, reason) = (bench.admin(), Reason::new("enough"));
    admin.cancel(&ids[2..3], reason).await.unwrap();
    assert_eq!(bench.state(ids[2]).await, Some(RunState::Cancelled));
    assert_eq!(admin.requeue(&ids[2..3]).await.unwrap(), [true]);
    let mut consumer = bench.consumer();
    assert_eq!(consumer.claim_names(9).await, ["a", "d", "c"]);
    let tasks = ["e", "f"].map(|name| fair(name, "x"));
    bench.queue(tasks).await;
    assert_eq!(admin.purge(&queue_name("default")).await.unwrap(), 2);
    assert!(consumer.claim(9).await.is_empty());
    bench.queue(backlog("y", 2).chain(backlog("x", 1))).await;
    assert_eq!(consumer.claim_names(9).await, ["y", "x", "y"]);
}

/// Runs of a paused task do not hold up others of their key, and come first of it when the task is resumed.
pub async fn a_paused_task_holds_nothing_up(bench: Bench) {
    let scope = PauseScope::Task(task_name("a"));
    bench
        .queue([fair("a", "x"), fair("b", "x"), fair("c", "y")])
        .await;
    bench.admin().set_paused(&scope, true).await.unwrap();
    let mut consumer = bench.consumer();
    let mut started = consumer.claim_names(9).await;
    started.sort();
    assert_eq!(started, ["b", "c"]);
    bench.queue([fair("d", "x")]).await;
    bench.admin().set_paused(&scope, false).await.unwrap();
    assert_eq!(consumer.claim_names(9).await, ["a", "d"]);
}

/// A run that takes turns has those of its own key before it, and the turns of others.
pub async fn it_is_told_where_a_run_stands(bench: Bench) {
    let x: Vec<QueuedTask> = backlog("x", 3).collect();
    let (y, plain) = (fair("y", "y"), named("plain"));
    let ids: Vec<RunId> = [&x[0], &x[1], &x[2], &y, &plain].map(|task| task.id).into();
    bench.queue(x.into_iter().chain([y, plain])).await;
    let turns = async || {
        let mut turns = Vec::new();
        for id in &ids {
            let turn = bench.admin().turn(*id).await.unwrap();
            turns.push(turn.map(|it| (it.runs_before, it.turns_before)));
        }
        turns
    };
    let [first, second, third] = [0, 1, 2].map(|before| Some((before, Some(0))));
    assert_eq!(
        turns().await,
        [first, second, third, Some((0, Some(1))), None]
    );
    // The turn of `x` is over: it stands behind `y` and what has no key.
    assert_eq!(bench.consumer().claim_names(1).await, ["x"]);
    let [second, third] = [0, 1].map(|before| Some((before, Some(2))));
    assert_eq!(turns().await, [None, second, third, first, None]);
}
