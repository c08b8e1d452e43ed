//! `cargo xtask bench cpu`: workers beside a bare pipe to a process that echoes the same bytes, in one run.
#![cfg(target_os = "linux")]

mod app;
mod bare;
mod cores;
mod figures;
mod pool;

use std::future::Future;

use anyhow::Context;
use integration::bench::{Figure, Report, Wanted, is_quick, per_second, repetitions, size};

use figures::Times;

/// Round trips of one measurement.
const RUNS: usize = 20_000;

/// Starts of one measurement.
const STARTS: usize = 50;

/// Round trips of a mebibyte.
const LARGE_RUNS: usize = 200;

/// IO tasks of one measurement.
const IO_RUNS: usize = 2000;

/// Repetitions of each measurement; the table shows medians.
const REPETITIONS: usize = 3;

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
    let mut report = Report::default();
    if wanted.has("empty") {
        let (first, second) = cores::two()?;
        cores::on(first, || empty(&mut report, "one core", first))??;
        cores::on(first, || empty(&mut report, "two cores", second))??;
    }
    on_runtime(measure(wanted, report))?.finish()
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

async fn measure(wanted: Wanted, mut report: Report) -> anyhow::Result<Report> {
    if wanted.has("rate") {
        rate(&mut report).await?;
    }
    if wanted.has("start") {
        let starts = repeated(|| pool::starts(size(STARTS))).await?;
        report.add(p50("start to ready", "ms", 1e3, &starts).bar(3.0));
    }
    if wanted.has("large") {
        let large = repeated(|| pool::large(size(LARGE_RUNS))).await?;
        let rates = large
            .iter()
            .map(|it| per_second(2 << 20, it.median()) / 1e9);
        let what = "1 MiB there and back";
        report.add(Figure::rate(what, "GB/s", rates.collect()).bar(0.5));
    }
    if wanted.has("death") {
        let deaths = repeated(|| pool::deaths(size(STARTS))).await?;
        report.add(p50("death of a worker to its name", "ms", 1e3, &deaths).bar(50.0));
    }
    if wanted.has("memory") {
        memory(&mut report).await?;
    }
    if wanted.has("io") {
        io(&mut report).await?;
    }
    wanted.had_all()?;
    Ok(report)
}

async fn repeated<F>(measure: impl Fn() -> F) -> anyhow::Result<Vec<Times>>
where
    F: Future<Output = anyhow::Result<Times>>,
{
    let mut all = Vec::new();
    for _ in 0..repetitions(REPETITIONS) {
        all.push(measure().await?);
    }
    Ok(all)
}

fn p50(what: &str, unit: &'static str, scale: f64, times: &[Times]) -> Figure {
    Figure::cost(format!("{what}: p50"), unit, medians(times, scale))
}

fn medians(times: &[Times], scale: f64) -> Vec<f64> {
    let scaled = |it: &Times| it.median().as_secs_f64() * scale;
    times.iter().map(scaled).collect()
}

/// Measures empty runs beside the bare pipe, and beside a process for each run.
///
/// This process stays on one core; the other end is on the one that is given.
fn empty(report: &mut Report, place: &str, core: usize) -> anyhow::Result<()> {
    let (mut bare, mut process, mut empty) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..repetitions(REPETITIONS) {
        bare.push(bare::round_trips(size(RUNS), core)?);
        process.push(bare::process_per_run(size(STARTS))?);
        empty.push(on_runtime(pool::round_trips(size(RUNS), core))?);
    }
    let limit = "a bare pipe, 100 bytes and back";
    let bare = medians(&bare, 1e6);
    let what = format!("{place}: empty run, one at a time");
    report.add(
        p50(&what, "µs", 1e6, &empty)
            .beside(limit, &bare)
            .ratio_bar(3.0),
    );
    let what = format!("{place}: a process for each run");
    let limit = "an empty run in a worker";
    let process = p50(&what, "µs", 1e6, &process);
    report.add(process.beside(limit, &medians(&empty, 1e6)));
    Ok(())
}

async fn rate(report: &mut Report) -> anyhow::Result<()> {
    let (mut bare, mut rates) = (Vec::new(), Vec::new());
    let (first, second) = cores::two()?;
    for _ in 0..repetitions(REPETITIONS) {
        let trip = cores::on(first, || bare::round_trips(size(RUNS), second))??;
        bare.push(per_second(1, trip.median()));
        rates.push(pool::rate(size(RUNS * 2), 2).await?);
    }
    let what = "empty runs, 2 workers, 4 at a time";
    let rate = Figure::rate(what, "runs/s", rates);
    let limit = "one bare pipe over two cores, one at a time";
    report.add(rate.beside(limit, &bare).bar(20_000.0));
    Ok(())
}

async fn memory(report: &mut Report) -> anyhow::Result<()> {
    let kib = |kib: u64| vec![f64::from(u32::try_from(kib).unwrap_or(u32::MAX))];
    let (worker, bare) = (pool::memory().await?, bare::memory()?);
    let own = kib(worker.saturating_sub(bare));
    let worker = Figure::cost("an idle worker: private memory", "KiB", kib(worker));
    report.add(worker.beside("any process of this program", &kib(bare)));
    report.add(Figure::cost("of it the worker's own", "KiB", own).bar(1024.0));
    Ok(())
}

/// Measures what busy workers do to IO tasks.
async fn io(report: &mut Report) -> anyhow::Result<()> {
    let (mut quiet, mut busy) = (Vec::new(), Vec::new());
    let runs = if is_quick() { IO_RUNS / 4 } else { IO_RUNS };
    for _ in 0..repetitions(REPETITIONS) {
        quiet.push(app::io_latencies(runs, 0).await?);
        busy.push(app::io_latencies(runs, 2).await?);
    }
    let tails = |times: &[Times]| -> Vec<f64> {
        times
            .iter()
            .map(|it| it.p99().as_secs_f64() * 1e6)
            .collect()
    };
    let what = "IO task, every worker busy, queued to ended: p99";
    let figure = Figure::cost(what, "µs", tails(&busy));
    let limit = "the same without CPU tasks";
    report.add(figure.beside(limit, &tails(&quiet)).ratio_bar(2.0));
    Ok(())
}
