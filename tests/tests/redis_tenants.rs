//! Many who share what is scarce: one who floods, and a service that fails: scenarios Q4 and Q5.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aqueduct::broker_api::{BrokerAdmin as _, BrokerHandle};
use aqueduct::clock::Clock;
use aqueduct::run::Limit;
use aqueduct::{App, Broker, QueueName, RunningApp, State, TaskError, task, tasks};
use aqueduct_redis_server::RedisServer;
use integration::figure::figure;
use integration::oracle::{at_rest, check_limits};
use integration::process::{serve_if_child, take_time};
use integration::redis::{broker, server};
use integration::soon;
use integration::world::World;

/// Not a test: what the children of the others run.
#[test]
fn child() {
    serve_if_child();
}

/// A service, and when it was called.
#[derive(Default)]
struct Service {
    calls: Mutex<Vec<u64>>,
    answered: AtomicUsize,
}

/// How many calls fail before the service works.
const FAILURES: usize = 12;

/// How long it asks everybody to wait.
const WAIT: Duration = Duration::from_millis(300);

#[task(max_concurrency = 2, retry(max = 1000, backoff = "1ms"))]
async fn calls(service: State<Arc<Service>>) -> Result<(), TaskError> {
    let mut calls = service.calls.lock().unwrap();
    calls.push(Clock::system().now().as_millis());
    if calls.len() <= FAILURES {
        let error = std::io::Error::other("the service is down");
        return Err(TaskError::retry_key_after(WAIT, error));
    }
    service.answered.fetch_add(1, Ordering::SeqCst);
    Ok(())
}

async fn caller(server: &RedisServer, service: &Arc<Service>) -> RunningApp {
    let handle = BrokerHandle::new(broker(&server.url()).await);
    let app = App::new(Broker::from(handle)).tasks(tasks![calls]);
    let app = app.state(Arc::clone(service)).without_scheduler();
    let app = app.consumer(|it| it.lease(Duration::from_secs(2)).concurrency(16));
    app.start().await.unwrap()
}

/// A service fails: it is asked again by as many as may call it at once after each wait, however many wait, and all
/// are done once it works.
#[tokio::test]
async fn q4_a_service_that_fails_is_left_alone_and_all_is_done_after() {
    const RUNS: usize = 100;
    let server = server(&[]);
    let service = Arc::new(Service::default());
    let apps = [
        caller(&server, &service).await,
        caller(&server, &service).await,
    ];
    let manager = apps[0].task_manager();
    let many = manager.queue_many((0..RUNS).map(|_| calls::with()));
    many.await.unwrap();
    let done = async {
        while service.answered.load(Ordering::SeqCst) < RUNS {
            tokio::task::yield_now().await;
        }
    };
    soon("the service is not called any more", done).await;
    let ended = at_rest(&server).await;
    assert_eq!((ended.succeeded, ended.failed), (RUNS as u64, 0));
    assert_eq!(ended.retried, FAILURES as u64);
    check_limits(&server);
    for app in apps {
        app.stop().await.unwrap();
    }
    let mut failed = service.calls.lock().unwrap()[..FAILURES].to_vec();
    failed.sort_unstable();
    // Of three calls one comes after another has failed. The times of both ends are cut to milliseconds.
    let wait = u64::try_from(WAIT.as_millis()).unwrap() - 2;
    for calls in failed.windows(3) {
        assert!(calls[2] - calls[0] >= wait, "called too often: {failed:?}");
    }
    figure(&format!(
        "{RUNS} runs, {FAILURES} calls failed over {} ms, at most 2 a wait of {WAIT:?}",
        failed[FAILURES - 1] - failed[0]
    ));
}

/// One tenant floods the queue and takes all places there are: the runs of others take turns with its runs.
#[tokio::test]
async fn q5_one_tenant_that_floods_holds_up_no_other() {
    const FLOOD: u64 = 2000;
    const OTHERS: u64 = 50;
    const PLACES: u32 = 10;
    let mut world = World::new(2).await;
    let shared = Limit::concurrency("all", PLACES).unwrap();
    let of = |number: u64, tenant: u64| {
        let own = Limit::concurrency(format!("tenant:{tenant}"), PLACES).unwrap();
        let run = take_time::with(number, 20);
        run.limit(shared.clone()).limit(own)
    };
    for from in (0..FLOOD).step_by(500) {
        let flood = (from..from + 500).map(|number| of(number, 0));
        world.manager.queue_many(flood).await.unwrap();
    }
    while world.begun.len() < PLACES as usize * 2 {
        world.next().await;
    }
    let before = world.ended.len();
    let others = (FLOOD..FLOOD + OTHERS).map(|number| of(number, 1 + number % 10));
    world.manager.queue_many(others).await.unwrap();
    world.all_ended(FLOOD..FLOOD + OTHERS).await;
    let flood = world.ended.range(..FLOOD).count() - before;
    assert!(flood < 500, "{flood} of the flood went before");
    check_limits(&world.server);
    assert!(world.most_at_once(0..FLOOD + OTHERS) <= PLACES as usize);
    world.direct.purge(&QueueName::DEFAULT).await.unwrap();
    assert_eq!(at_rest(&world.server).await.failed, 0);
    figure(&format!(
        "{OTHERS} runs of 10 others ended while {flood} of {FLOOD} of the flood did"
    ));
}
