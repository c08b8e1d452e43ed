//! Random faults for as long as one likes: scenario M5. `cargo xtask chaos --soak [minutes]`.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use aqueduct::broker_api::{BrokerAdmin, ScheduleStore, TaskInfo};
use aqueduct::redis::RedisBroker;
use aqueduct_redis_server::RedisServer;
use fastrand::Rng;
use integration::figure::{Stopwatch, figure};
use integration::oracle::{at_rest_of, unfinished};
use integration::process::{Children, Recipe, Said, TICKING, serve_if_child};
use integration::proxy::{Fault, FaultProxy, Rule};
use integration::redis::{broker, server};
use integration::seed::seed;
use integration::soon;

/// Not a test: what the children of the others run.
#[test]
fn child() {
    serve_if_child();
}

/// Says for how many minutes there are faults; one if nobody does.
const MINUTES: &str = "AQUEDUCT_SOAK_MINUTES";

/// How many there are of each part.
const CONSUMERS: usize = 3;
const SCHEDULERS: usize = 2;
const PRODUCERS: usize = 2;

/// Between the first numbers of two producers.
const NUMBERS: u64 = 1_000_000_000;

/// Scripts whose calls fail.
const SCRIPTS: [&str; 7] = [
    "claim",
    "enqueue",
    "enqueue_whole",
    "extend",
    "fire",
    "peek",
    "reclaim",
];

/// What can go wrong.
const FAULTS: [&str; 12] = [
    "a consumer killed",
    "a consumer stopped",
    "a consumer frozen",
    "a scheduler killed",
    "a scheduler frozen",
    "a producer killed",
    "connections cut",
    "calls that fail",
    "silence",
    "a trickle",
    "the server killed",
    "the server frozen",
];

/// Every part, and what the children said.
struct Soak {
    rng: Rng,
    server: RedisServer,
    proxy: FaultProxy,
    direct: RedisBroker,
    children: Children,
    consumers: Vec<usize>,
    schedulers: Vec<usize>,
    producers: Vec<usize>,
    produced: u64,
    heard: Heard,
    faults: BTreeMap<&'static str, usize>,
}

/// What the children said.
#[derive(Default)]
struct Heard {
    queued: BTreeSet<u64>,
    begun: BTreeMap<u64, usize>,
    ended: BTreeSet<u64>,
    ticks: BTreeSet<u64>,
}

impl Heard {
    fn hear(&mut self, said: &Said) {
        match said.word.as_str() {
            "queued" => {
                assert!(self.queued.insert(said.number), "accepted twice");
            }
            "begin" => *self.begun.entry(said.number).or_default() += 1,
            "end" => {
                self.ended.insert(said.number);
            }
            "tick" => {
                self.ticks.insert(said.number);
            }
            _ => {}
        }
    }
}

impl Soak {
    async fn start(seed: u64) -> Self {
        let server = server(&["--appendonly", "yes", "--appendfsync", "always"]);
        let proxy = FaultProxy::start(server.port()).await;
        let direct = broker(&server.url()).await;
        let mut soak = Self {
            rng: Rng::with_seed(seed),
            children: Children::of(Recipe::consumer(&proxy.url())),
            server,
            proxy,
            direct,
            consumers: Vec::new(),
            schedulers: Vec::new(),
            producers: Vec::new(),
            produced: 0,
            heard: Heard::default(),
            faults: BTreeMap::new(),
        };
        for _ in 0..CONSUMERS {
            soak.start_consumer();
        }
        for _ in 0..SCHEDULERS {
            soak.start_scheduler();
        }
        for _ in 0..PRODUCERS {
            soak.start_producer();
        }
        soak
    }

    /// Returns a wrong wall clock: up to ten minutes off.
    fn shift(&mut self) -> i64 {
        self.rng.i64(-600_000..600_000)
    }

    fn start_consumer(&mut self) {
        let shift = self.shift();
        let recipe = Recipe::consumer(&self.proxy.url()).shift(shift);
        self.consumers.push(self.children.start_as(&recipe));
    }

