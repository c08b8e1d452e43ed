//! Every path into the ready lists wakes whoever waits, by the bell alone: scenario X15.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use aqueduct::broker_api::{
    Broker, BrokerAdmin, Fire, Fired, PauseScope, ScheduleDefinition, ScheduleStore, Sequence,
    Settled, Settlement, WaitRequest,
};
use aqueduct::redis::RedisBroker;
use aqueduct::{Lane, QueueName, RunId, Schedule};
use aqueduct_core::queue::Due;
use aqueduct_redis_server::RedisServer;
use integration::contract::{
    Client, enqueue, enqueue_one, fail, failure, reclaim_all, run, succeed,
};
use integration::figure::{Stopwatch, figure};
use integration::oracle::at_rest;
use integration::proxy::FaultProxy;
use integration::redis::{broker, server};
use integration::soon;

/// A wait that ends by itself long after the test has given up on it.
const AT_MOST: Duration = Duration::from_hours(1);

/// A lease that no test outlasts.
const LONG: Duration = Duration::from_mins(2);

/// How long what is delayed is delayed.
const SOON: Duration = Duration::from_millis(30);

const DEFAULT: QueueName = QueueName::DEFAULT;

/// A waiting consumer behind a proxy that counts its calls, and somebody else who disturbs it.
struct World {
    server: Arc<RedisServer>,
    proxy: FaultProxy,
    waiting: RedisBroker,
    direct: RedisBroker,
    peek: String,
    woken: Vec<String>,
}

impl World {
    async fn new() -> Self {
        let server = server(&[]);
        let proxy = FaultProxy::start(server.port()).await;
        let waiting = broker(&proxy.url()).await;
        let peek = waiting.digest_of("peek").unwrap().to_owned();
        let mut world = Self {
            direct: broker(&server.url()).await,
            server: Arc::new(server),
            proxy,
            waiting,
            peek,
            woken: Vec::new(),
        };
        // The first wait connects, which wakes as well.
        let direct = world.direct.clone();
        let first = async {
            enqueue_one(&direct, run()).await;
        };
        world.wakes("", first).await;
        world.woken.clear();
        world
    }

    /// Waits until a change makes a run ready, and executes it.
    ///
    /// On the heap: the stack of a test is small.
    fn wakes<'a>(
        &'a mut self,
        path: &'a str,
        change: impl Future<Output = ()> + Send + 'a,
    ) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>> {
        Box::pin(self.woken_by(path, Box::pin(change)))
    }

    async fn woken_by(&mut self, path: &str, change: impl Future<Output = ()> + Send) {
        let mut client = Client::new(&self.waiting, LONG);
        let looked = self.proxy.answered(&self.peek);
        let request = WaitRequest::new(vec![Lane::Io], Arc::from([DEFAULT]), AT_MOST);
        let mut rounds = 0;
        let served = async {
            loop {
                self.waiting.wait_ready(&request).await.unwrap();
                rounds += 1;
                let leases = client.claim(9).await;
                if !leases.is_empty() {
                    return leases;
                }
            }
        };
        let changed = async {
            // It has looked, found nothing, and waits for the bell.
            self.proxy.has_answered(&self.peek, looked + 1).await;
            while !self.is_blocked() {
                tokio::task::yield_now().await;
            }
            let watch = Stopwatch::start();
            change.await;
            watch
        };
        let both = Box::pin(async { tokio::join!(Box::pin(served), Box::pin(changed)) });
        let (leases, watch) = soon(&format!("{path} wakes nobody"), both).await;
        self.woken.push(format!("{path} {:.1} ms", watch.millis()));
        assert_eq!(leases.len(), 1, "{path}: {rounds} rounds");
        for lease in leases {
            let settled = client.settle(lease.token(), succeed()).await;
            assert_ne!(settled, Settled::LeaseLost);
        }
    }

    fn is_blocked(&self) -> bool {
        let clients = self.server.command(&["INFO", "clients"]).unwrap();
        clients.contains("blocked_clients:1")
    }

    /// Claims the only run, which waits, as somebody else.
    async fn held(&self, lease: Duration) -> (Client, aqueduct::broker_api::LeaseToken) {
        enqueue_one(&self.direct, run()).await;
        let mut client = Client::new(&self.direct, lease);
        let token = client.claim_one().await.token();
        self.silence().await;
        (client, token)
    }

    /// Takes the token that is left over: what was claimed here was claimed without a wake-up.
    ///
    /// A call that blocked longer than anybody listened may have taken it, and puts it back.
    async fn silence(&self) {
        const BELL: &str = "{aqueduct}:bell:io:default";
        soon("the bell was not rung", async {
            while self.server.command(&["DEL", BELL]).unwrap() != "1" {
                tokio::task::yield_now().await;
            }
        })
        .await;
    }

    async fn settlement_wakes(&mut self, path: &str, settlement: Settlement) {
        let (mut client, token) = self.held(LONG).await;
        self.wakes(path, async move {
            assert_ne!(client.settle(token, settlement).await, Settled::LeaseLost);
        })
        .await;
    }

    /// Checks that everything was executed, and says how long each path took.
    async fn finish(self, runs: u64) {
        assert_eq!(at_rest(&self.server).await.succeeded, runs + 1);
        figure(&self.woken.join(", "));
    }
}

