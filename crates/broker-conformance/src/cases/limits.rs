//! Limits that runs share: how many run at once.

use std::time::Duration;

use aqueduct_broker_api::{BrokerAdmin, Enqueued, PauseScope, Settlement};
use aqueduct_core::run::{Limit, OnConflict, Reason, Unique};
use aqueduct_core::{Priority, QueuedTask, RunId, RunState};

use crate::fixture::{
    Bench, Consumer, PAST_LEASE, fail, failure, named, names, queue_name, retry, succeed,
};

const SECOND: Duration = Duration::from_secs(1);

/// Returns a task to queue with these limits.
pub(super) fn limited(task: &str, limits: impl IntoIterator<Item = Limit>) -> QueuedTask {
    let mut task = named(task);
    for limit in limits {
        task.options_mut().limits.set(limit).unwrap();
    }
    task
}

pub(super) fn at_once(key: &str, max: u32) -> Limit {
    Limit::concurrency(key, max).unwrap()
}

pub(super) fn rate(key: &str, max: u32, per: Duration) -> Limit {
    Limit::rate(key, max, per).unwrap()
}

async fn running(bench: &Bench, limit: Limit) -> u64 {
    let infos = bench.admin().limits(&[limit]).await.unwrap();
    infos[0].running
}

/// Over all consumers, no more runs of a key are held than its limit says; others are not held up.
pub async fn no_more_than_the_limit_run_at_once(bench: Bench) {
    let tasks = ["a", "b", "c", "d"].map(|name| limited(name, [at_once("k", 2)]));
    bench.queue(tasks).await;
    bench.queue_one("other").await;
    let (mut first, mut second) = (bench.consumer(), bench.consumer());
    let mut leases = first.claim(9).await;
    assert_eq!(names(&leases), ["a", "b", "other"]);
    assert!(
        second.claim(9).await.is_empty(),
        "the limit is over all consumers"
    );
    assert_eq!(bench.lengths().await.queued, 2, "what waits is queued");
    first.settle(leases.remove(0), succeed()).await;
    assert_eq!(second.claim_names(9).await, ["c"]);
    first.settle(leases.remove(0), succeed()).await;
    assert_eq!(first.claim_names(9).await, ["d"]);
}

/// Returns every way in which a consumer can let go of a run.
fn ways() -> Vec<(&'static str, Option<Settlement>)> {
    let wait = PAST_LEASE * 100;
    vec![
        ("success", Some(succeed())),
        ("failure", Some(fail())),
        ("retry", Some(retry(wait))),
        ("snooze", Some(Settlement::Snooze { wait })),
        (
            "park",
            Some(Settlement::Park {
                wait,
                failure: failure(),
            }),
        ),
        (
            "cancel",
            Some(Settlement::Cancel {
                reason: Reason::new("enough"),
            }),
        ),
        ("death", None),
    ]
}

/// However a run leaves its consumer, its place is free in the same step, once.
pub async fn every_way_to_leave_frees_the_place(bench: Bench) {
    for (way, settlement) in ways() {
        let tasks = ["a", "b", "c"].map(|name| limited(name, [at_once(way, 1)]));
        bench.queue(tasks).await;
        let mut consumer = bench.consumer();
        let lease = consumer.claim_one().await;
        assert!(
            consumer.claim(9).await.is_empty(),
            "{way}: one runs at once"
        );
        let next = match settlement {
            Some(settlement) => {
                consumer.settle(lease, settlement).await;
                "b"
            }
            None => {
                bench.advance_in_beats(PAST_LEASE).await;
                "a"
            }
        };
        let mut others = bench.consumer();
        let leases = others.claim(9).await;
        assert_eq!(names(&leases), [next], "{way} frees one place");
        assert_eq!(running(&bench, at_once(way, 1)).await, 1, "{way}");
        drain(&mut others, leases).await;
        assert_eq!(running(&bench, at_once(way, 1)).await, 0, "{way}");
    }
    let mut consumer = bench.consumer();
    bench.queue([limited("a", [at_once("lost", 1)])]).await;
    let _lost = consumer.claim_one().await;
    consumer.extend(Vec::new()).await;
    assert_eq!(
        consumer.claim(9).await.len(),
        1,
        "a give-back frees the place"
    );
}

