//! `cargo xtask bench memory`: the in-memory broker beside bare tokio, in one run.
#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

mod figures;
mod idle;
mod throughput;

use std::time::Duration;

use figures::{Row, median, print_table};

/// Runs of one measurement.
const RUNS: usize = 400_000;

/// Repetitions of each measurement; the table shows medians.
const REPETITIONS: usize = 5;

/// Runs that lie in the way in the measurement of scale.
const BACKLOG: usize = 1_000_000;

/// Schedules that lie in the way in the measurement of scale.
const SCHEDULES: usize = 1_000;

fn main() -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let repeat = |measure: &dyn Fn() -> anyhow::Result<Duration>| -> anyhow::Result<Vec<Duration>> {
        (0..REPETITIONS).map(|_| measure()).collect()
    };
    let bare = repeat(&|| runtime.block_on(throughput::bare_tokio(RUNS)))?;
    let many = repeat(&|| runtime.block_on(throughput::queue_many(RUNS)))?;
    let each = repeat(&|| runtime.block_on(throughput::queue_each(RUNS)))?;
    let scale = repeat(&|| runtime.block_on(throughput::behind_backlog(RUNS, BACKLOG, SCHEDULES)))?;
    let limit = median(&bare);
    print_table(&[
        Row::rate("bare tokio: spawn + channel", RUNS, &bare, limit),
        Row::rate("queue_many, run, settle", RUNS, &many, limit),
        Row::rate("queue one by one, run, settle", RUNS, &each, limit),
        Row::rate(
            "the same beside 1,000,000 queued and 1,000 schedules",
            RUNS,
            &scale,
            limit,
        ),
    ]);
    let ratio = median(&scale).as_secs_f64() / median(&each).as_secs_f64();
    println!("backlog and schedules: {ratio:.2} x the cost of a run without (bar: 1.20)");
    let latencies = runtime.block_on(idle::latencies(2_000))?;
    println!(
        "idle to start: p50 {:?}, p99 {:?}, worst {:?} (bar: p99 200 µs)",
        latencies.p50, latencies.p99, latencies.worst
    );
    let idle = runtime.block_on(idle::idle_app(Duration::from_secs(5)))?;
    println!(
        "idle app: {:.1} voluntary context switches/s, {:.3} % of one core",
        idle.switches_per_second, idle.cpu_percent
    );
    Ok(())
}
