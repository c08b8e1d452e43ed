//! Consumers that are killed, stopped and replaced: scenarios W1 to W10, X7, D1 and D3.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use aqueduct::broker_api::{BrokerAdmin, BrokerExt, BrokerHandle};
use aqueduct::redis::RedisBroker;
use aqueduct::{App, Broker, TaskManager, tasks};
use aqueduct_redis_server::RedisServer;
use integration::figure::figure;
use integration::process::{Children, Recipe, Said, serve_if_child, take_time};
use integration::redis::{broker, server};

/// Not a test: what the children of the others run.
#[test]
fn child() {
    serve_if_child();
}

/// A server, a way to queue, and children that consume.
struct World {
    direct: RedisBroker,
    manager: TaskManager,
    consumers: Children,
    /// Of each run: how often it began, and how often it ended.
    begun: BTreeMap<u64, usize>,
    ended: BTreeMap<u64, usize>,
    server: RedisServer,
}

impl World {
    async fn new(children: usize) -> Self {
        let server = server(&[]);
        let direct = broker(&server.url()).await;
        let app =
            App::new(Broker::from(BrokerHandle::new(direct.clone()))).tasks(tasks![take_time]);
        let manager = app
            .without_consumer()
            .without_scheduler()
            .into_task_manager()
            .unwrap();
        let mut consumers = Children::of(Recipe::consumer(&server.url()));
        for _ in 0..children {
            consumers.start();
        }
        Self {
            direct,
            manager,
            consumers,
            begun: BTreeMap::new(),
            ended: BTreeMap::new(),
            server,
        }
    }

    async fn queue(&self, numbers: std::ops::Range<u64>, millis: u64) {
        self.manager
            .queue_many(numbers.map(|number| take_time::with(number, millis)))
            .await
            .unwrap();
    }

    async fn next(&mut self) -> Said {
        let said = self.consumers.next().await;
        let counts = if said.word == "begin" {
            &mut self.begun
        } else {
            &mut self.ended
        };
        *counts.entry(said.number).or_default() += 1;
        said
    }

    /// Waits until so many runs have begun at one child; returns which.
    async fn begun_at(&mut self, child: usize, count: usize) -> BTreeSet<u64> {
        let mut numbers = BTreeSet::new();
        while numbers.len() < count {
            let said = self.next().await;
            if said.child == child && said.word == "begin" {
                numbers.insert(said.number);
            }
        }
        numbers
    }

    /// Waits until all of these runs have ended, and checks that each was recorded once.
    async fn settled(&mut self, numbers: std::ops::Range<u64>) {
        let runs = numbers.end - numbers.start;
        while numbers
            .clone()
            .any(|number| !self.ended.contains_key(&number))
        {
            self.next().await;
        }
        // The last settlements are on their way.
        while self.direct.queue_lengths_of_all().await > 0 {
            tokio::task::yield_now().await;
        }
        let tasks = self.direct.tasks().await.unwrap();
        let succeeded: u64 = tasks.iter().map(|task| task.succeeded).sum();
        assert_eq!(succeeded, runs, "a run was recorded twice, or lost");
        assert_eq!(tasks.iter().map(|task| task.failed).sum::<u64>(), 0);
        assert_eq!(
            self.direct
                .queue_length()
                .await
                .unwrap()
                .values()
                .sum::<u64>(),
            0
        );
    }
}

/// How many runs are not ended.
trait Unfinished {
    async fn queue_lengths_of_all(&self) -> u64;
}

impl Unfinished for RedisBroker {
    async fn queue_lengths_of_all(&self) -> u64 {
        let lengths = aqueduct::broker_api::Broker::queue_lengths(self, &[])
            .await
            .unwrap();
        lengths
            .iter()
            .map(aqueduct::broker_api::QueueLengths::unfinished)
            .sum()
    }
}

#[expect(clippy::disallowed_methods, reason = "a figure of real time")]
fn now() -> Instant {
    Instant::now()
}

#[tokio::test]
async fn w1_the_runs_of_a_killed_consumer_start_elsewhere() {
    kill_one_of_three(World::new(3).await).await;
}

/// The promise of seven seconds, at the defaults.
#[tokio::test]
#[ignore = "slow: cargo xtask chaos"]
async fn w1_at_the_defaults() {
    let mut world = World::new(0).await;
    let recipe = Recipe::consumer(&world.server.url()).lease(Duration::from_secs(5));
    world.consumers = Children::of(recipe);
    for _ in 0..3 {
        world.consumers.start();
    }
    kill_one_of_three(world).await;
}

