//! Limits that runs share, as a user writes them, on both brokers: attribute, call, by name, schedule.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(clippy::future_not_send, reason = "each test has one thread")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use aqueduct::admin::{Finding, LimitInfo};
use aqueduct::broker_api::BrokerHandle;
use aqueduct::run::Limit;
use aqueduct::{Admin, App, Broker, RunId, RunningApp, State, TaskError, params, task, tasks};
use aqueduct_redis_server::RedisServer;
use integration::{oracle, soon, store};
use tokio::sync::Semaphore;

const HOUR: Duration = Duration::from_hours(1);

/// What the runs of one test share: how many run, the most so far, and what lets them end.
#[derive(Clone)]
struct Gate(Arc<Inner>);

struct Inner {
    running: AtomicUsize,
    most: AtomicUsize,
    ends: Semaphore,
}

impl Gate {
    fn new() -> Self {
        Self(Arc::new(Inner {
            running: AtomicUsize::new(0),
            most: AtomicUsize::new(0),
            ends: Semaphore::new(0),
        }))
    }

    async fn pass(&self) {
        let running = self.0.running.fetch_add(1, Ordering::SeqCst) + 1;
        self.0.most.fetch_max(running, Ordering::SeqCst);
        self.0.ends.acquire().await.unwrap().forget();
        self.0.running.fetch_sub(1, Ordering::SeqCst);
    }
}

#[task(max_concurrency = 2, timeout = "1h", keep_result = "1h")]
async fn of_the_task(gate: State<Gate>) {
    gate.pass().await;
}

#[task(
    max_concurrency(1, key = "tenant:{tenant}"),
    rate_limit(100, per = "1m", key = "region:{region}"),
    timeout = "1h"
)]
async fn of_a_tenant(gate: State<Gate>, tenant: u64, region: String) {
    let _ = (tenant, region);
    gate.pass().await;
}

#[task(
    rate_limit(5, per = "1h", key = "to:{to}"),
    retry(max = 1, backoff = "1ms")
)]
async fn is_told_to_wait(to: String) -> Result<(), TaskError> {
    if to == "slow" {
        let error = std::io::Error::other("too many requests");
        return Err(TaskError::retry_key_after(HOUR, error));
    }
    Ok(())
}

#[task]
async fn is_quick(gate: State<Gate>) {
    let _ = gate;
}

#[task(schedule = every("1ms"), max_concurrency = 1, timeout = "1h")]
async fn ticks(gate: State<Gate>) {
    gate.pass().await;
}

struct World {
    handle: BrokerHandle,
    admin: Admin,
    gate: Gate,
    server: Option<RedisServer>,
}

impl World {
    fn on(handle: BrokerHandle, server: Option<RedisServer>) -> Self {
        Self {
            admin: Admin::new(&handle).unwrap(),
            handle,
            gate: Gate::new(),
            server,
        }
    }

    async fn both() -> [Self; 2] {
        let both = store::both().await;
        both.map(|(handle, server)| Self::on(handle, server))
    }

    /// Starts a consumer of its own.
    async fn app(&self) -> RunningApp {
        let app = App::new(Broker::from(self.handle.clone()));
        let app = app.tasks(tasks![of_the_task, of_a_tenant, is_told_to_wait, is_quick]);
        app.state(self.gate.clone()).start().await.unwrap()
    }

    async fn info(&self, limit: Limit) -> LimitInfo {
        self.admin.limits(&[limit]).await.unwrap().remove(0)
    }

    async fn until(&self, what: &str, holds: impl AsyncFn() -> bool) {
        let waits = async {
            while !holds().await {
                tokio::task::yield_now().await;
            }
        };
        soon(what, waits).await;
    }

    fn check(&self) {
        if let Some(server) = &self.server {
            oracle::check_limits(server);
        }
    }

    async fn limited(&self, run: RunId) -> Vec<LimitInfo> {
        let findings = self.admin.explain(run).await.unwrap().findings;
        let limits = findings.into_iter().filter_map(|finding| match finding {
            Finding::Limited(info) => Some(info),
            _ => None,
        });
        limits.collect()
    }
}

fn at_once(key: &str, max: u32) -> Limit {
    Limit::concurrency(key, max).unwrap()
}

/// Two consumers with room for all of them run no more at once than the task says, and all of them.
#[tokio::test]
async fn a_limit_is_over_all_consumers() {
    for world in World::both().await {
        let (first, second) = (world.app().await, world.app().await);
        let manager = first.task_manager();
        let runs = manager.queue_many((0..12).map(|_| of_the_task::with()));
        let runs = runs.await.unwrap();
        let limit = at_once("of_the_task", 2);
        for done in 0..runs.len() {
            let left = runs.len() - done;
            world
                .until("the others wait", async || {
                    let info = world.info(limit.clone()).await;
                    let running = world.gate.0.running.load(Ordering::SeqCst);
                    let waiting = usize::try_from(info.waiting).unwrap();
                    running == left.min(2) && running + waiting == left
                })
                .await;
            world.check();
            world.gate.0.ends.add_permits(1);
        }
        for run in &runs {
            run.wait().at_most(HOUR).await.unwrap();
        }
        assert_eq!(world.gate.0.most.load(Ordering::SeqCst), 2);
        world.check();
        first.stop().await.unwrap();
        second.stop().await.unwrap();
    }
}

