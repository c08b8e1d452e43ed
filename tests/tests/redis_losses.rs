//! Servers that go back to what they were: failovers, old snapshots, restarts, with limits, keys and workflows on them:
//! scenarios L2, K2, F3, E12 and H2.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::future::IntoFuture;
use std::sync::Arc;
use std::time::Duration;

use aqueduct::broker_api::BrokerHandle;
use aqueduct::run::Limit;
use aqueduct::{
    Admin, App, Broker, RunHandle, RunningApp, State, TaskCall, TaskContext, TaskError,
    TaskManager, group, task, tasks,
};
use aqueduct_redis_server::RedisServer;
use integration::figure::figure;
use integration::oracle::{at_rest, check_limits};
use integration::redis::{Ledger, Writer, broker, server};
use integration::replicated::Replicated;
use integration::soon;
use tokio::sync::Semaphore;

/// Lets runs end, one with each permit.
type Ends = Arc<Semaphore>;

/// As many as there may be.
const ALL: usize = 1000;

/// Writes its number down, and returns it once it may end.
#[task(timeout = "1h")]
async fn hold(ctx: TaskContext, ledger: State<Writer>, ends: State<Ends>, number: u64) -> u64 {
    ledger.write(&ctx, number).await;
    ends.acquire().await.unwrap().forget();
    number
}

/// Writes its number down, and returns the sum of what came before.
#[task(keep_result = "1h")]
async fn total(
    ctx: TaskContext,
    #[input] values: Vec<u64>,
    ledger: State<Writer>,
    number: u64,
) -> u64 {
    ledger.write(&ctx, number).await;
    values.iter().sum()
}

/// Takes a step with each permit, writes it down, and keeps how many it has taken.
#[task(timeout = "1h")]
async fn climb(
    ctx: TaskContext,
    ledger: State<Writer>,
    ends: State<Ends>,
    steps: u64,
) -> Result<(), TaskError> {
    for step in ctx.last_checkpoint::<u64>()?.unwrap_or(0)..steps {
        ends.acquire().await?.forget();
        ctx.checkpoint(&(step + 1)).await?;
        ledger.write(&ctx, step).await;
    }
    Ok(())
}

/// What forgets: everything since the last time that it was to keep what it had.
enum Store {
    /// A primary that dies, and a replica that had not heard of everything.
    Pair(Replicated),
    /// A server that is killed, and starts over its last snapshot.
    Snapshots(RedisServer),
    /// A server that is killed and forgets nothing.
    Durable(RedisServer),
}

impl Store {
    async fn forgetful() -> [Self; 2] {
        let pair = Replicated::new().await;
        [Self::Pair(pair), Self::Snapshots(server(&[]))]
    }

    async fn all() -> [Self; 3] {
        let [pair, snapshots] = Self::forgetful().await;
        let durable = server(&["--appendonly", "yes", "--appendfsync", "always"]);
        [pair, snapshots, Self::Durable(durable)]
    }

    fn url(&self) -> String {
        match self {
            Self::Pair(pair) => pair.url(),
            Self::Snapshots(server) | Self::Durable(server) => server.url(),
        }
    }

    /// Keeps what there is now, and forgets what comes.
    async fn keep(&self) {
        match self {
            Self::Pair(pair) => {
                pair.replicated().await;
                pair.cut_off();
            }
            Self::Snapshots(server) => assert_eq!(server.command(&["SAVE"]).unwrap(), "OK"),
            Self::Durable(_) => {}
        }
    }

    /// Goes back to what was kept.
    fn go_back(&mut self) {
        match self {
            Self::Pair(pair) => pair.fail_over(),
            Self::Snapshots(server) | Self::Durable(server) => {
                server.kill().unwrap();
                server.revive().unwrap();
            }
        }
    }

    /// Returns the server that has the keys once it went back.
    fn server(&self) -> &RedisServer {
        match self {
            Self::Pair(pair) => &pair.replica,
            Self::Snapshots(server) | Self::Durable(server) => server,
        }
    }

    fn forgets(&self) -> bool {
        !matches!(self, Self::Durable(_))
    }
}

/// A consumer on a store, and what its tasks write and wait for.
struct World {
    store: Store,
    app: RunningApp,
    manager: TaskManager,
    ledger: Ledger,
    ends: Ends,
}

