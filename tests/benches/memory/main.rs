//! `cargo xtask bench memory`: the in-memory broker beside bare tokio, in one run.

mod idle;
mod throughput;

use std::future::Future;
use std::time::Duration;

use integration::bench::{Figure, Kind, Report, Wanted, is_quick, per_second, repetitions, size};

/// Runs of one measurement.
const RUNS: usize = 400_000;

/// Repetitions of each measurement; the table shows medians.
const REPETITIONS: usize = 5;

/// Runs that lie in the way in the measurement of scale.
const BACKLOG: usize = 1_000_000;

/// Schedules that lie in the way in the measurement of scale.
const SCHEDULES: usize = 1_000;

/// What the others are compared with.
const LIMIT: &str = "bare tokio: spawn + channel";

fn main() -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let mut report = Report::default();
    let wanted = Wanted::from_args();
    if wanted.has("rates") {
        runtime.block_on(rates(&mut report))?;
    }
    if wanted.has("keyed") {
        runtime.block_on(keyed(&mut report))?;
    }
    if wanted.has("idle") {
        runtime.block_on(idle(&mut report))?;
    }
    report.finish()
}

/// Measures runs a second; what is compared is measured in turns, so that noise hits all alike.
async fn rates(report: &mut Report) -> anyhow::Result<()> {
    let (runs, backlog) = (size(RUNS), size(BACKLOG));
    let (mut bare, mut many, mut each) = (Vec::new(), Vec::new(), Vec::new());
    let (mut scale, mut cost) = (Vec::new(), Vec::new());
    for _ in 0..repetitions(REPETITIONS) {
        bare.push(rate(runs, throughput::bare_tokio(runs)).await?);
        many.push(rate(runs, throughput::queue_many(runs)).await?);
        let alone = rate(runs, throughput::queue_each(runs)).await?;
        let behind = throughput::behind_backlog(runs, backlog, SCHEDULES);
        let behind = rate(runs, behind).await?;
        each.push(alone);
        scale.push(behind);
        cost.push(alone / behind);
    }
    report.add(Figure::rate(LIMIT, "runs/s", bare.clone()));
    let beside = |what: &str, values| Figure::rate(what, "runs/s", values).beside(LIMIT, &bare);
    report.add(beside("queue_many, run, settle", many));
    report.add(beside("queue one by one, run, settle", each));
    report.add(beside(
        "the same beside 1,000,000 queued and 1,000 schedules",
        scale,
    ));
    report.add(Figure::cost("cost of a run beside these, to one without", "x", cost).bar(1.2));
    Ok(())
}

/// Measures runs with keys beside plain runs, in turns.
async fn keyed(report: &mut Report) -> anyhow::Result<()> {
    let runs = size(RUNS / 4);
    let (mut plain, mut found) = (Vec::new(), Kind::KEYED.map(|kind| (kind, Vec::new())));
    for _ in 0..repetitions(REPETITIONS) {
        plain.push(rate(runs, throughput::queue_kind(Kind::Plain, runs)).await?);
        for (kind, rates) in &mut found {
            rates.push(rate(runs, throughput::queue_kind(*kind, runs)).await?);
        }
    }
    for (kind, rates) in found {
        let what = format!("{}: queue, run, settle", kind.name());
        let figure = Figure::rate(what, "runs/s", rates);
        report.add(figure.beside(Kind::Plain.name(), &plain).ratio_bar(0.5));
    }
    Ok(())
}

async fn rate(
    runs: usize,
    measure: impl Future<Output = anyhow::Result<Duration>>,
) -> anyhow::Result<f64> {
    Ok(per_second(runs, measure.await?))
}

async fn idle(report: &mut Report) -> anyhow::Result<()> {
    let watched = if is_quick() { 1 } else { 5 };
    let idle = idle::idle_app(Duration::from_secs(watched)).await?;
    report.add(Figure::cost(
        "an idle app: context switches",
        "a second",
        vec![idle.switches_per_second],
    ));
    report.add(Figure::cost(
        "an idle app: processor time",
        "% of a core",
        vec![idle.cpu_percent],
    ));
    Ok(())
}