    fn start_scheduler(&mut self) {
        let shift = self.shift();
        let recipe = Recipe::scheduler(&self.proxy.url()).shift(shift);
        let recipe = recipe.said_ticks();
        self.schedulers.push(self.children.start_as(&recipe));
    }

    fn start_producer(&mut self) {
        self.produced += NUMBERS;
        let recipe = Recipe::producer(&self.proxy.url(), self.produced);
        self.producers.push(self.children.start_as(&recipe));
    }

    /// Listens for so long.
    async fn listen(&mut self, time: Duration) {
        let (children, heard) = (&mut self.children, &mut self.heard);
        let listening = async {
            loop {
                heard.hear(&children.next().await);
            }
        };
        // Only the time ends it.
        let _: Result<(), _> = tokio::time::timeout(time, listening).await;
    }

    async fn pause(&mut self, least: u64, most: u64) {
        let pause = self.rng.u64(least..most);
        self.listen(Duration::from_millis(pause)).await;
    }

    /// Lets one thing go wrong, and ends it.
    async fn fault(&mut self) {
        let all = [&self.consumers, &self.schedulers, &self.producers];
        for &child in all.into_iter().flatten() {
            assert!(
                !self.children.is_over(child),
                "a process has ended by itself"
            );
        }
        let fault = FAULTS[self.rng.usize(..FAULTS.len())];
        *self.faults.entry(fault).or_default() += 1;
        match fault {
            "a consumer killed" => self.end_consumer("KILL").await,
            "a consumer stopped" => self.end_consumer("TERM").await,
            "a consumer frozen" => {
                let at = self.rng.usize(..self.consumers.len());
                self.freeze(self.consumers[at]).await;
            }
            "a scheduler killed" => {
                let at = self.rng.usize(..self.schedulers.len());
                let scheduler = self.schedulers.swap_remove(at);
                self.children.signal(scheduler, "KILL");
                self.pause(0, 1000).await;
                self.start_scheduler();
            }
            "a scheduler frozen" => {
                let at = self.rng.usize(..self.schedulers.len());
                self.freeze(self.schedulers[at]).await;
            }
            "a producer killed" => {
                let at = self.rng.usize(..self.producers.len());
                let producer = self.producers.swap_remove(at);
                self.children.signal(producer, "KILL");
                self.start_producer();
            }
            "the server killed" => {
                self.server.kill().unwrap();
                self.pause(0, 1500).await;
                self.server.revive().unwrap();
            }
            "the server frozen" => {
                self.server.signal("STOP").unwrap();
                self.pause(200, 4000).await;
                self.server.signal("CONT").unwrap();
            }
            fault => self.network(fault).await,
        }
    }

    async fn network(&mut self, fault: &str) {
        match fault {
            "connections cut" => self.proxy.cut_all(),
            "calls that fail" => {
                let script = SCRIPTS[self.rng.usize(..SCRIPTS.len())];
                let digest = self.direct.digest_of(script).unwrap();
                let delay = Duration::from_millis(self.rng.u64(10..3000));
                let kinds = [
                    Fault::LostReply,
                    Fault::LostRequest,
                    Fault::Twice,
                    Fault::Silence,
                    Fault::Delay(delay),
                ];
                let kind = kinds[self.rng.usize(..kinds.len())];
                self.proxy
                    .add(Rule::every(self.rng.usize(1..5), digest, kind));
                self.pause(500, 3000).await;
                self.proxy.heal();
            }
            "silence" => {
                self.proxy.set_silent(true);
                self.pause(200, 4000).await;
                self.proxy.set_silent(false);
            }
            "a trickle" => {
                let bytes = self.rng.usize(1..2000);
                self.proxy.trickle(bytes, Duration::from_millis(5));
                self.pause(500, 3000).await;
                self.proxy.flow();
            }
            other => panic!("nothing is called {other}"),
        }
    }

    async fn end_consumer(&mut self, signal: &str) {
        let at = self.rng.usize(..self.consumers.len());
        let consumer = self.consumers.swap_remove(at);
        self.children.signal(consumer, signal);
        self.pause(0, 1000).await;
        self.start_consumer();
    }

