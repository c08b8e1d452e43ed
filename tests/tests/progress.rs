//! What a running task reports, as another process sees it: on both brokers, from IO and from CPU tasks.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;
use std::time::Duration;

use aqueduct::admin::Finding;
use aqueduct::broker_api::BrokerHandle;
use aqueduct::cpu::CpuSettings;
use aqueduct::memory::MemoryBroker;
use aqueduct::{
    App, Broker, RunId, RunningApp, State, TaskContext, TaskManager, cpu_task, task, tasks,
};
use aqueduct_broker_conformance::{Fault, FaultyBroker, Operation};
use aqueduct_redis_server::RedisServer;
use integration::redis::{broker, server};
use integration::soon;
use tokio::sync::Semaphore;

/// How many reports the task may make.
type Turns = Arc<Semaphore>;

#[task(timeout = "1h")]
async fn climbs(ctx: TaskContext, turns: State<Turns>, steps: u64) {
    for step in 1..=steps {
        turns.acquire().await.unwrap().forget();
        ctx.progress_with(step, steps, "stairs");
    }
    turns.acquire().await.unwrap().forget();
}

#[cpu_task(timeout = "1h")]
fn computes(ctx: &TaskContext) {
    ctx.progress_with(7, 0, "digits");
    while !ctx.is_cancelled() {
        std::thread::yield_now();
    }
}

/// A consumer, and a process that only looks.
struct World {
    app: RunningApp,
    elsewhere: TaskManager,
    looks: Broker,
    turns: Turns,
    _server: Option<RedisServer>,
}

impl World {
    async fn on(consumes: BrokerHandle, looks: BrokerHandle, server: Option<RedisServer>) -> Self {
        let turns = Turns::new(Semaphore::new(0));
        let app = |handle| App::new(Broker::from(handle)).tasks(tasks![climbs, computes]);
        let looks = Broker::from(looks);
        let elsewhere = app(looks.handle().clone())
            .without_consumer()
            .without_scheduler();
        let app = app(consumes).without_scheduler().state(Arc::clone(&turns));
        let app = app.consumer(|it| {
            it.lease(Duration::from_secs(2))
                .cpu(CpuSettings::threads())
                .shutdown_grace(Duration::ZERO)
        });
        Self {
            app: app.start().await.unwrap(),
            elsewhere: elsewhere.into_task_manager().unwrap(),
            looks,
            turns,
            _server: server,
        }
    }

    async fn memory() -> Self {
        let handle = BrokerHandle::new(MemoryBroker::new());
        Self::on(handle.clone(), handle, None).await
    }

    async fn redis() -> Self {
        let server = server(&[]);
        let consumes = BrokerHandle::new(broker(&server.url()).await);
        let looks = BrokerHandle::new(broker(&server.url()).await);
        Self::on(consumes, looks, Some(server)).await
    }

    /// Waits until the run shows so much progress; returns it as text.
    async fn shows(&self, run: RunId, done: u64) -> String {
        let looks = async {
            loop {
                let found = self.elsewhere.find(run).await.unwrap().unwrap();
                if let Some(progress) = found.progress.filter(|it| it.done == done) {
                    assert!(progress.at >= found.queued_at);
                    return progress.to_string();
                }
                tokio::task::yield_now().await;
            }
        };
        soon("the progress is shown", looks).await
    }
}

#[tokio::test]
async fn the_newest_report_is_seen_elsewhere_until_the_run_ends() {
    for world in [World::memory().await, World::redis().await] {
        let call = climbs::with(3).keep_result(Duration::from_mins(1));
        let run = call.queue(&world.elsewhere).await.unwrap();
        world.turns.add_permits(1);
        assert_eq!(world.shows(run.id(), 1).await, "1 of 3 (stairs)");
        world.turns.add_permits(2);
        assert_eq!(world.shows(run.id(), 3).await, "3 of 3 (stairs)");
        let explanation = world
            .looks
            .admin()
            .unwrap()
            .explain(run.id())
            .await
            .unwrap();
        assert!(
            matches!(&explanation.findings[..], [Finding::Held { progress: Some(it), .. }] if it.done == 3)
        );
        assert!(
            explanation.to_string().contains("3 of 3 (stairs)"),
            "{explanation}"
        );
        world.turns.add_permits(1);
        run.wait().await.unwrap();
        assert_eq!(run.find().await.unwrap().unwrap().progress, None);
        world.app.stop().await.unwrap();
    }
}

#[tokio::test]
async fn a_cpu_task_reports_through_its_consumer() {
    for world in [World::memory().await, World::redis().await] {
        let run = computes::queue(&world.elsewhere).await.unwrap();
        assert_eq!(world.shows(run.id(), 7).await, "7 (digits)");
        run.cancel("seen").await.unwrap();
        world.app.stop().await.unwrap();
    }
}

#[tokio::test]
async fn a_beat_that_was_not_answered_loses_no_report() {
    let inner = BrokerHandle::new(MemoryBroker::new());
    let faulty = FaultyBroker::new(inner.clone());
    let world = World::on(BrokerHandle::new(faulty.clone()), inner, None).await;
    let run = climbs::queue(&world.elsewhere, 1).await.unwrap();
    soon("it beats", faulty.called(Operation::Extend, 1)).await;
    faulty.fail_next(Operation::Extend, Fault::Error);
    world.turns.add_permits(1);
    assert_eq!(world.shows(run.id(), 1).await, "1 of 1 (stairs)");
    assert_eq!(faulty.injected(), 1);
    world.turns.add_permits(1);
    world.app.stop().await.unwrap();
}
