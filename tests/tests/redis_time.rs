//! Clocks that are wrong, and times that are extreme: scenarios T1, T2, T3, T6, L3 and K3.
//!
//! No clock of a client counts, so that T1 and T2 give processes a wrong wall clock through the seam of the
//! application (`App::clock`): everything in a process that asks for the wall clock asks there. The clock
//! of Redis cannot be moved without that of the machine: Linux has no namespace for it, and nothing is
//! preloaded into the server. T3 moves the clock that the scripts read instead, which is the only use of
//! time in the broker but one: the answers kept for a producer (`sent:`) end by the clock of the server
//! itself.

use std::collections::BTreeSet;
use std::time::Duration;

use aqueduct::broker_api::{BrokerAdmin, BrokerErrorKind, Enqueued, Lease, Settled};
use aqueduct::manager::QueueErrorKind;
use aqueduct::redis::RedisBroker;
use aqueduct::run::{Idempotency, Limit, MAX_WAIT, OnConflict, RunState, Unique, UniqueScope};
use aqueduct::{RunId, Schedule, Timestamp};
use aqueduct_core::key::Key;
use aqueduct_core::queue::Due;
use integration::contract::{Client, enqueue, enqueue_one, failure, run, succeed};
use integration::figure::figure;
use integration::moved::{LEASE, Moved};
use integration::oracle::{at_rest, at_rest_of};
use integration::process::{Children, Recipe, TICKING, serve_if_child, take_time};
use integration::redis::{Ledger, app, broker, note, producer, server};
use integration::soon;
use integration::world::World;

/// Not a test: what the children of the others run.
#[test]
fn child() {
    serve_if_child();
}

const HOUR: i64 = 3_600_000;

/// Consumers whose clocks are an hour off: nothing is early, lost or doubled, and a death is noticed.
#[tokio::test]
async fn t1_consumers_with_wrong_clocks_change_nothing() {
    let mut world = World::new(0).await;
    let recipe = Recipe::consumer(&world.server.url());
    for shift in [0, HOUR, -HOUR] {
        world.consumers.start_as(&recipe.clone().shift(shift));
    }
    let delayed = (0..30)
        .map(|number| take_time::with(number, 100).delay(Duration::from_millis(10 * number)));
    world.manager.queue_many(delayed).await.unwrap();
    world.queue(30..90, 100).await;
    let mut seen = BTreeSet::new();
    while seen.len() < 3 {
        seen.insert(world.next().await.child);
    }
    world.consumers.signal(0, "KILL");
    world.settled(0..90).await;
    let (again, twice) = world.doubled();
    assert!(
        again <= 8,
        "{again} began again, one consumer of 8 places died"
    );
    assert_eq!(twice, 0, "executed twice");
    figure(&format!(
        "3 clocks over 2 h, 90 runs, {again} began again after a death, 0 ended twice"
    ));
}

/// Schedulers whose clocks are ten minutes off fire each tick once, when the server says so.
#[tokio::test]
async fn t2_schedulers_with_wrong_clocks_fire_in_time() {
    let server = server(&[]);
    let (mut ledger, writer) = Ledger::new();
    let consumer = app(broker(&server.url()).await, writer).await;
    let recipe = Recipe::scheduler(&server.url());
    let mut schedulers = Children::of(recipe.clone());
    for shift in [-HOUR / 6, HOUR / 6] {
        schedulers.start_as(&recipe.clone().shift(shift));
    }
    let (mut ticks, mut early, mut late) = (BTreeSet::new(), 0, 0);
    while ticks.len() < 6 {
        let entry = ledger.next().await;
        let (tick, queued) = (entry.run.timestamp(), entry.queued_at);
        assert!(ticks.insert(tick), "tick {tick} was fired twice");
        early = early.max(tick.saturating_since(queued).as_millis());
        late = late.max(queued.saturating_since(tick).as_millis());
    }
    // The broker refuses what is earlier.
    assert!(early <= 500, "a tick was fired {early} ms early");
    drop(schedulers);
    consumer.stop().await.unwrap();
    let (_, period) = TICKING;
    figure(&format!(
        "{} ticks every {period:?}, at most {early} ms early, {late} ms late",
        ticks.len()
    ));
}

const MINUTE: Duration = Duration::from_mins(1);

