//! Consumers and schedulers in processes of their own, which tests stop and kill.
//!
//! A child is the test's own program, started again for one of its tests, [`serve_if_child`].

use std::env::var;
use std::io::{Read, Write};
use std::process::Stdio;
use std::time::Duration;

use aqueduct::broker_api::ScheduleDefinition;
use aqueduct::clock::{Clock, TimeSource};
use aqueduct::scheduler::MissedTicks;
use aqueduct::{App, Broker, Schedule, ScheduleName, TaskContext, Timestamp, task, tasks};
use aqueduct_core::time::Monotonic;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use crate::redis::{Ledger, PATIENCE, Writer, note};

/// Tells a child where its broker is.
const URL: &str = "AQUEDUCT_TEST_CHILD_URL";

/// Tells a child the milliseconds of its lease.
const LEASE: &str = "AQUEDUCT_TEST_CHILD_LEASE";

/// Tells a child to schedule, not to consume.
const SCHEDULER: &str = "AQUEDUCT_TEST_CHILD_SCHEDULER";

/// Tells a child by how many milliseconds its wall clock is wrong.
const SHIFT: &str = "AQUEDUCT_TEST_CHILD_SHIFT";

/// How a child is started.
#[derive(Clone, Debug)]
pub struct Recipe {
    url: String,
    lease: Duration,
    is_scheduler: bool,
    shift: i64,
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
    /// `begin` or `end`.
    pub word: String,
    /// The number that the run was queued with.
    pub number: u64,
    /// How often its consumer died before.
    pub crashes: u32,
    /// How often it failed before.
    pub failures: u32,
}

/// Says that it begins, takes its time, and says that it ends.
#[task(timeout = "1h")]
pub async fn take_time(ctx: TaskContext, number: u64, millis: u64) {
    say("begin", &ctx, number);
    tokio::time::sleep(Duration::from_millis(millis)).await;
    say("end", &ctx, number);
}

fn say(word: &str, ctx: &TaskContext, number: u64) {
    let tally = ctx.run().tally;
    let line = format!(
        "said {word} {number} {} {}\n",
        tally.crashes, tally.failures
    );
    // Whoever does not listen any more does not want to know.
    let _ = std::io::stdout().write_all(line.as_bytes());
}

/// The name of the schedule of children that schedule, and the time between its ticks.
pub const TICKING: (ScheduleName, Duration) = (
    ScheduleName::from_static("ticking"),
    Duration::from_millis(500),
);

fn ticking() -> ScheduleDefinition {
    let (name, period) = TICKING;
    let schedule = Schedule::every(period).expect("a period");
    let payload = aqueduct::params! { number: 0_u64 }.into_payload();
    let task = "note".parse().expect("a name");
    ScheduleDefinition::new(name, schedule, task).with_payload(payload.expect("parameters"))
}

/// Consumes or schedules for ever if this process is a child; returns at once in the test itself.
///
/// # Panics
///
/// Panics if the broker cannot be opened.
pub fn serve_if_child() {
    let Ok(url) = var(URL) else {
        return;
    };
    std::thread::spawn(end_with_parent);
    let number = |name| var(name).ok().and_then(|it| it.parse::<i64>().ok());
    let lease = number(LEASE).and_then(|it| u64::try_from(it).ok());
    let lease = Duration::from_millis(lease.expect("a lease"));
    let shift = number(SHIFT).expect("a shift");
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build();
    runtime.expect("a runtime").block_on(async {
        let broker = Broker::from_url(&url).await.expect("a broker");
        let (_, writer): (Ledger, Writer) = Ledger::new();
        let app = App::new(broker)
            .tasks(tasks![take_time, note])
            .state(writer)
            .clock(Clock::new(Shifted(shift)));
        let app = if var(SCHEDULER).is_ok() {
            app.without_consumer().scheduler(|scheduler| {
                let all = MissedTicks::All { max: 1000 };
                scheduler.schedule(ticking()).missed_ticks(all)
            })
        } else {
            app.without_scheduler()
                .consumer(move |consumer| consumer.lease(lease).concurrency(8))
        };
        app.run_until_ctrl_c().await.expect("it stops");
    });
}

/// Ends this process once the test is gone, whose end of the input closes with it.
fn end_with_parent() {
    let mut nothing = Vec::new();
    // Whether it was closed or broken does not matter.
    let _ = std::io::stdin().read_to_end(&mut nothing);
    std::process::exit(1);
}

/// A wall clock that is wrong by so many milliseconds; nothing else is.
#[derive(Clone, Copy, Debug)]
struct Shifted(i64);

impl TimeSource for Shifted {
    fn now(&self) -> Timestamp {
        let millis = Clock::system().now().as_millis();
        Timestamp::from_millis(millis.saturating_add_signed(self.0))
    }

    fn monotonic(&self) -> Monotonic {
        Clock::system().monotonic()
    }

    fn moves(&self) -> Option<watch::Receiver<u64>> {
        None
    }
}

impl Recipe {
    /// A consumer with a lease of two seconds.
    #[must_use]
    pub fn consumer(url: &str) -> Self {
        Self {
            url: url.to_owned(),
            lease: Duration::from_secs(2),
            is_scheduler: false,
            shift: 0,
        }
    }

    /// A scheduler of [`TICKING`], which catches up on whatever it has missed.
    #[must_use]
    pub fn scheduler(url: &str) -> Self {
        let mut recipe = Self::consumer(url);
        recipe.is_scheduler = true;
        recipe
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
            .env(URL, &recipe.url)
            .env(LEASE, recipe.lease.as_millis().to_string())
            .env(SHIFT, recipe.shift.to_string())
            .envs(recipe.is_scheduler.then_some((SCHEDULER, "yes")))
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
        let [word, number, crashes, failures] = words[..] else {
            continue;
        };
        let (Ok(number), Ok(crashes), Ok(failures)) =
            (number.parse(), crashes.parse(), failures.parse())
        else {
            continue;
        };
        let said = Said {
            child,
            word: word.to_owned(),
            number,
            crashes,
            failures,
        };
        if saying.send(said).await.is_err() {
            return;
        }
    }
}
