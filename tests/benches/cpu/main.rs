//! `cargo xtask bench cpu`: workers beside a bare pipe to a process that echoes the same bytes, in one run.
#![cfg(target_os = "linux")]
#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

mod app;
mod bare;
mod cores;
mod figures;
mod pool;

use std::future::Future;
use std::time::Duration;

use anyhow::Context;

use figures::{Times, per_second};

/// Round trips of one measurement.
const RUNS: usize = 20_000;

/// Starts of one measurement.
const STARTS: usize = 50;

/// Round trips of a mebibyte.
const LARGE_RUNS: usize = 200;

/// IO tasks of one measurement.
const IO_RUNS: usize = 2000;

fn main() -> anyhow::Result<()> {
    match std::env::args().nth(1).as_deref() {
        Some("echo") => {
            let core = std::env::args().nth(2).context("a core")?;
            return Ok(bare::echo(core.parse()?)?);
        }
        Some("exit") => return Ok(()),
        Some("app") => aqueduct::cpu::init(app::all),
        _ => pool::become_worker()?,
    }
    let wanted = Wanted::from_args();
    if wanted.has("empty") {
        let (first, second) = cores::two()?;
        cores::on(first, || empty("one core", first))??;
        cores::on(first, || empty("two cores", second))??;
    }
    on_runtime(measure(wanted))
}

/// Measures on a thread of a runtime, where consumers execute runs as well.
fn on_runtime<T: Send + 'static>(
    measure: impl Future<Output = anyhow::Result<T>> + Send + 'static,
) -> anyhow::Result<T> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let mut measuring = tokio::task::JoinSet::new();
    measuring.spawn_on(measure, runtime.handle());
    let measured = runtime.block_on(measuring.join_next());
    measured.context("nothing was measured")??
}

/// What is to be measured: everything, unless the command line names some.
struct Wanted(Vec<String>);

impl Wanted {
    fn from_args() -> Self {
        let words = std::env::args().skip(1);
        Self(words.filter(|word| !word.starts_with('-')).collect())
    }

    fn has(&self, name: &str) -> bool {
        self.0.is_empty() || self.0.iter().any(|it| it == name)
    }
}

async fn measure(wanted: Wanted) -> anyhow::Result<()> {
    if wanted.has("rate") {
        let rate = pool::rate(RUNS * 2, 2).await?;
        println!(
            "{:<44} {rate:>10.0} runs/s (bar: 20000)",
            "empty runs, 2 workers, 4 at a time"
        );
    }
    if wanted.has("start") {
        row(
            "start to ready",
            &pool::starts(STARTS).await?,
            "(bar: p50 3 ms)",
        );
    }
    if wanted.has("large") {
        let large = pool::large(LARGE_RUNS).await?;
        let bytes = per_second(2 << 20, large.median()) / 1e9;
        row(
            "1 MiB there and back",
            &large,
            &format!("{bytes:.2} GB/s (bar: 0.5)"),
        );
    }
    if wanted.has("death") {
        row(
            "death of a worker to its name",
            &pool::deaths(STARTS).await?,
            "(bar: 50 ms)",
        );
    }
    if wanted.has("memory") {
        let (worker, bare) = (pool::memory().await?, bare::memory()?);
        let own = worker.saturating_sub(bare);
        println!(
            "{:<44} {worker:>10} KiB private; {bare} has any process of this program, {own} the worker (bar: 1024)",
            "an idle worker",
        );
    }
    if wanted.has("io") {
        io().await?;
    }
    Ok(())
}

/// Measures empty runs beside the bare pipe, and beside a process for each run.
///
/// This process stays on one core; the other end is on the one that is given.
fn empty(place: &str, core: usize) -> anyhow::Result<()> {
    let bare = bare::round_trips(RUNS, core)?;
    let process = bare::process_per_run(STARTS)?;
    let empty = on_runtime(pool::round_trips(RUNS, core))?;
    row(
        &format!("{place}: bare pipe, 100 bytes and back"),
        &bare,
        "",
    );
    let ratio = empty.median().as_secs_f64() / bare.median().as_secs_f64();
    let note = format!("{ratio:.1} x bare (bar: 3)");
    row(&format!("{place}: empty run, one at a time"), &empty, &note);
    let share = process.median().as_secs_f64() / empty.median().as_secs_f64();
    let note = format!("{share:.0} x an empty run (bar: 20)");
    row(&format!("{place}: a process for each run"), &process, &note);
    Ok(())
}

/// Measures what busy workers do to IO tasks.
async fn io() -> anyhow::Result<()> {
    let quiet = app::io_latencies(IO_RUNS, 0).await?;
    let busy = app::io_latencies(IO_RUNS, 2).await?;
    let ratio = busy.p99().as_secs_f64() / quiet.p99().as_secs_f64();
    row("IO task, queued to ended, no CPU task", &quiet, "");
    row(
        "the same, every worker busy",
        &busy,
        &format!("p99 {ratio:.1} x (bar: 2)"),
    );
    Ok(())
}

fn row(name: &str, times: &Times, note: &str) {
    let (p50, p99) = (shown(times.median()), shown(times.p99()));
    println!("{name:<44} {p50:>10} p50 {p99:>10} p99  {note}");
}

fn shown(time: Duration) -> String {
    format!("{:.1} µs", time.as_secs_f64() * 1e6)
}