/// The clock of the server jumps forward: the living have a lease to renew, the dead are found.
#[tokio::test]
async fn t3_a_clock_that_jumps_forward_takes_nothing_from_the_living() {
    let mut moved = Moved::new().await;
    for _ in 0..20 {
        enqueue_one(&moved.broker, run()).await;
    }
    let mut living = Client::new(&moved.broker, LEASE);
    let mut dead = Client::new(&moved.broker, LEASE);
    let held: Vec<_> = living.claim(10).await.iter().map(Lease::token).collect();
    assert_eq!(dead.claim(10).await.len(), 10);
    moved.beat().await;
    moved.forward(MINUTE).await;
    let first = moved.beat().await;
    assert_eq!((first.requeued, first.paused_for), (0, Some(LEASE)));
    assert!(living.extend(held.clone()).await.lost.is_empty());
    let mut taken = 0;
    for _ in 0..6 {
        taken += moved.pass(LEASE / 5).await;
        assert!(living.extend(held.clone()).await.lost.is_empty());
    }
    assert_eq!(taken, 10, "the runs of the dead, and no others");
    for token in held {
        assert_ne!(living.settle(token, succeed()).await, Settled::LeaseLost);
    }
    for lease in living.claim(20).await {
        assert_eq!(lease.run().tally.crashes, 1);
        let _ = living.settle(lease.token(), succeed()).await;
    }
    assert_eq!(at_rest_of(&moved.server, &moved.broker).await.succeeded, 20);
    figure("60 s forward: 10 of 10 living keep their runs, 10 of 10 dead taken back");
}

/// The clock of the server jumps back: nothing lasts longer than the jump and what it had to last.
#[tokio::test]
async fn t3_a_clock_that_jumps_back_holds_nothing_for_long() {
    let mut moved = Moved::new().await;
    for _ in 0..2 {
        enqueue_one(&moved.broker, run()).await;
    }
    let mut later = run();
    later.due = Due::After(LEASE);
    enqueue_one(&moved.broker, later).await;
    let mut living = Client::new(&moved.broker, LEASE);
    let mut dead = Client::new(&moved.broker, LEASE);
    let held = living.claim_one().await.token();
    let _lost = dead.claim_one().await;
    moved.beat().await;
    moved.back(MINUTE).await;
    assert_eq!(moved.beat().await.paused_for, None);
    // What begins now lasts as long as it says, not a minute more.
    enqueue_one(&moved.broker, run()).await;
    let retried = living.claim_one().await.token();
    let (wait, failure) = (LEASE, failure());
    let retry = aqueduct::broker_api::Settlement::Retry { wait, failure };
    living.settle(retried, retry).await;
    assert!(living.claim(9).await.is_empty());
    let mut waited = Duration::ZERO;
    let mut taken = 0;
    let mut taken_after = None;
    let mut came = Vec::new();
    while came.len() < 3 {
        assert!(
            waited <= MINUTE + LEASE + LEASE / 5,
            "held for too long: {came:?}"
        );
        assert!(living.extend(vec![held]).await.lost.is_empty());
        taken += moved.pass(LEASE / 5).await;
        waited += LEASE / 5;
        if taken > 0 {
            taken_after.get_or_insert(waited);
        }
        let mut other = Client::new(&moved.broker, LEASE);
        for lease in other.claim(9).await {
            came.push((lease.run().tally.failures, waited));
            let _ = other.settle(lease.token(), succeed()).await;
        }
    }
    let is_in_time = came.contains(&(1, LEASE));
    assert!(is_in_time, "the retry waits as long as it says: {came:?}");
    assert_eq!(taken, 1);
    let taken_after = taken_after.unwrap();
    assert!(
        taken_after <= LEASE + LEASE / 5,
        "the dead held on for {taken_after:?}"
    );
    living.settle(held, succeed()).await;
    let mut rest = Client::new(&moved.broker, LEASE);
    for lease in rest.claim(9).await {
        let _ = rest.settle(lease.token(), succeed()).await;
    }
    assert_eq!(at_rest_of(&moved.server, &moved.broker).await.succeeded, 4);
    figure(&format!(
        "60 s back: the dead taken back after {taken_after:?} at a lease of {LEASE:?}, what was delayed came after \
         {waited:?}, 0 lost"
    ));
}

const SECOND: Duration = Duration::from_secs(1);

/// Claims what may start now, and settles it; returns how many.
async fn start_all(client: &mut Client) -> usize {
    let leases = client.claim(99).await;
    let started = leases.len();
    client.exchange(leases, 0).await;
    started
}