/// Settles runs until nothing is left to claim.
pub(super) async fn drain(consumer: &mut Consumer, mut leases: Vec<aqueduct_broker_api::Lease>) {
    while !leases.is_empty() {
        for lease in leases {
            consumer.settle(lease, succeed()).await;
        }
        leases = consumer.claim(9).await;
    }
}

/// Runs with different keys do not hold each other up.
pub async fn keys_are_apart(bench: Bench) {
    let keyed = |name, key: &str| limited(name, [at_once(key, 1)]);
    bench
        .queue([keyed("a", "x"), keyed("b", "x"), keyed("c", "y")])
        .await;
    let mut consumer = bench.consumer();
    assert_eq!(consumer.claim_names(9).await, ["a", "c"]);
}

/// Runs with different keys that wait for a limit which they share take turns, whatever the backlog of one.
pub async fn keys_take_turns(bench: Bench) {
    let of = |key: &str| limited(key, [at_once("all", 1), at_once(key, 9)]);
    let mut tasks: Vec<QueuedTask> = (0..6).map(|_| of("x")).collect();
    tasks.extend([of("y"), of("y"), of("z")]);
    bench.queue(tasks).await;
    let mut consumer = bench.consumer();
    let mut started = Vec::new();
    while let Some(lease) = consumer.claim(9).await.pop() {
        started.push(lease.run().task.to_string());
        consumer.settle(lease, succeed()).await;
    }
    assert_eq!(started, ["x", "x", "y", "z", "x", "y", "x", "x", "x"]);
}

/// A run with several limits starts when all of them let it, and holds a place of each.
pub async fn all_limits_of_a_run_count(bench: Bench) {
    let both = |name, key: &str| limited(name, [at_once("all", 2), at_once(key, 1)]);
    bench
        .queue([
            both("a", "x"),
            both("b", "x"),
            both("c", "y"),
            both("d", "z"),
        ])
        .await;
    let mut consumer = bench.consumer();
    let mut leases = consumer.claim(9).await;
    assert_eq!(names(&leases), ["a", "c"], "one of each, two of all");
    consumer.settle(leases.pop().unwrap(), succeed()).await;
    let more = consumer.claim(9).await;
    assert_eq!(names(&more), ["d"], "`x` is taken still");
    consumer.settle(leases.remove(0), succeed()).await;
    assert_eq!(consumer.claim_names(9).await, ["b"], "beside `d`");
    assert_eq!(running(&bench, at_once("all", 2)).await, 2);
}

/// Where runs name different numbers, those of the run that was queued last count.
pub async fn the_number_that_was_queued_last_counts(bench: Bench) {
    let tasks = ["a", "b", "c"].map(|name| limited(name, [at_once("k", 1)]));
    bench.queue(tasks).await;
    let mut consumer = bench.consumer();
    assert_eq!(consumer.claim_names(9).await, ["a"]);
    bench.advance(SECOND).await;
    bench.queue([limited("d", [at_once("k", 3)])]).await;
    assert_eq!(
        consumer.claim_names(9).await,
        ["b", "c"],
        "three at once, in order"
    );
}

/// A larger number that a claim comes upon lets on in the same step what has just come to wait.
pub async fn a_larger_number_lets_on_what_has_just_come_to_wait(bench: Bench) {
    let tasks = ["a", "b"].map(|name| limited(name, [at_once("k", 1)]));
    bench.queue(tasks).await;
    bench.advance(SECOND).await;
    bench.queue([limited("c", [at_once("k", 2)])]).await;
    let mut consumer = bench.consumer();
    let mut leases = consumer.claim(9).await;
    leases.extend(consumer.claim(9).await);
    let names = leases.iter().map(|lease| lease.run().task.as_str());
    assert_eq!(
        names.collect::<Vec<_>>(),
        ["a", "b"],
        "two at once, in order"
    );
    consumer.settle(leases.remove(0), succeed()).await;
    assert_eq!(consumer.claim_names(9).await, ["c"], "nothing is lost");
}

/// What waits because of a limit has no attempt counted.
pub async fn waiting_counts_no_attempt(bench: Bench) {
    bench
        .queue(["a", "b"].map(|name| limited(name, [at_once("k", 1)])))
        .await;
    let mut consumer = bench.consumer();
    let lease = consumer.claim_one().await;
    for _ in 0..3 {
        assert!(consumer.claim(9).await.is_empty());
    }
    consumer.settle(lease, succeed()).await;
    let lease = consumer.claim_one().await;
    assert_eq!(lease.run().tally.attempt, 1);
    assert_eq!(lease.run().tally.parks, 0);
}