impl World {
    async fn on(store: Store) -> Self {
        let (ledger, writer) = Ledger::new();
        let ends = Ends::new(Semaphore::new(0));
        let app = App::new(Broker::from(BrokerHandle::new(broker(&store.url()).await)))
            .tasks(tasks![hold, total, climb])
            .state(writer)
            .state(Arc::clone(&ends))
            .without_scheduler()
            .consumer(|it| {
                it.lease(Duration::from_secs(2))
                    .concurrency(16)
                    .shutdown_grace(Duration::ZERO)
            });
        let app = app.start().await.unwrap();
        Self {
            manager: app.task_manager().clone(),
            store,
            app,
            ledger,
            ends,
        }
    }

    /// Returns who queues and waits by connections of its own.
    async fn elsewhere(&self) -> TaskManager {
        let (_, writer) = Ledger::new();
        let app = App::new(Broker::from(BrokerHandle::new(
            broker(&self.store.url()).await,
        )))
        .tasks(tasks![hold, total, climb])
        .state(writer)
        .state(Arc::clone(&self.ends));
        let app = app.without_consumer().without_scheduler();
        app.into_task_manager().unwrap()
    }

    async fn begun(&mut self, runs: usize) {
        for _ in 0..runs {
            self.ledger.next().await;
        }
    }

    /// Queues until somebody answers: meanwhile there may be nobody.
    async fn queue(&self, call: impl Fn() -> TaskCall<u64> + Send + Sync) -> RunHandle<u64> {
        let queued = async {
            loop {
                if let Ok(run) = call().queue(&self.manager).await {
                    return run;
                }
            }
        };
        soon("nobody answers", queued).await
    }

    /// Lets everything end; checks that nothing is left but so many successes.
    async fn finish(self, successes: u64) {
        self.ends.add_permits(ALL);
        let ended = at_rest(self.store.server()).await;
        assert_eq!((ended.succeeded, ended.failed), (successes, 0));
        self.app.stop().await.unwrap();
    }
}

/// What consumers hold and what a limit counts agree whatever the server has forgotten: all go on, none leaks.
#[tokio::test]
async fn l2_a_server_that_goes_back_leaks_no_place() {
    const RUNS: u64 = 12;
    for store in Store::all().await {
        let mut world = World::on(store).await;
        let limit = Limit::concurrency("k", 3).unwrap();
        let calls = (0..RUNS).map(|number| hold::with(number).limit(limit.clone()));
        world.manager.queue_many(calls).await.unwrap();
        world.begun(3).await;
        world.store.keep().await;
        // Two end and two begin, of which the server knows nothing then.
        world.ends.add_permits(2);
        world.begun(2).await;
        world.store.go_back();
        check_limits(world.store.server());
        let admin = Admin::new(&BrokerHandle::new(broker(&world.store.url()).await)).unwrap();
        world.ends.add_permits(ALL);
        while (0..RUNS).any(|number| !world.ledger.executed.contains_key(&number)) {
            world.ledger.next().await;
            check_limits(world.store.server());
            let limits = admin.limits(&[]).await.unwrap();
            assert!(limits.iter().all(|it| it.running <= 3), "{limits:?}");
        }
        let again = world.ledger.doubled().len();
        assert!(again <= 4, "{again} began again");
        world.finish(RUNS).await;
        figure(&format!(
            "{RUNS} runs, {again} executed twice, 0 places leaked"
        ));
    }
}

/// Keys go back with their runs: what is forgotten can be queued again, what is known keeps its key until it ends.
#[tokio::test]
async fn k2_a_server_that_goes_back_keeps_no_key_without_its_run() {
    let unique = |key: &'static str| move || hold::with(0).unique(key);
    let order = |key: &'static str| move || hold::with(1).idempotency_key(key);
    for store in Store::forgetful().await {
        let mut world = World::on(store).await;
        let known = world.queue(unique("known")).await;
        world.begun(1).await;
        let ordered = world.queue(order("known")).await;
        world.begun(1).await;
        world.store.keep().await;
        // Both end, and others take their places: all of it is forgotten.
        world.ends.add_permits(2);
        let taken = async { while !world.queue(unique("known")).await.is_new() {} };
        soon("the key is not free", taken).await;
        let forgotten = [
            world.queue(unique("forgotten")).await,
            world.queue(order("forgotten")).await,
        ];
        assert!(forgotten.iter().all(RunHandle::is_new));
        world.begun(3).await;
        world.store.go_back();
        for (again, first) in [
            (world.queue(unique("known")).await, &known),
            (world.queue(order("known")).await, &ordered),
        ] {
            assert_eq!((again.is_new(), again.id()), (false, first.id()));
        }
        for again in [
            world.queue(unique("forgotten")).await,
            world.queue(order("forgotten")).await,
        ] {
            assert!(again.is_new(), "a key is held without a run");
        }
        // The known ones end once more, and the key is free.
        world.ends.add_permits(ALL);
        let free = async { while !world.queue(unique("known")).await.is_new() {} };
        soon("the key is never free", free).await;
        world.finish(5).await;
    }
    figure("2 known runs kept their keys, 2 forgotten ones left none");
}