/// The clock of the server jumps: a rate lets no more start than it says, and waits no longer than for one run.
#[tokio::test]
async fn l3_a_clock_that_jumps_neither_stalls_a_rate_nor_lets_more_start() {
    const BURST: usize = 4;
    const RUNS: usize = 40;
    let mut moved = Moved::new().await;
    let limit = Limit::rate("k", 4, SECOND * 4).unwrap();
    let limited = || {
        let mut task = run();
        task.options_mut().limits.set(limit.clone()).unwrap();
        task
    };
    enqueue(&moved.broker, (0..RUNS).map(|_| limited()).collect()).await;
    let mut client = Client::new(&moved.broker, LEASE);
    let mut started = start_all(&mut client).await;
    assert_eq!(started, BURST);
    moved.beat().await;
    moved.forward(MINUTE).await;
    moved.beat().await;
    assert_eq!(
        start_all(&mut client).await,
        BURST,
        "all of it, and no more"
    );
    started += BURST;
    for jump in [MINUTE, MINUTE * 60, SECOND] {
        moved.back(jump).await;
        moved.beat().await;
        for second in 1..=BURST {
            moved.pass(SECOND).await;
            let now = start_all(&mut client).await;
            assert_eq!(now, 1, "{second} s after a jump of {jump:?}");
            started += now;
        }
    }
    while started < RUNS {
        moved.pass(SECOND).await;
        started += start_all(&mut client).await;
    }
    let ended = at_rest_of(&moved.server, &moved.broker).await;
    assert_eq!(ended.succeeded, RUNS as u64);
    figure("60 s forward, up to an hour back: 4 at once, then 1 a second");
}

/// The clock of the server is set back: a window is no longer than it was to be, and a key without one stays.
#[tokio::test]
async fn k3_a_clock_that_is_set_back_holds_no_key_for_longer() {
    const WINDOW: Duration = Duration::from_secs(10);
    let mut moved = Moved::new().await;
    let throttled = || {
        let unique = Unique::key("t").unwrap().scope(UniqueScope::Window(WINDOW));
        let mut task = run();
        task.options_mut().unique = Some(unique);
        task
    };
    let repeated = || {
        let known = Idempotency::new(Key::new("r").unwrap()).window(WINDOW);
        let mut task = run();
        task.options_mut().idempotency = Some(known);
        task
    };
    let held = || {
        let mut task = run();
        task.options_mut().unique = Some(Unique::key("u").unwrap());
        task
    };
    for task in [throttled(), repeated(), held()] {
        enqueue_one(&moved.broker, task).await;
    }
    let mut client = Client::new(&moved.broker, LEASE);
    let mut leases = client.claim(9).await;
    let holder = leases.pop().unwrap();
    client.exchange(leases, 0).await;
    moved.beat().await;
    moved.back(MINUTE).await;
    for second in 0..=10 {
        let answers = enqueue(&moved.broker, vec![throttled(), repeated(), held()]).await;
        let is_known = |answer: &Enqueued| matches!(answer, Enqueued::Duplicate(_));
        let known: Vec<bool> = answers.iter().map(is_known).collect();
        let is_over = second == 10;
        assert_eq!(known, [!is_over, !is_over, true], "after {second} s");
        assert!(client.extend(vec![holder.token()]).await.lost.is_empty());
        moved.pass(SECOND).await;
    }
    client.exchange(vec![holder], 0).await;
    enqueue_one(&moved.broker, held()).await;
    start_all(&mut client).await;
    assert_eq!(at_rest_of(&moved.server, &moved.broker).await.succeeded, 6);
    figure("60 s back: 2 windows of 10 s over after 10 s, 1 key kept until its end");
}

/// The clock of the server is set back while a call is put off: the next call counts from then.
#[tokio::test]
async fn k3_a_clock_that_is_set_back_puts_a_call_off_for_no_longer() {
    let mut moved = Moved::new().await;
    let debounced = || {
        let unique = Unique::key("d").unwrap().scope(UniqueScope::Queued);
        let unique = unique.on_conflict(OnConflict::Replace);
        let mut task = run();
        task.options_mut().unique = Some(unique.put_off_at_most(LEASE * 2));
        task.due = Due::After(LEASE);
        task
    };
    enqueue_one(&moved.broker, debounced()).await;
    moved.beat().await;
    for jump in [MINUTE, SECOND] {
        moved.back(jump).await;
        let answer = enqueue(&moved.broker, vec![debounced()]).await.remove(0);
        assert!(matches!(answer, Enqueued::Replaced(_)), "{answer:?}");
    }
    let mut client = Client::new(&moved.broker, LEASE);
    moved.pass(SECOND * 4).await;
    assert_eq!(start_all(&mut client).await, 0);
    moved.pass(SECOND).await;
    assert_eq!(start_all(&mut client).await, 1);
    assert_eq!(at_rest_of(&moved.server, &moved.broker).await.succeeded, 1);
    figure("61 s back: started 5 s after the last call");
}

