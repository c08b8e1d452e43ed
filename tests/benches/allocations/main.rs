//! `cargo xtask bench memory`, second part: allocations per run, beside bare tokio.
#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

#[path = "../memory/throughput.rs"]
#[expect(
    dead_code,
    reason = "the other measurements of time are not needed here"
)]
mod throughput;

use std::alloc::System;
use std::future::Future;
use std::time::Duration;

use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// So many that starting an app does not show.
const RUNS: u32 = 100_000;

fn main() -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let count = |name: &str, work: &dyn Fn() -> anyhow::Result<Duration>| -> anyhow::Result<()> {
        work()?;
        let region = Region::new(ALLOCATOR);
        work()?;
        let change = region.change();
        let calls = f64::from(u32::try_from(change.allocations + change.reallocations)?);
        let bytes = f64::from(u32::try_from(change.bytes_allocated / 1024)?) * 1024.0;
        println!(
            "{name:<32} {:>6.2} allocations a run, {:>6.0} bytes",
            calls / f64::from(RUNS),
            bytes / f64::from(RUNS)
        );
        Ok(())
    };
    let runs = usize::try_from(RUNS)?;
    let wait = |work: &dyn Fn() -> BoxedMeasure| runtime.block_on(work());
    count("bare tokio: spawn + channel", &|| {
        wait(&|| Box::pin(throughput::bare_tokio(runs)))
    })?;
    count("queue_many, run, settle", &|| {
        wait(&|| Box::pin(throughput::queue_many(runs)))
    })?;
    count("queue one by one, run, settle", &|| {
        wait(&|| Box::pin(throughput::queue_each(runs)))
    })
}

type BoxedMeasure = std::pin::Pin<Box<dyn Future<Output = anyhow::Result<Duration>>>>;