/// What a consumer gives back goes before what waits for its place.
pub async fn what_was_given_back_is_first(bench: Bench) {
    bench
        .queue(["a", "b", "c"].map(|name| limited(name, [at_once("k", 1)])))
        .await;
    let mut consumer = bench.consumer();
    let lease = consumer.claim_one().await;
    assert!(consumer.claim(9).await.is_empty());
    consumer.settle(lease, Settlement::Release).await;
    assert_eq!(consumer.claim_names(9).await, ["a"]);
}

/// Of the runs that wait because of a limit, the higher priority goes first.
pub async fn priorities_hold_within_a_key(bench: Bench) {
    let of = |name, priority| {
        let mut task = limited(name, [at_once("k", 1)]);
        task.priority = priority;
        task
    };
    bench
        .queue([of("a", Priority::Medium), of("b", Priority::Low)])
        .await;
    let mut consumer = bench.consumer();
    let lease = consumer.claim_one().await;
    assert!(consumer.claim(9).await.is_empty());
    bench
        .queue([of("c", Priority::Medium), of("d", Priority::High)])
        .await;
    assert!(consumer.claim(9).await.is_empty());
    consumer.settle(lease, succeed()).await;
    for expected in ["d", "c", "b"] {
        let lease = consumer.claim_one().await;
        assert_eq!(lease.run().task.as_str(), expected);
        consumer.settle(lease, succeed()).await;
    }
}

/// A run in a paused queue keeps no place from those that can start.
pub async fn a_paused_queue_keeps_no_place(bench: Bench) {
    let mut elsewhere = limited("b", [at_once("k", 1)]);
    elsewhere.queue = queue_name("other");
    bench.queue([limited("a", [at_once("k", 1)])]).await;
    let mut consumer = bench.consumer();
    let lease = consumer.claim_one().await;
    bench
        .queue([elsewhere, limited("c", [at_once("k", 1)])])
        .await;
    let other = queue_name("other");
    let mut both = bench.consumer();
    let mut request = both.next_claim(9);
    request.wants[0].queues = std::sync::Arc::from([other.clone(), queue_name("default")]);
    assert!(both.send(&request).await.unwrap().leases.is_empty());
    let scope = PauseScope::Queue(other);
    bench.admin().set_paused(&scope, true).await.unwrap();
    consumer.settle(lease, succeed()).await;
    assert_eq!(consumer.claim_names(9).await, ["c"]);
}

/// A run that is replaced while it waits for its limits has those of the last call, and holds up nobody behind it.
pub async fn a_replaced_run_has_those_of_the_last_call(bench: Bench) {
    let with = |limits: &[&str]| {
        let mut task = limited("a", limits.iter().map(|key| at_once(key, 1)));
        let unique = Unique::key("u").unwrap().on_conflict(OnConflict::Replace);
        task.options_mut().unique = Some(unique);
        task
    };
    let others = ["k", "o"].map(|key| limited(key, [at_once(key, 1)]));
    bench.queue(others).await;
    let mut consumer = bench.consumer();
    let mut leases = consumer.claim(9).await;
    bench
        .queue([with(&["k"]), limited("b", [at_once("k", 1)])])
        .await;
    assert!(consumer.claim(9).await.is_empty());
    let replaced = bench.producer().enqueue(vec![with(&["k", "o"])]).await;
    assert!(matches!(replaced.unwrap()[..], [Enqueued::Replaced(_)]));
    consumer.settle(leases.remove(0), succeed()).await;
    assert_eq!(
        consumer.claim_names(9).await,
        ["b"],
        "`a` waits for `o` too"
    );
    let replaced = bench.producer().enqueue(vec![with(&[])]).await;
    assert!(matches!(replaced.unwrap()[..], [Enqueued::Replaced(_)]));
    assert_eq!(consumer.claim_names(9).await, ["a"], "it waits for nothing");
    assert_eq!(running(&bench, at_once("k", 1)).await, 1);
    assert_eq!(running(&bench, at_once("o", 1)).await, 1);
}