/// Waits until so many of these runs are gone, since they keep no result.
async fn gone(manager: &TaskManager, runs: &[aqueduct::RunId], count: usize) {
    let gone = async {
        loop {
            let mut left = runs.len();
            for run in runs {
                left -= usize::from(manager.find(*run).await.unwrap().is_none());
            }
            if runs.len() - left >= count {
                return;
            }
        }
    };
    soon("they do not end", gone).await;
}

/// Members end, and the server forgets it: they end again, each counts once, and who waits elsewhere has the sum.
#[tokio::test]
async fn f3_a_server_that_goes_back_loses_and_doubles_no_value() {
    const MEMBERS: u64 = 4;
    for store in Store::all().await {
        let mut world = World::on(store).await;
        let all = group((0..MEMBERS).map(hold::with)).then(total::after(MEMBERS));
        let handle = all.queue(&world.manager).await.unwrap();
        let [early, late] = [world.elsewhere().await, world.elsewhere().await];
        let mut waits = tokio::task::JoinSet::new();
        let mut wait = |manager: &TaskManager| {
            let total = total::handle(manager, handle.id());
            waits.spawn(async move { total.wait().await });
        };
        wait(&early);
        world.begun(4).await;
        let members = &handle.runs()[..4];
        world.ends.add_permits(1);
        gone(&world.manager, members, 1).await;
        world.store.keep().await;
        // Of this wait the server knows nothing then.
        wait(&late);
        world.ends.add_permits(2);
        gone(&world.manager, members, 3).await;
        world.store.go_back();
        world.ends.add_permits(ALL);
        while let Some(told) = soon("nobody is told", waits.join_next()).await {
            assert_eq!(told.unwrap().unwrap(), (0..MEMBERS).sum::<u64>());
        }
        let kept = soon("nobody knows", handle.wait().into_future()).await;
        assert_eq!(kept.unwrap(), (0..MEMBERS).sum::<u64>());
        world.ledger.all_of(0..=MEMBERS).await;
        let executed = &world.ledger.executed;
        assert_eq!(executed[&MEMBERS], 1, "what follows ran twice");
        let again = world.ledger.doubled().len();
        assert!(
            again <= if world.store.forgets() { 3 } else { 0 },
            "{executed:?}"
        );
        world.finish(MEMBERS + 1).await;
        figure(&format!(
            "{again} of {MEMBERS} members executed twice, the sum is whole"
        ));
    }
}

/// The last checkpoints are forgotten, and the consumer stops: the next one goes on from what is known, and no further.
#[tokio::test]
async fn h2_a_server_that_goes_back_has_an_older_checkpoint() {
    const STEPS: u64 = 8;
    for store in Store::all().await {
        let forgets = store.forgets();
        let mut world = World::on(store).await;
        climb::queue(&world.manager, STEPS).await.unwrap();
        world.ends.add_permits(3);
        world.begun(3).await;
        world.store.keep().await;
        world.ends.add_permits(2);
        world.begun(2).await;
        world.store.go_back();
        world.app.stop().await.unwrap();
        let store = world.store;
        let mut world = World::on(store).await;
        world.ends.add_permits(ALL);
        let first = world.ledger.next().await.number;
        assert_eq!(first, if forgets { 3 } else { 5 });
        world.ledger.all_of(first..STEPS).await;
        assert_eq!(world.ledger.doubled(), [0_u64; 0]);
        world.finish(1).await;
    }
    figure("5 of 8 steps kept: goes on from the 3rd if 2 are forgotten");
}