async fn kill_one_of_three(mut world: World) {
    world.queue(0..200, 50).await;
    let victim = 0;
    world.begun_at(victim, 5).await;
    world.consumers.signal(victim, "KILL");
    let (killed, mut last) = (now(), Duration::ZERO);
    let mut taken_over = 0;
    while (0..200).any(|number| !world.ended.contains_key(&number)) {
        let said = world.next().await;
        assert_eq!(said.failures, 0, "a death is not a failure");
        if said.word == "begin" && said.crashes == 1 {
            taken_over += 1;
            last = killed.elapsed();
        }
    }
    world.settled(0..200).await;
    let seconds = last.as_secs_f64();
    figure(&format!(
        "taken over {taken_over} after at most {seconds:.1} s"
    ));
    assert!(taken_over > 0, "nothing was taken over");
    let again = world.begun.values().filter(|times| **times > 1).count();
    assert!(
        again <= taken_over,
        "{again} runs began again, {taken_over} were taken over"
    );
}

#[tokio::test]
async fn w2_the_runs_of_killed_consumers_start_at_new_ones() {
    let mut world = World::new(2).await;
    world.queue(0..60, 100).await;
    world.begun_at(1, 5).await;
    for child in 0..2 {
        world.consumers.signal(child, "KILL");
    }
    world.consumers.start();
    world.settled(0..60).await;
}

/// A consumer that stood still longer than its lease finds its runs gone, and records nothing.
#[tokio::test]
async fn w4_a_consumer_that_stood_still_records_nothing() {
    let mut world = World::new(1).await;
    world.queue(0..8, 500).await;
    let stopped = world.begun_at(0, 8).await;
    world.consumers.signal(0, "STOP");
    world.consumers.start();
    while stopped.iter().any(|number| world.begun[number] < 2) {
        world.next().await;
    }
    world.consumers.signal(0, "CONT");
    world.settled(0..8).await;
}

/// Pauses shorter than the lease take nothing away.
#[tokio::test]
#[ignore = "slow: cargo xtask chaos"]
async fn w5_short_pauses_take_nothing_away() {
    let mut world = World::new(2).await;
    world.queue(0..16, 8000).await;
    world.begun_at(0, 8).await;
    for _ in 0..4 {
        world.consumers.signal(0, "STOP");
        // The pause is the fault: more than half a lease.
        tokio::time::sleep(Duration::from_millis(1200)).await;
        world.consumers.signal(0, "CONT");
        tokio::time::sleep(Duration::from_millis(600)).await;
    }
    world.settled(0..16).await;
    assert!(
        world.begun.values().all(|times| *times == 1),
        "a run was taken away"
    );
}

/// A process that is started again with the same name is somebody else.
#[tokio::test]
async fn w10_a_restarted_consumer_is_not_taken_for_the_dead_one() {
    let mut world = World::new(1).await;
    world.queue(0..8, 500).await;
    world.begun_at(0, 8).await;
    world.consumers.signal(0, "KILL");
    world.consumers.ended(0).await;
    world.consumers.start();
    world.settled(0..8).await;
    assert!(world.begun.values().all(|times| *times == 2));
}

/// A consumer that is told to stop finishes what it can, and gives the rest back at once.
#[tokio::test]
async fn d1_a_stopped_consumer_loses_and_doubles_nothing() {
    let mut world = World::new(1).await;
    world.queue(0..40, 100).await;
    world.begun_at(0, 8).await;
    world.consumers.signal(0, "TERM");
    let next = world.consumers.start();
    assert!(world.consumers.ended(0).await, "it did not stop well");
    world.begun_at(next, 1).await;
    world.settled(0..40).await;
    assert!(
        world.ended.values().all(|times| *times == 1),
        "executed twice"
    );
}

/// A rolling deploy under load.
#[tokio::test]
async fn d3_a_rolling_restart_loses_and_doubles_nothing() {
    let mut world = World::new(3).await;
    world.queue(0..300, 30).await;
    for old in 0..3 {
        world.begun_at(old, 3).await;
        world.consumers.start();
        world.consumers.signal(old, "TERM");
        assert!(world.consumers.ended(old).await, "it did not stop well");
    }
    world.settled(0..300).await;
    assert!(
        world.ended.values().all(|times| *times == 1),
        "executed twice"
    );
}