/// Delays from nothing to the end of time: exact to the millisecond, also behind the scripts' numbers.
#[tokio::test]
async fn t6_times_are_exact_or_refused() {
    let mut moved = Moved::new().await;
    let ten_years = Duration::from_hours(24 * 3652);
    let waits = [Duration::from_millis(1), LEASE * 100, MAX_WAIT, ten_years];
    let mut ids: Vec<RunId> = Vec::new();
    for wait in waits {
        let mut task = run();
        task.due = Due::After(wait);
        ids.push(enqueue_one(&moved.broker, task).await);
    }
    let score = "{aqueduct}:due";
    let scores = ["ZRANGE", score, "0", "-1", "WITHSCORES"];
    let scores = moved.server.command(&scores).unwrap();
    assert!(
        !scores.contains("e+"),
        "a time was written as a float: {scores}"
    );
    for (id, wait) in ids.iter().zip(waits) {
        let found = moved.broker.find(&[*id]).await.unwrap().remove(0).unwrap();
        assert_eq!(found.due_at, found.queued_at.saturating_add(wait));
        assert_eq!(found.queued_at, moved.now);
    }
    let began = moved.now;
    let mut client = Client::new(&moved.broker, LEASE);
    for wait in &waits {
        // A millisecond early there is nothing.
        let due = began.saturating_add(*wait);
        let early = Duration::from_millis(1);
        let almost = due.saturating_sub(early);
        moved.forward(almost.saturating_since(moved.now)).await;
        assert!(client.claim(9).await.is_empty(), "{wait:?} came early");
        moved.forward(early).await;
        let lease = client.claim_one().await;
        assert_eq!(lease.run().due_at, moved.now);
        client.settle(lease.token(), succeed()).await;
    }
    for (due, state) in [
        (Due::After(Duration::ZERO), RunState::Queued),
        (Due::At(Timestamp::MIN), RunState::Queued),
        (Due::At(Timestamp::MAX), RunState::Scheduled),
        (Due::After(Duration::MAX), RunState::Scheduled),
        (
            Due::At(Timestamp::from_millis(u64::MAX)),
            RunState::Scheduled,
        ),
    ] {
        let mut task = run();
        task.due = due;
        let answer = enqueue(&moved.broker, vec![task]).await.remove(0);
        assert_eq!(answer, Enqueued::Accepted(state), "{due:?}");
    }
    figure("4 delays from 1 ms to ten years, 0 ms off; 5 extremes accepted as they should");
}

/// Times that make no sense are refused where they are said.
#[tokio::test]
async fn t6_nonsense_is_refused() {
    let server = server(&[]);
    let app = producer(broker(&server.url()).await).await;
    let manager = app.task_manager();
    for wait in [MAX_WAIT + Duration::from_millis(1), Duration::MAX] {
        let delayed = note::queue(manager, 1).delay(wait).await.unwrap_err();
        assert_eq!(delayed.kind(), QueueErrorKind::LimitExceeded);
        let expiring = note::queue(manager, 1).expires_in(wait).await.unwrap_err();
        assert_eq!(expiring.kind(), QueueErrorKind::LimitExceeded);
    }
    let periods = [
        "-1s",
        "NaNs",
        "infs",
        "1e400s",
        "",
        "0s",
        "1.5s",
        "99999999999999999999s",
    ];
    for period in periods {
        let refused = format!("every {period}").parse::<Schedule>();
        assert!(refused.is_err(), "{period:?} is a period");
    }
    assert!(Schedule::every(Duration::ZERO).is_err());
    let options = format!("{}?timeout=-1s", server.url());
    let error = RedisBroker::from_url(&options).await.unwrap_err();
    assert_eq!(error.kind(), BrokerErrorKind::Config);
    app.stop().await.unwrap();
    soon("nothing was queued", async { at_rest(&server).await }).await;
    figure("4 durations, 9 periods and 1 timeout refused");
}