/// A run whose number alone is replaced keeps its place in line, and the number counts at once.
pub async fn a_replaced_number_counts_in_its_place(bench: Bench) {
    let with = |max| {
        let mut task = limited("c", [at_once("k", max)]);
        let unique = Unique::key("u").unwrap().on_conflict(OnConflict::Replace);
        task.options_mut().unique = Some(unique);
        task
    };
    let tasks = ["a", "b"].map(|name| limited(name, [at_once("k", 1)]));
    bench.queue(tasks.into_iter().chain([with(1)])).await;
    bench.queue([limited("d", [at_once("k", 1)])]).await;
    let mut consumer = bench.consumer();
    assert_eq!(consumer.claim_names(9).await, ["a"]);
    bench.advance(SECOND).await;
    let replaced = bench.producer().enqueue(vec![with(3)]).await;
    assert!(matches!(replaced.unwrap()[..], [Enqueued::Replaced(_)]));
    assert_eq!(consumer.claim_names(9).await, ["b", "c"], "three at once");
}

/// What waits because of a limit is found, expires, can be cancelled, queued anew and purged.
pub async fn what_waits_can_be_steered(bench: Bench) {
    let mut tasks = ["a", "b", "c", "d"].map(|name| limited(name, [at_once("k", 1)]));
    tasks[1].expires_in = Some(SECOND);
    let ids: Vec<RunId> = tasks.iter().map(|task| task.id).collect();
    bench.queue(tasks).await;
    let mut consumer = bench.consumer();
    let lease = consumer.claim_one().await;
    assert!(consumer.claim(9).await.is_empty());
    bench.advance(SECOND * 2).await;
    assert_eq!(bench.beat().await.expired, 1);
    assert_eq!(bench.state(ids[1]).await, Some(RunState::Expired));
    let admin = bench.admin();
    admin
        .cancel(&ids[2..3], Reason::new("enough"))
        .await
        .unwrap();
    assert_eq!(bench.state(ids[2]).await, Some(RunState::Cancelled));
    assert_eq!(admin.requeue(&ids[2..3]).await.unwrap(), [true]);
    consumer.settle(lease, succeed()).await;
    let lease = consumer.claim_one().await;
    assert_eq!(
        lease.run().id,
        ids[3],
        "what was queued anew is behind the others"
    );
    assert!(consumer.claim(9).await.is_empty());
    assert_eq!(admin.purge(&queue_name("default")).await.unwrap(), 1);
    consumer.settle(lease, succeed()).await;
    assert!(consumer.claim(9).await.is_empty());
    assert_eq!(bench.lengths().await.unfinished(), 0);
    bench.queue([limited("e", [at_once("k", 1)])]).await;
    assert_eq!(consumer.claim_names(9).await, ["e"]);
}

/// A limit tells how many share it, who, how many wait, and when it opens.
pub async fn they_tell_how_they_stand(bench: Bench) {
    let admin = bench.admin();
    assert!(admin.limits(&[]).await.unwrap().is_empty());
    let idle = admin.limits(&[at_once("k", 5)]).await.unwrap();
    assert_eq!((idle[0].running, idle[0].limit.max()), (0, 5));
    let tasks = ["a", "b", "c"].map(|name| limited(name, [rate("r", 2, SECOND), at_once("k", 1)]));
    let ids: Vec<RunId> = tasks.iter().map(|task| task.id).collect();
    bench.queue(tasks).await;
    let mut consumer = bench.consumer();
    let lease = consumer.claim_one().await;
    assert!(consumer.claim(9).await.is_empty());
    let infos = admin.limits(&[]).await.unwrap();
    let of = |limit: Limit| infos.iter().find(|it| it.limit.is_same(&limit)).unwrap();
    let places = of(at_once("k", 1));
    assert_eq!((places.running, places.waiting), (1, 2));
    assert_eq!(places.held_by, ids[..1]);
    assert_eq!(places.opens_at, None, "it opens when a run ends");
    assert_eq!(
        of(rate("r", 2, SECOND)).opens_at,
        None,
        "one more may start now"
    );
    consumer.settle(lease, succeed()).await;
    let _held = consumer.claim_one().await;
    let infos = admin.limits(&[rate("r", 2, SECOND)]).await.unwrap();
    let opens_at = bench.now().saturating_add(SECOND / 2);
    assert_eq!(infos[0].opens_at, Some(opens_at));
    assert_eq!(infos[0].limit, rate("r", 2, SECOND));
}
