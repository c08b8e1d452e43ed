//! Consumers in processes of their own, which tests stop and kill.
//!
//! A child is the test's own program, started again for one of its tests, [`serve_if_child`].

use std::io::Write;
use std::process::Stdio;

use aqueduct::{App, Broker, TaskContext, task, tasks};
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::redis::PATIENCE;

/// Tells a child where its broker is.
const URL: &str = "AQUEDUCT_TEST_CHILD_URL";

/// Tells a child to go by the defaults, not by a short lease.
const DEFAULTS: &str = "AQUEDUCT_TEST_CHILD_DEFAULTS";

/// Some consumers, each a process, and what their tasks say.
#[derive(Debug)]
pub struct Consumers {
    url: String,
    has_defaults: bool,
    children: Vec<Child>,
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
    tokio::time::sleep(std::time::Duration::from_millis(millis)).await;
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

/// Consumes for ever if this process is a child; returns at once in the test itself.
///
/// # Panics
///
/// Panics if the broker cannot be opened.
pub fn serve_if_child() {
    let Ok(url) = std::env::var(URL) else {
        return;
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build();
    runtime.expect("a runtime").block_on(async {
        let broker = Broker::from_url(&url).await.expect("a broker");
        let app = App::new(broker)
            .tasks(tasks![take_time])
            .without_scheduler();
        let lease = match std::env::var_os(DEFAULTS) {
            Some(_) => std::time::Duration::from_secs(5),
            None => std::time::Duration::from_secs(2),
        };
        let app = app.consumer(move |consumer| consumer.lease(lease).concurrency(8));
        app.run_until_ctrl_c().await.expect("it stops");
    });
}

impl Consumers {
    /// Prepares consumers of a broker; `serve_if_child` must be the body of a test named `child`.
    #[must_use]
    pub fn of(url: &str) -> Self {
        let (saying, said) = mpsc::channel(65_536);
        Self {
            url: url.to_owned(),
            has_defaults: false,
            children: Vec::new(),
            said,
            saying,
            listening: JoinSet::new(),
        }
    }

    /// Makes the consumers go by the defaults, not by a short lease.
    #[must_use]
    pub fn with_defaults(mut self) -> Self {
        self.has_defaults = true;
        self
    }

    /// Starts one more; returns its number.
    ///
    /// # Panics
    ///
    /// Panics if it does not start.
    pub fn start(&mut self) -> usize {
        let program = std::env::current_exe().expect("a program");
        let mut child = Command::new(program)
            .args(["child", "--exact", "--nocapture", "--test-threads=1"])
            .env(URL, &self.url)
            .envs(self.has_defaults.then_some((DEFAULTS, "yes")))
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("a child");
        let number = self.children.len();
        let lines = BufReader::new(child.stdout.take().expect("its output")).lines();
        self.listening
            .spawn(listen(number, lines, self.saying.clone()));
        self.children.push(child);
        number
    }

    /// Sends a signal: `KILL`, `STOP`, `CONT`, `TERM`.
    ///
    /// # Panics
    ///
    /// Panics if the process is gone.
    pub fn signal(&self, child: usize, signal: &str) {
        let pid = self.children[child].id().expect("it lives").to_string();
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
        self.children[child]
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
