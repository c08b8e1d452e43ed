//! Schedulers that die, stand still and are slow: scenarios S2, S3, S5 and S10.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::time::Duration;

use aqueduct::broker_api::{BrokerAdmin, BrokerHandle, ScheduleDefinition, ScheduleStore};
use aqueduct::redis::RedisBroker;
use aqueduct::{App, Broker, QueueName, RunId, RunningApp, Schedule, Timestamp, tasks};
use aqueduct_redis_server::RedisServer;
use integration::contract::{enqueue, run};
use integration::figure::figure;
use integration::oracle::{at_rest, unfinished};
use integration::process::{Children, Recipe, TICKING, serve_if_child};
use integration::proxy::{Fault, FaultProxy, Rule};
use integration::redis::{Entry, Ledger, app, broker, note, server};
use integration::soon;

/// Not a test: what the children of the others run.
#[test]
fn child() {
    serve_if_child();
}

/// Ticks that pass while something is wrong.
const TICKS: u32 = 5;

/// A server, a consumer in this process, and the ticks that it executed.
struct World {
    direct: RedisBroker,
    consumer: RunningApp,
    ledger: Ledger,
    ticks: BTreeMap<Timestamp, Entry>,
    server: RedisServer,
}

impl World {
    async fn new() -> Self {
        let server = server(&[]);
        let (ledger, writer) = Ledger::new();
        Self {
            direct: broker(&server.url()).await,
            consumer: app(broker(&server.url()).await, writer).await,
            ledger,
            ticks: BTreeMap::new(),
            server,
        }
    }

    /// Waits for the next tick; none may be executed twice. The id of its run has its time.
    async fn next(&mut self) -> Timestamp {
        let entry = self.ledger.next().await;
        let tick = entry.run.timestamp();
        let before = self.ticks.insert(tick, entry);
        assert!(before.is_none(), "tick {tick} was fired twice");
        tick
    }

    async fn until(&mut self, tick: Timestamp) {
        while self.next().await < tick {}
    }

    /// Stops, and checks that each tick of a period was fired, once; returns how late the latest was.
    async fn finish(mut self, period: Duration) -> Duration {
        // Whatever a scheduler still says is of no schedule any more.
        for entry in ScheduleStore::list(&self.direct).await.unwrap().entries {
            self.direct.remove(&entry.definition.name).await.unwrap();
        }
        let quiet = async { while unfinished(&self.direct).await > 0 {} };
        soon("a run is stuck", quiet).await;
        while let Some(entry) = self.ledger.try_next() {
            let before = self.ticks.insert(entry.run.timestamp(), entry);
            assert!(before.is_none(), "a tick was fired twice");
        }
        let ended = at_rest(&self.server).await;
        assert_eq!(ended.succeeded, self.ticks.len() as u64);
        self.consumer.stop().await.unwrap();
        let all: Vec<Timestamp> = self.ticks.keys().copied().collect();
        for pair in all.windows(2) {
            assert_eq!(pair[1], pair[0].saturating_add(period), "a tick is missing");
        }
        let late = self.ticks.values();
        let late = late.map(|it| it.queued_at.saturating_since(it.run.timestamp()));
        late.max().unwrap_or_default()
    }

    async fn server_time(&self) -> Timestamp {
        ScheduleStore::list(&self.direct).await.unwrap().now
    }
}

/// A scheduler that dies just before a tick, again and again: the others fire it.
#[tokio::test]
async fn s2_a_scheduler_that_dies_before_a_tick_is_not_missed() {
    let mut world = World::new().await;
    let mut schedulers = Children::of(Recipe::scheduler(&world.server.url()));
    for _ in 0..3 {
        schedulers.start();
    }
    let (_, period) = TICKING;
    let mut last = world.next().await;
    for victim in 0..TICKS as usize {
        let tick = last.saturating_add(period * 2);
        let moment = tick.saturating_sub(Duration::from_millis(5));
        while world.server_time().await < moment {}
        schedulers.signal(victim, "KILL");
        schedulers.start();
        world.until(tick).await;
        last = tick;
    }
    drop(schedulers);
    let late = world.finish(period).await;
    figure(&format!(
        "{TICKS} schedulers killed before a tick, latest tick {} ms late",
        late.as_millis()
    ));
}