    async fn freeze(&mut self, child: usize) {
        self.children.signal(child, "STOP");
        self.pause(200, 5000).await;
        self.children.signal(child, "CONT");
    }

    /// Ends whoever makes work, and waits until it is done.
    async fn heal(&mut self) {
        self.proxy.heal();
        self.proxy.flow();
        for producer in std::mem::take(&mut self.producers) {
            self.children.signal(producer, "KILL");
        }
        self.listen(Duration::from_secs(1)).await;
        let (ticking, _) = TICKING;
        let removed = self.direct.remove(&ticking);
        let removed = soon("the server does not answer", removed).await;
        assert!(removed.unwrap(), "the schedule is gone");
        let (mut left, mut idle) = (u64::MAX, 0);
        while left > 0 {
            self.listen(Duration::from_millis(500)).await;
            let now = unfinished(&self.direct).await;
            // A long soak leaves a long backlog: what counts is that it goes down.
            idle = if now < left { 0 } else { idle + 1 };
            left = left.min(now);
            assert!(
                idle < 120,
                "stuck: {left} runs wait, and none has ended for a minute"
            );
        }
        // What was said last is still on its way.
        self.listen(Duration::from_secs(1)).await;
    }

    /// Checks that nothing was lost, nothing recorded twice, and nothing left behind.
    async fn check(&self) -> String {
        at_rest_of(&self.server, &self.direct).await;
        let Heard {
            queued,
            begun,
            ended,
            ticks,
        } = &self.heard;
        let lost: Vec<&u64> = queued.difference(ended).collect();
        assert!(lost.is_empty(), "accepted and not executed: {lost:?}");
        let tasks = self.direct.tasks().await.unwrap();
        let failed: u64 = tasks.iter().map(|task| task.failed).sum();
        assert_eq!(failed, 0, "none of them fails for good");
        let of_ticks = |task: &&TaskInfo| task.task.as_str() == "say_tick";
        let ticked: u64 = tasks.iter().filter(of_ticks).map(|it| it.succeeded).sum();
        assert_eq!(ticked, ticks.len() as u64, "ticks");
        let all: u64 = tasks.iter().map(|task| task.succeeded).sum();
        let executed = ended.len() as u64;
        assert_eq!(all - ticked, executed, "recorded twice, or not at all");
        for task in &tasks {
            let fails = task.task.as_str() == "fail_once";
            let failures = if fails { task.succeeded } else { 0 };
            assert_eq!(task.retried, failures, "failures are recorded once");
        }
        let period = u64::try_from(TICKING.1.as_millis()).unwrap();
        let all: Vec<u64> = ticks.iter().copied().collect();
        for pair in all.windows(2) {
            assert_eq!(pair[1] - pair[0], period, "a tick is missing");
        }
        let again = begun.values().filter(|times| **times > 1).count();
        let most = begun.values().max().copied().unwrap_or(0);
        format!(
            "{} accepted, {} executed, 0 lost, {again} began again (at most {most} times), 0 recorded twice, {} ticks",
            queued.len(),
            ended.len(),
            ticks.len()
        )
    }
}

/// Consumers, schedulers and producers with wrong clocks meet one fault after the other; once all is well
/// again, what was accepted was executed, and recorded once, and each tick was fired once.
#[tokio::test]
#[ignore = "slow: cargo xtask chaos"]
async fn m5_random_faults_lose_nothing() {
    let minutes = std::env::var(MINUTES).map_or(1, |minutes| minutes.parse().unwrap());
    let mut soak = Soak::start(seed()).await;
    let watch = Stopwatch::start();
    while watch.elapsed() < Duration::from_mins(minutes) {
        soak.pause(100, 2000).await;
        soak.fault().await;
    }
    soak.heal().await;
    let found = soak.check().await;
    let faults: usize = soak.faults.values().sum();
    figure(&format!("{minutes} min, {faults} faults, {found}"));
    let faults = soak.faults.iter();
    let faults: Vec<String> = faults
        .map(|(name, times)| format!("{times} × {name}"))
        .collect();
    figure(&faults.join(", "));
}
