//! `cargo xtask bench cpu`: workers beside a bare pipe to a process that echoes the same bytes, in one run.
#![cfg(target_os = "linux")]
#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

mod app;
mod bare;
mod figures;
mod pool;

use std::time::Duration;

use figures::{Times, per_second};

/// Round trips of one measurement.
const RUNS: usize = 20_000;

/// Starts of one measurement.
const STARTS: usize = 50;

/// Round trips of a mebibyte.
const LARGE_RUNS: usize = 200;

fn main() -> anyhow::Result<()> {
    match std::env::args().nth(1).as_deref() {
        Some("echo") => return Ok(bare::echo()?),
        Some("exit") => return Ok(()),
        Some("app") => aqueduct::cpu::init(app::all),
        _ => pool::become_worker()?,
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let bare = bare::round_trips(RUNS)?;
    let process = bare::process_per_run(STARTS)?;
    // On a thread of the runtime, where consumers execute runs as well.
    let mut measuring = tokio::task::JoinSet::new();
    measuring.spawn_on(measure(bare, process), runtime.handle());
    let measured = runtime.block_on(measuring.join_next());
    measured.transpose()?.unwrap_or(Ok(()))
}

async fn measure(bare: Times, process: Times) -> anyhow::Result<()> {
    let empty = pool::round_trips(RUNS).await?;
    let rate = pool::rate(RUNS * 2, 2).await?;
    let ready = pool::starts(STARTS).await?;
    let large = pool::large(LARGE_RUNS).await?;
    let death = pool::deaths(STARTS).await?;
    let memory = pool::memory().await?;
    row("bare pipe, 100 bytes there and back", &bare, "");
    let ratio = empty.median().as_secs_f64() / bare.median().as_secs_f64();
    row(
        "empty run, one at a time",
        &empty,
        &format!("{ratio:.1} x bare (bar: 3)"),
    );
    println!(
        "{:<44} {rate:>10.0} runs/s (bar: 20000)",
        "empty runs, 2 workers, 4 at a time"
    );
    let share = process.median().as_secs_f64() / empty.median().as_secs_f64();
    row(
        "a process for each run",
        &process,
        &format!("{share:.0} x an empty run (bar: 20)"),
    );
    row("start to ready", &ready, "(bar: p50 3 ms)");
    let bytes = per_second(2 << 20, large.median()) / 1e9;
    row(
        "1 MiB there and back",
        &large,
        &format!("{bytes:.2} GB/s (bar: 0.5)"),
    );
    row("death of a worker to its name", &death, "(bar: 50 ms)");
    println!(
        "{:<44} {memory:>10} KiB private (bar: 1024)",
        "an idle worker"
    );
    let quiet = app::io_latencies(2000, 0).await?;
    let busy = app::io_latencies(2000, 2).await?;
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