#[tokio::test]
async fn x15_what_is_queued_wakes() {
    let mut world = World::new().await;
    let direct = world.direct.clone();
    world
        .wakes("enqueue", async {
            enqueue_one(&direct, run()).await;
        })
        .await;
    let mut kept = run();
    kept.options_mut().keep_result = Some(SOON);
    world
        .wakes("with options", async {
            enqueue_one(&direct, kept).await;
        })
        .await;
    let mut other = run();
    other.queue = "other".parse().unwrap();
    world
        .wakes("batch", async {
            enqueue(&direct, vec![other, run()]).await;
        })
        .await;
    let mut later = run();
    later.due = Due::After(SOON);
    world
        .wakes("due", async {
            enqueue_one(&direct, later).await;
        })
        .await;
    assert_eq!(direct.purge(&"other".parse().unwrap()).await.unwrap(), 1);
    world.finish(4).await;
}

#[tokio::test]
async fn x15_what_is_settled_and_runs_again_wakes() {
    let mut world = World::new().await;
    let (wait, retry) = (SOON, failure());
    let failure = failure();
    world.settlement_wakes("release", Settlement::Release).await;
    world
        .settlement_wakes(
            "retry",
            Settlement::Retry {
                wait,
                failure: retry,
            },
        )
        .await;
    world
        .settlement_wakes("snooze", Settlement::Snooze { wait })
        .await;
    world
        .settlement_wakes("park", Settlement::Park { wait, failure })
        .await;
    world.finish(4).await;
}

#[tokio::test]
async fn x15_what_is_taken_back_wakes() {
    let mut world = World::new().await;
    let direct = world.direct.clone();
    let (_dead, _) = world.held(Duration::from_millis(1)).await;
    world.wakes("reclaim", reclaim_all(&direct, 1)).await;
    // A claim whose answer never came: the next beat gives its run back.
    let (client, _) = world.held(LONG).await;
    let orphan = aqueduct::broker_api::ExtendRequest::new(client.id, LONG, Sequence::FIRST);
    world
        .wakes("orphan", async {
            assert_eq!(direct.extend(&orphan).await.unwrap().released, 1);
        })
        .await;
    world.finish(2).await;
}

#[tokio::test]
async fn x15_what_people_do_wakes() {
    let mut world = World::new().await;
    let direct = world.direct.clone();
    let (mut client, token) = world.held(LONG).await;
    client.settle(token, fail()).await;
    world
        .wakes("requeue", async {
            assert_eq!(direct.requeue(&[token.run]).await.unwrap(), [true]);
        })
        .await;
    for (path, scope) in [
        ("resumed queue", PauseScope::Queue(DEFAULT)),
        ("resumed task", PauseScope::Task(run().task)),
    ] {
        direct.set_paused(&scope, true).await.unwrap();
        enqueue_one(&direct, run()).await;
        // Sets the run of a paused task aside.
        assert!(Client::new(&direct, LONG).claim(1).await.is_empty());
        world.silence().await;
        let resume = async { direct.set_paused(&scope, false).await.unwrap() };
        world.wakes(path, resume).await;
    }
    world.finish(3).await;
}

#[tokio::test]
async fn x15_a_tick_wakes() {
    let mut world = World::new().await;
    let direct = world.direct.clone();
    let schedule = Schedule::every(Duration::from_secs(1)).unwrap();
    let definition = ScheduleDefinition::new("s".parse().unwrap(), schedule, run().task);
    direct
        .upsert(std::slice::from_ref(&definition))
        .await
        .unwrap();
    let last = ScheduleStore::list(&direct).await.unwrap().entries[0].last_tick;
    let tick = definition.schedule.next_after(last).unwrap();
    let fire = Fire::tick(&definition, tick);
    let fired: Option<RunId> = fire.run.as_ref().map(|run| run.id);
    world
        .wakes("tick", async {
            let answer = loop {
                match direct.fire(&fire).await.unwrap() {
                    Fired::TooEarly { .. } => {}
                    answer => break answer,
                }
            };
            assert_eq!(answer, Fired::Fired(fired));
        })
        .await;
    direct.remove(&definition.name).await.unwrap();
    world.finish(1).await;
}

/// Whoever claims and leaves some wakes the next one.
#[tokio::test]
async fn x15_a_claim_that_leaves_some_wakes() {
    let mut world = World::new().await;
    let direct = world.direct.clone();
    let (ready, hidden) = ("{aqueduct}:ready:io:medium:default", "{aqueduct}:hidden");
    enqueue(&direct, vec![run(), run()]).await;
    world.server.command(&["RENAME", ready, hidden]).unwrap();
    world.silence().await;
    let mut greedy = Client::new(&direct, LONG);
    let server = Arc::clone(&world.server);
    let mut taken = None;
    world
        .wakes("rest of a claim", async {
            // Back without a ring: only the claim can wake.
            server.command(&["RENAME", hidden, ready]).unwrap();
            taken = greedy.claim(1).await.pop();
        })
        .await;
    let token = taken.unwrap().token();
    greedy.settle(token, succeed()).await;
    world.finish(2).await;
}
