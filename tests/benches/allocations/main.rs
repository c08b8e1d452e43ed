//! `cargo xtask bench costs`, first part: allocations per run, beside bare tokio.

#[path = "../memory/throughput.rs"]
#[expect(
    dead_code,
    reason = "the other measurements of time are not needed here"
)]
mod throughput;

use std::alloc::System;
use std::time::Duration;

use integration::bench::{Figure, Report, figure};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// So many that starting an app does not show.
const RUNS: usize = 100_000;

/// What a run allocates.
#[derive(Clone, Copy)]
struct Cost {
    calls: f64,
    bytes: f64,
}

fn main() -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let mut report = Report::default();
    let bare = cost(&|| runtime.block_on(throughput::bare_tokio(RUNS)))?;
    let many = cost(&|| runtime.block_on(throughput::queue_many(RUNS)))?;
    let each = cost(&|| runtime.block_on(throughput::queue_each(RUNS)))?;
    let limit = "bare tokio: spawn + channel";
    for (what, cost) in [("queue_many", many), ("queue one by one", each)] {
        let calls = Figure::cost(
            format!("{what}, run, settle: allocations"),
            "a run",
            vec![cost.calls],
        );
        report.add(calls.beside(limit, &[bare.calls]));
        let bytes = Figure::cost(
            format!("{what}, run, settle: allocated"),
            "bytes/run",
            vec![cost.bytes],
        );
        report.add(bytes.beside(limit, &[bare.bytes]));
    }
    report.finish()
}

fn cost(work: &dyn Fn() -> anyhow::Result<Duration>) -> anyhow::Result<Cost> {
    // Once before, so that what is allocated once and for all does not count.
    work()?;
    let region = Region::new(ALLOCATOR);
    work()?;
    let change = region.change();
    Ok(Cost {
        calls: figure(change.allocations + change.reallocations) / figure(RUNS),
        bytes: figure(change.bytes_allocated) / figure(RUNS),
    })
}
