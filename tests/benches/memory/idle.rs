//! What an idle app does: how soon it starts a run, and how much it does for nothing.

use std::fs;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use aqueduct::{App, Broker, State, task, tasks};
use tokio::sync::oneshot;

/// Where the running task says when it began.
#[derive(Default)]
struct Began(Mutex<Option<oneshot::Sender<Instant>>>);

#[task]
#[expect(clippy::disallowed_methods, reason = "this measures real time")]
async fn begin_shared(began: State<State<Began>>) {
    let now = Instant::now();
    let sender = began.0.lock().ok().and_then(|mut sender| sender.take());
    if let Some(sender) = sender {
        let _ = sender.send(now);
    }
}

/// The distribution of times from `queue` to the first line of the task.
pub(crate) struct Latencies {
    pub(crate) p50: Duration,
    pub(crate) p99: Duration,
    pub(crate) worst: Duration,
}

/// Measures the start of a run by an app that had nothing to do.
#[expect(clippy::disallowed_methods, reason = "this measures real time")]
pub(crate) async fn latencies(runs: usize) -> anyhow::Result<Latencies> {
    let began: State<Began> = State::new(Began::default());
    let app = App::new(Broker::memory())
        .tasks(tasks![begin_shared])
        .state(began.clone());
    let app = app.start().await?;
    let mut times = Vec::with_capacity(runs);
    for _ in 0..runs {
        let (sender, receiver) = oneshot::channel();
        if let Ok(mut place) = began.0.lock() {
            *place = Some(sender);
        }
        // Long enough for every thread to fall asleep.
        tokio::time::sleep(Duration::from_millis(2)).await;
        let queued = Instant::now();
        begin_shared::queue(app.task_manager()).await?;
        times.push(receiver.await?.saturating_duration_since(queued));
    }
    app.stop().await?;
    times.sort();
    let at = |share: usize| {
        times
            .get(times.len() * share / 100)
            .copied()
            .unwrap_or_default()
    };
    Ok(Latencies {
        p50: at(50),
        p99: at(99),
        worst: times.last().copied().unwrap_or_default(),
    })
}

/// What an idle app costs.
pub(crate) struct Idle {
    pub(crate) switches_per_second: f64,
    pub(crate) cpu_percent: f64,
}

/// Measures an app with nothing to do.
pub(crate) async fn idle_app(time: Duration) -> anyhow::Result<Idle> {
    let app = App::new(Broker::memory())
        .tasks(tasks![begin_shared])
        .state(State::new(Began::default()));
    let app = app.start().await?;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let (switches, ticks) = (switches()?, cpu_ticks()?);
    tokio::time::sleep(time).await;
    let seconds = time.as_secs_f64();
    let idle = Idle {
        switches_per_second: (self::switches()? - switches) / seconds,
        cpu_percent: (cpu_ticks()? - ticks) / TICKS_PER_SECOND / seconds * 100.0,
    };
    app.stop().await?;
    Ok(idle)
}

/// Voluntary context switches of all threads of this process.
fn switches() -> anyhow::Result<f64> {
    let mut sum = 0.0;
    for thread in fs::read_dir("/proc/self/task")? {
        let status = fs::read_to_string(thread?.path().join("status"))?;
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
        sum += line.map_or(Ok(0.0), |number| number.trim().parse::<f64>())?;
    }
    Ok(sum)
}

/// User and system time of this process, in clock ticks.
fn cpu_ticks() -> anyhow::Result<f64> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    let fields: Vec<&str> = stat
        .rsplit(')')
        .next()
        .unwrap_or("")
        .split_whitespace()
        .collect();
    let field = |index: usize| {
        fields
            .get(index)
            .map_or(Ok(0.0), |number| number.parse::<f64>())
    };
    Ok(field(11)? + field(12)?)
}

const TICKS_PER_SECOND: f64 = 100.0;
