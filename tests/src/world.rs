//! A server, a way to queue, and children that consume.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use aqueduct::broker_api::BrokerHandle;
use aqueduct::clock::Clock;
use aqueduct::redis::RedisBroker;
use aqueduct::{App, Broker, TaskManager, tasks};
use aqueduct_redis_server::RedisServer;

use crate::oracle::{Ended, at_rest_of};
use crate::process::{Children, Recipe, Said, add, sum, take_steps, take_time};
use crate::redis::{broker, server};

/// A server, a way to queue, and children that consume; what their tasks said.
#[derive(Debug)]
#[non_exhaustive]
pub struct World {
    /// A broker that nothing disturbs.
    pub direct: RedisBroker,
    /// Queues there.
    pub manager: TaskManager,
    /// The children.
    pub consumers: Children,
    /// Of each run, how often it began.
    pub begun: BTreeMap<u64, usize>,
    /// Of each run, how often it ended.
    pub ended: BTreeMap<u64, usize>,
    /// All that was said.
    pub heard: Vec<Said>,
    /// When children were killed.
    killed: BTreeMap<usize, u64>,
    /// The server.
    pub server: RedisServer,
}

impl World {
    /// Starts a server, and so many consumers.
    ///
    /// # Panics
    ///
    /// Panics if they do not start.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future ends what it started.
    pub async fn new(children: usize) -> Self {
        Self::with(server(&[]), children).await
    }

    /// Starts so many consumers of a server.
    ///
    /// # Panics
    ///
    /// Panics if they do not start.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future ends what it started.
    pub async fn with(server: RedisServer, children: usize) -> Self {
        let direct = broker(&server.url()).await;
        let app = App::new(Broker::from(BrokerHandle::new(direct.clone())))
            .tasks(tasks![take_time, take_steps, add, sum]);
        let manager = app
            .without_consumer()
            .without_scheduler()
            .into_task_manager();
        let mut consumers = Children::of(Recipe::consumer(&server.url()));
        for _ in 0..children {
            consumers.start();
        }
        Self {
            direct,
            manager: manager.expect("a manager"),
            consumers,
            begun: BTreeMap::new(),
            ended: BTreeMap::new(),
            heard: Vec::new(),
            killed: BTreeMap::new(),
            server,
        }
    }

    /// Queues a run of so many milliseconds for each number.
    ///
    /// # Panics
    ///
    /// Panics if one is not accepted.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future may leave some queued.
    pub async fn queue(&self, numbers: Range<u64>, millis: u64) {
        let calls = numbers.map(|number| take_time::with(number, millis));
        let queued = self.manager.queue_many(calls).await;
        queued.expect("they are queued");
    }

    /// Waits for the next thing that a task says.
    ///
    /// # Panics
    ///
    /// Panics if nothing is said for too long.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing.
    pub async fn next(&mut self) -> Said {
        let said = self.consumers.next().await;
        match said.word.as_str() {
            "begin" => *self.begun.entry(said.number).or_default() += 1,
            "step" | "kept" | "queued" | "told" => {}
            _ => *self.ended.entry(said.number).or_default() += 1,
        }
        self.heard.push(said.clone());
        said
    }

    /// Waits until a run begins; returns the child.
    ///
    /// # Panics
    ///
    /// Panics if nothing is said for too long.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing.
    pub async fn begins(&mut self, number: u64) -> usize {
        loop {
            let said = self.next().await;
            if said.word == "begin" && said.number == number {
                return said.child;
            }
        }
    }

    /// Kills a child.
    ///
    /// # Panics
    ///
    /// Panics if it is gone.
    pub fn kill(&mut self, child: usize) {
        self.consumers.signal(child, "KILL");
        let at = Clock::system().now().as_millis();
        self.killed.insert(child, at);
    }

    /// Waits until so many runs have begun at one child; returns which.
    ///
    /// # Panics
    ///
    /// Panics if nothing is said for too long.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses which.
    pub async fn begun_at(&mut self, child: usize, count: usize) -> BTreeSet<u64> {
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
    ///
    /// # Panics
    ///
    /// Panics if one was lost, recorded twice, or is stuck.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future changes nothing.
    pub async fn settled(&mut self, numbers: Range<u64>) {
        let runs = numbers.end - numbers.start;
        self.all_ended(numbers).await;
        // The last settlements are on their way.
        let Ended {
            succeeded, failed, ..
        } = at_rest_of(&self.server, &self.direct).await;
        assert_eq!(succeeded, runs, "a run was recorded twice, or lost");
        assert_eq!(failed, 0);
    }

    /// Waits until all of these runs have ended.
    ///
    /// # Panics
    ///
    /// Panics if nothing is said for too long.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing.
    pub async fn all_ended(&mut self, numbers: Range<u64>) {
        for number in numbers {
            while !self.ended.contains_key(&number) {
                self.next().await;
            }
        }
    }

    /// Returns how many of these runs were executed at once at most; whoever was killed executes nothing from then on.
    #[must_use]
    pub fn most_at_once(&self, numbers: Range<u64>) -> usize {
        let of_these = |said: &&Said| numbers.contains(&said.number);
        let mut changes = Vec::new();
        for said in self.heard.iter().filter(of_these) {
            match said.word.as_str() {
                "begin" => changes.push((said.at, 1)),
                "end" => changes.push((said.at, -1)),
                _ => {}
            }
        }
        for (child, at) in &self.killed {
            let said_by = |word| {
                let said = self.heard.iter().filter(of_these);
                said.filter(|it| it.child == *child && it.word == word)
                    .count()
            };
            changes.extend(std::iter::repeat_n(
                (*at, -1),
                said_by("begin") - said_by("end"),
            ));
        }
        // What ended in a millisecond may have ended before what began in it.
        changes.sort_unstable();
        let at_once = changes.iter().scan(0_usize, |now, (_, change)| {
            *now = now.saturating_add_signed(*change);
            Some(*now)
        });
        at_once.max().unwrap_or(0)
    }

    /// Returns how many runs began more than once, and how many ended more than once.
    #[must_use]
    pub fn doubled(&self) -> (usize, usize) {
        let more = |counts: &BTreeMap<u64, usize>| counts.values().filter(|it| **it > 1).count();
        (more(&self.begun), more(&self.ended))
    }
}
