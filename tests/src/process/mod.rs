//! Consumers, schedulers and producers in processes of their own, which tests stop and kill.
//!
//! A child is the test's own program, started again for one of its tests, [`serve_if_child`].

mod child;
mod mixed;
mod tasks;

pub use child::{ADDED, TICKING, order_key, serve_if_child};
pub use tasks::{add, say_tick, sum, take_steps, take_time};

use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::redis::PATIENCE;
use child::Role;

/// How a child is started.
#[derive(Clone, Debug)]
pub struct Recipe {
    url: String,
    lease: Duration,
    role: Role,
    shift: i64,
    first: u64,
    ticks: &'static str,
}

/// Some consumers or schedulers, each a process, and what their tasks say.
#[derive(Debug)]
pub struct Children {
    recipe: Recipe,
    processes: Vec<Child>,
    /// A child ends when its input does.
    inputs: Vec<Option<ChildStdin>>,
    said: mpsc::Receiver<Said>,
    saying: mpsc::Sender<Said>,
    listening: JoinSet<()>,
}

/// What a task said.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Said {
    /// The number of the child.
    pub child: usize,
    /// `begin` or `end` of a run; `tick` of a tick, whose number is its time; `step` of a run that takes steps, and
    /// `kept` once it is kept; `queued` of a producer; `told` of one that waits.
    pub word: String,
    /// The number that the run was queued with, or that of the step; the sum that was told.
    pub number: u64,
    /// How often its consumer died before.
    pub crashes: u32,
    /// How often it failed before.
    pub failures: u32,
    /// When it was said, in milliseconds of the machine's clock.
    pub at: u64,
}

impl Recipe {
    /// A consumer with a lease of two seconds.
    #[must_use]
    pub fn consumer(url: &str) -> Self {
        Self {
            url: url.to_owned(),
            lease: Duration::from_secs(2),
            role: Role::Consumer,
            shift: 0,
            first: 0,
            ticks: "note",
        }
    }

    /// A scheduler of [`TICKING`], which catches up on whatever it has missed.
    #[must_use]
    pub fn scheduler(url: &str) -> Self {
        let mut recipe = Self::consumer(url);
        recipe.role = Role::Scheduler;
        recipe
    }

    /// A producer that queues runs with numbers from `first` on, one after the other.
    #[must_use]
    pub fn producer(url: &str, first: u64) -> Self {
        let mut recipe = Self::consumer(url);
        recipe.role = Role::Producer;
        recipe.first = first;
        recipe
    }

    /// A producer that queues one run, with a number and [`order_key`].
    #[must_use]
    pub fn orderer(url: &str, number: u64) -> Self {
        let mut recipe = Self::producer(url, number);
        recipe.role = Role::Orderer;
        recipe
    }

    /// A process that queues a group whose [`ADDED`] numbers from `first` on are added, and waits for the sum.
    #[must_use]
    pub fn waiter(url: &str, first: u64) -> Self {
        let mut recipe = Self::producer(url, first);
        recipe.role = Role::Waiter;
        recipe
    }

    /// With ticks that children execute, and that say their time.
    #[must_use]
    pub fn said_ticks(mut self) -> Self {
        self.ticks = "say_tick";
        self
    }

    /// With another lease.
    #[must_use]
    pub fn lease(mut self, lease: Duration) -> Self {
        self.lease = lease;
        self
    }

    /// With a wall clock that is wrong by so many milliseconds.
    #[must_use]
    pub fn shift(mut self, millis: i64) -> Self {
        self.shift = millis;
        self
    }
}

impl Children {
    /// Prepares children; `serve_if_child` must be the body of a test named `child`.
    #[must_use]
    pub fn of(recipe: Recipe) -> Self {
        let (saying, said) = mpsc::channel(65_536);
        Self {
            recipe,
            processes: Vec::new(),
            inputs: Vec::new(),
            said,
            saying,
            listening: JoinSet::new(),
        }
    }

    /// Starts one more; returns its number.
    ///
    /// # Panics
    ///
    /// Panics if it does not start.
    pub fn start(&mut self) -> usize {
        self.start_as(&self.recipe.clone())
    }

    /// Starts one of another kind; returns its number.
    ///
    /// # Panics
    ///
    /// Panics if it does not start.
    pub fn start_as(&mut self, recipe: &Recipe) -> usize {
        let program = std::env::current_exe().expect("a program");
        let mut child = Command::new(program)
            .args(["child", "--exact", "--nocapture", "--test-threads=1"])
            .env(child::URL, &recipe.url)
            .env(child::ROLE, recipe.role.name())
            .env(child::LEASE, recipe.lease.as_millis().to_string())
            .env(child::SHIFT, recipe.shift.to_string())
            .env(child::FIRST, recipe.first.to_string())
            .env(child::TICKS, recipe.ticks)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .stdin(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("a child");
        let number = self.processes.len();
        let lines = BufReader::new(child.stdout.take().expect("its output")).lines();
        self.listening
            .spawn(listen(number, lines, self.saying.clone()));
        self.inputs.push(child.stdin.take());
        self.processes.push(child);
        number
    }

    /// Sends a signal: `KILL`, `STOP`, `CONT`, `TERM`.
    ///
    /// # Panics
    ///
    /// Panics if the process is gone.
    pub fn signal(&self, child: usize, signal: &str) {
        let pid = self.processes[child].id().expect("it lives").to_string();
        let done = std::process::Command::new("kill")
            .args([&format!("-{signal}"), &pid])
            .status();
        assert!(
            done.is_ok_and(|status| status.success()),
            "no process {pid}"
        );
    }

    /// Returns whether a child has ended.
    ///
    /// # Panics
    ///
    /// Panics if nobody knows.
    pub fn is_over(&mut self, child: usize) -> bool {
        let status = self.processes[child].try_wait();
        status.expect("it can be asked").is_some()
    }

    /// Waits until a child has ended; returns whether it ended well.
    ///
    /// # Panics
    ///
    /// Panics if it cannot be waited for.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future changes nothing.
    pub async fn ended(&mut self, child: usize) -> bool {
        self.processes[child]
            .wait()
            .await
            .expect("it ends")
            .success()
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
        let said = tokio::time::timeout(PATIENCE, self.said.recv()).await;
        said.expect("nothing is said any more")
            .expect("the sender is here")
    }
}

async fn listen(
    child: usize,
    mut lines: Lines<BufReader<ChildStdout>>,
    saying: mpsc::Sender<Said>,
) {
    while let Ok(Some(line)) = lines.next_line().await {
        // The program that runs tests may have begun the line.
        let Some((_, line)) = line.split_once("said ") else {
            continue;
        };
        let words: Vec<&str> = line.split(' ').collect();
        let [word, number, crashes, failures, at] = words[..] else {
            continue;
        };
        let (Ok(number), Ok(crashes), Ok(failures), Ok(at)) = (
            number.parse(),
            crashes.parse(),
            failures.parse(),
            at.parse(),
        ) else {
            continue;
        };
        let said = Said {
            child,
            word: word.to_owned(),
            number,
            crashes,
            failures,
            at,
        };
        if saying.send(said).await.is_err() {
            return;
        }
    }
}