/// A scheduler that stood still over some ticks tries them: each is refused.
#[tokio::test]
async fn s3_a_scheduler_that_stood_still_fires_nothing_twice() {
    let mut world = World::new().await;
    let fire = world.direct.digest_of("fire").unwrap().to_owned();
    let proxies = [
        FaultProxy::start(world.server.port()).await,
        FaultProxy::start(world.server.port()).await,
    ];
    let mut schedulers = Children::of(Recipe::scheduler(&world.server.url()));
    for proxy in &proxies {
        schedulers.start_as(&Recipe::scheduler(&proxy.url()));
        // Each has tried a tick, and knows what comes next.
        soon("no tick is fired", proxy.has_answered(&fire, 1)).await;
    }
    let (_, period) = TICKING;
    let last = world.next().await;
    schedulers.signal(0, "STOP");
    world.until(last.saturating_add(period * (TICKS + 2))).await;
    let before = proxies[0].answered(&fire);
    schedulers.signal(0, "CONT");
    let stale = proxies[0].has_answered(&fire, before + TICKS as usize);
    soon("it does not go on", stale).await;
    let last = world.next().await;
    world.until(last.saturating_add(period)).await;
    drop(schedulers);
    let fired = world.ticks.len();
    let late = world.finish(period).await;
    let tried: usize = proxies.iter().map(|proxy| proxy.answered(&fire)).sum();
    figure(&format!(
        "{} of {tried} tries refused, latest tick {} ms late",
        tried - fired.min(tried),
        late.as_millis()
    ));
}

/// The server stands still over some ticks: each is fired once, as late as it must be.
#[tokio::test]
async fn s5_ticks_over_a_standstill_of_the_server_are_fired_after_it() {
    let mut world = World::new().await;
    let mut schedulers = Children::of(Recipe::scheduler(&world.server.url()));
    for _ in 0..2 {
        schedulers.start();
    }
    let (_, period) = TICKING;
    world.next().await;
    let last = world.next().await;
    world.server.signal("STOP").unwrap();
    // The standstill is the fault: some ticks pass in it.
    tokio::time::sleep(period * TICKS).await;
    world.server.signal("CONT").unwrap();
    world.until(last.saturating_add(period * (TICKS + 2))).await;
    let late = world.finish(period).await;
    drop(schedulers);
    figure(&format!(
        "{:.1} s still, every tick fired, the latest {} ms late",
        (period * TICKS).as_secs_f64(),
        late.as_millis()
    ));
}

/// A slow scheduler fires a tick whose run was executed and is forgotten: refused by the compare-and-set.
#[tokio::test]
async fn s10_a_tick_whose_run_is_gone_is_not_fired_again() {
    const PERIOD: Duration = Duration::from_millis(200);
    let mut world = World::new().await;
    let proxy = FaultProxy::start(world.server.port()).await;
    let delayed = broker(&proxy.url()).await;
    let fire = delayed.digest_of("fire").unwrap().to_owned();
    let slow = scheduler(delayed, PERIOD).await;
    world.next().await;
    proxy.add(Rule::every(1, &fire, Fault::Held).at_most(1));
    soon("no tick is fired", proxy.holds(1)).await;
    let quick = scheduler(broker(&world.server.url()).await, PERIOD).await;
    let last = world.next().await;
    world.until(last.saturating_add(PERIOD * TICKS)).await;
    forget_ids(&world.direct).await;
    let ids: Vec<RunId> = world.ticks.values().map(|entry| entry.run).collect();
    let found = world.direct.find(&ids[..ids.len() - 1]).await.unwrap();
    assert!(found.iter().all(Option::is_none), "a run is still there");
    let tried = proxy.answered(&fire);
    proxy.release();
    soon("it is not tried", proxy.has_answered(&fire, tried + 1)).await;
    let last = world.next().await;
    world.until(last.saturating_add(PERIOD * TICKS)).await;
    for scheduler in [slow, quick] {
        scheduler.stop().await.unwrap();
    }
    let late = world.finish(PERIOD).await;
    figure(&format!(
        "1 tick held back and refused, latest tick {} ms late",
        late.as_millis()
    ));
}

/// Queues so many other runs that the ids of the ones before are forgotten.
async fn forget_ids(direct: &RedisBroker) {
    let queue: QueueName = "other".parse().unwrap();
    for _ in 0..20 {
        let other = || {
            let mut run = run();
            run.queue = queue.clone();
            run
        };
        enqueue(direct, (0..512).map(|_| other()).collect()).await;
    }
    while direct.purge(&queue).await.unwrap() > 0 {}
}

async fn scheduler(broker: RedisBroker, period: Duration) -> RunningApp {
    let (_, writer) = Ledger::new();
    let schedule = Schedule::every(period).unwrap();
    let payload = aqueduct::params! { number: 0_u64 }.into_payload().unwrap();
    let definition =
        ScheduleDefinition::new("quick".parse().unwrap(), schedule, "note".parse().unwrap())
            .with_payload(payload);
    let all = aqueduct::scheduler::MissedTicks::All { max: 1000 };
    App::new(Broker::from(BrokerHandle::new(broker)))
        .tasks(tasks![note])
        .state(writer)
        .without_consumer()
        .scheduler(move |it| it.schedule(definition).missed_ticks(all))
        .start()
        .await
        .unwrap()
}