/// Keys are made of parameters, for a typed call and one by name; a call adds and replaces limits.
#[tokio::test]
async fn keys_are_made_of_parameters() {
    for world in World::both().await {
        let app = world.app().await;
        let manager = app.task_manager();
        let typed = of_a_tenant::queue(&manager, 7, "eu".to_owned());
        let typed = typed.await.unwrap();
        let more = Limit::rate("region:eu", 3, HOUR).unwrap();
        let named = manager.queue("of_a_tenant", params! { tenant: 7, region: "eu" });
        let named = named
            .limit(at_once("all", 9))
            .limit(more.clone())
            .await
            .unwrap();
        let (mut limits, rate) = (vec![at_once("tenant:7", 1)], "region:eu");
        limits.push(Limit::rate(rate, 100, Duration::from_mins(1)).unwrap());
        let found = manager.find(typed.id()).await.unwrap().unwrap();
        assert_eq!(found.limits(), limits);
        let found = manager.find(named.id()).await.unwrap().unwrap();
        assert_eq!(
            found.limits(),
            [at_once("tenant:7", 1), more, at_once("all", 9)]
        );
        world
            .until("one of the tenant waits", async || {
                world.info(at_once("tenant:7", 1)).await.waiting == 1
            })
            .await;
        let limited = world.limited(named.id()).await;
        assert_eq!(limited.len(), 1);
        assert_eq!(limited[0].held_by, [typed.id()]);
        let text = world.admin.explain(named.id()).await.unwrap().to_string();
        let expected = format!("`tenant:7`: 1 of 1 are taken, by {}", typed.id());
        assert!(text.contains(&expected), "{text}");
        let too_many = (0..5).fold(of_the_task::with(), |call, number| {
            call.limit(at_once(&number.to_string(), 1))
        });
        let error = too_many.queue(&manager).await.unwrap_err();
        assert!(error.to_string().contains("at most 4 limits"), "{error}");
        world.gate.0.ends.add_permits(2);
        world
            .until("all end", async || {
                let running = world.admin.lengths(&[]).await.unwrap();
                running.iter().all(|lengths| lengths.unfinished() == 0)
            })
            .await;
        app.stop().await.unwrap();
    }
}

/// A task that is told to slow down holds back its key, and no other.
#[tokio::test]
async fn a_key_can_be_held_back_from_inside() {
    for world in World::both().await {
        let app = world.app().await;
        let manager = app.task_manager();
        let slow = Limit::rate("to:slow", 5, HOUR).unwrap();
        is_told_to_wait::queue(&manager, "slow".to_owned())
            .await
            .unwrap();
        world
            .until("the key is held back", async || {
                world.info(slow.clone()).await.opens_at.is_some()
            })
            .await;
        let behind = is_told_to_wait::queue(&manager, "slow".to_owned())
            .await
            .unwrap();
        world
            .until("it waits because of the limit", async || {
                world.info(slow.clone()).await.waiting == 1
            })
            .await;
        let text = world.admin.explain(behind.id()).await.unwrap().to_string();
        assert!(
            text.contains("the limit `to:slow` lets the next run start at"),
            "{text}"
        );
        assert!(text.contains("held it back"), "{text}");
        let other = is_told_to_wait::queue_and_wait(&manager, "fast".to_owned());
        other.await.unwrap();
        app.stop().await.unwrap();
    }
}

/// What a schedule queues has the limits of its task: a slow run holds up the next ticks.
#[tokio::test]
async fn runs_of_schedules_share_limits() {
    for world in World::both().await {
        let app = App::new(Broker::from(world.handle.clone())).tasks(tasks![ticks]);
        let app = app.state(world.gate.clone()).start().await.unwrap();
        world
            .until("the next tick waits", async || {
                let info = world.info(at_once("ticks", 1)).await;
                info.waiting > 0 && world.gate.0.running.load(Ordering::SeqCst) == 1
            })
            .await;
        assert_eq!(world.gate.0.most.load(Ordering::SeqCst), 1);
        world.gate.0.ends.add_permits(Semaphore::MAX_PERMITS / 2);
        app.stop().await.unwrap();
    }
}

/// A limit that opens while the claim that has met it is not over yet lets its runs on all the same: of a rate this
/// fast, each claim takes longer than it is closed.
#[tokio::test]
async fn a_rate_that_opens_within_a_claim_holds_nobody_back() {
    for world in World::both().await {
        let app = world.app().await;
        let fast = Limit::rate("fast", 4_000, Duration::from_secs(1)).unwrap();
        let calls = (0..12_000).map(|_| is_quick::with().limit(fast.clone()));
        app.task_manager().queue_many(calls).await.unwrap();
        world
            .until("all end", async || {
                let lengths = world.admin.lengths(&[]).await.unwrap();
                lengths.iter().all(|lengths| lengths.unfinished() == 0)
            })
            .await;
        world.check();
        app.stop().await.unwrap();
    }
}
