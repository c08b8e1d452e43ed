//! Schedulers that die, stand still and are slow: scenarios S2, S3, S4, S5 and S10.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use aqueduct::broker_api::{BrokerAdmin, BrokerHandle, ScheduleDefinition, ScheduleStore};
use aqueduct::redis::RedisBroker;
use aqueduct::run::{RunOptions, Unique};
use aqueduct::{
    App, Broker, QueueName, RunId, RunningApp, Schedule, State, TaskContext, TaskError, Timestamp,
    task, tasks,
};
use aqueduct_redis_server::RedisServer;
use integration::contract::{enqueue, run};
use integration::figure::figure;
use integration::oracle::{at_rest, unfinished};
use integration::process::{Children, Recipe, TICKING, serve_if_child};
use integration::proxy::{Fault, FaultProxy, Rule};
use integration::redis::{Entry, Ledger, Writer, app, broker, note, server};
use integration::soon;
use tokio::sync::Semaphore;

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

/// What lets runs of [`slow`] end, and lets one run at a time.
struct Turn {
    alone: Semaphore,
    ends: Semaphore,
}

/// A tick whose run is unique: it says that it began, and fails if another one runs.
#[task(retry = none)]
async fn slow(
    ctx: TaskContext,
    ledger: State<Writer>,
    turn: State<Arc<Turn>>,
) -> Result<(), TaskError> {
    let _alone = turn.alone.try_acquire()?;
    ledger.write(&ctx, 0).await;
    turn.ends.acquire().await?.forget();
    Ok(())
}

/// A schedule whose runs are unique and take longer than its period, and their consumer.
struct OneAtATime {
    direct: RedisBroker,
    consumer: RunningApp,
    ledger: Ledger,
    turn: Arc<Turn>,
    server: RedisServer,
}

impl OneAtATime {
    const PERIOD: Duration = Duration::from_millis(100);

    async fn on(server: RedisServer) -> Self {
        let (ledger, writer) = Ledger::new();
        let turn = Arc::new(Turn {
            alone: Semaphore::new(1),
            ends: Semaphore::new(0),
        });
        let app = App::new(Broker::from(BrokerHandle::new(broker(&server.url()).await)))
            .tasks(tasks![slow])
            .state(writer)
            .state(Arc::clone(&turn))
            .without_scheduler()
            .consumer(|it| it.lease(Duration::from_secs(5)));
        Self {
            direct: broker(&server.url()).await,
            consumer: app.start().await.unwrap(),
            ledger,
            turn,
            server,
        }
    }

    async fn scheduler(&self) -> RunningApp {
        let schedule = Schedule::every(Self::PERIOD).unwrap();
        let mut options = RunOptions::default();
        options.unique = Some(Unique::key("slow").unwrap());
        let definition =
            ScheduleDefinition::new("slow".parse().unwrap(), schedule, "slow".parse().unwrap());
        let definition = definition.with_options(options);
        let all = aqueduct::scheduler::MissedTicks::All { max: 1000 };
        let (_, writer) = Ledger::new();
        let app = App::new(Broker::from(BrokerHandle::new(
            broker(&self.server.url()).await,
        )))
        .tasks(tasks![slow])
        .state(writer)
        .state(Arc::clone(&self.turn))
        .without_consumer()
        .scheduler(move |it| it.schedule(definition).missed_ticks(all));
        app.start().await.unwrap()
    }

    /// Waits until the ticks of the next periods have been fired or found the key held.
    async fn ticks_pass(&self) {
        let list = || async { ScheduleStore::list(&self.direct).await.unwrap() };
        let until = list().await.now.saturating_add(Self::PERIOD * TICKS);
        let passed = async { while list().await.entries[0].last_tick < until {} };
        soon("no tick is fired", passed).await;
    }

    async fn ends(&self) {
        self.turn.ends.add_permits(1);
        let ended = async { while unfinished(&self.direct).await > 0 {} };
        soon("it does not end", ended).await;
    }

    /// Checks that one run began since, and no other waits; ends it, and waits for the next.
    async fn goes_on(&mut self) {
        assert_eq!(unfinished(&self.direct).await, 1, "a second run of the key");
        self.turn.ends.add_permits(1);
        self.ledger.next().await;
    }

    async fn finish(self, scheduler: RunningApp) -> u64 {
        scheduler.stop().await.unwrap();
        self.turn.ends.add_permits(1);
        let ended = at_rest(&self.server).await;
        self.consumer.stop().await.unwrap();
        assert_eq!(ended.failed, 0, "two ran at once");
        ended.succeeded
    }
}

/// All schedulers are down while ticks of a unique task pass: they add one run when one is back, and no key is stuck.
#[tokio::test]
async fn s4_missed_ticks_of_a_unique_task_add_one_run_at_a_time() {
    let mut world = OneAtATime::on(server(&[])).await;
    let scheduler = world.scheduler().await;
    world.ledger.next().await;
    world.ticks_pass().await;
    assert_eq!(
        unfinished(&world.direct).await,
        1,
        "a second run of the key"
    );
    scheduler.stop().await.unwrap();
    world.ends().await;
    let now = || async { ScheduleStore::list(&world.direct).await.unwrap().now };
    let until = now().await.saturating_add(OneAtATime::PERIOD * TICKS);
    while now().await < until {}
    let scheduler = world.scheduler().await;
    world.ledger.next().await;
    world.ticks_pass().await;
    world.goes_on().await;
    let runs = world.finish(scheduler).await;
    figure(&format!(
        "{runs} runs one after the other, {TICKS} ticks missed by all, 0 keys stuck"
    ));
}

/// The server is down while ticks of a unique task pass, and its run goes on: the same.
#[tokio::test]
async fn s5_ticks_of_a_unique_task_outlive_the_server_one_run_at_a_time() {
    let durable = server(&["--appendonly", "yes", "--appendfsync", "always"]);
    let mut world = OneAtATime::on(durable).await;
    let scheduler = world.scheduler().await;
    world.ledger.next().await;
    world.ticks_pass().await;
    world.server.kill().unwrap();
    // The outage is the fault: some ticks pass in it.
    tokio::time::sleep(OneAtATime::PERIOD * TICKS).await;
    world.server.revive().unwrap();
    world.ticks_pass().await;
    world.goes_on().await;
    world.ticks_pass().await;
    world.goes_on().await;
    let runs = world.finish(scheduler).await;
    figure(&format!(
        "{runs} runs one after the other, {TICKS} ticks in an outage, 0 keys stuck"
    ));
}
