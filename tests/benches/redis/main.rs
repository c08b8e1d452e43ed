//! `cargo xtask bench redis`: the Redis broker against a throw-away server on the same machine.
//!
//! Each figure stands beside what the same server does with the same bytes through the same client. The
//! server keeps nothing on disk.

mod backlog;
mod bare;
mod drain;
mod enqueue;
mod idle;
mod shared;

use integration::bench::{Kind, Report, Wanted};

/// Runs of one measurement.
const RUNS: usize = 400_000;

/// Runs that lie in the way in the measurement of scale, and that memory is measured with.
const BACKLOG: usize = 1_000_000;

/// Repetitions of each rate; the table shows medians.
const REPETITIONS: usize = 3;

fn main() -> anyhow::Result<()> {
    let wanted = Wanted::from_args();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let mut report = Report::default();
    runtime.block_on(async {
        if wanted.has("drain") {
            drain::measure(&mut report).await?;
        }
        if wanted.has("enqueue") {
            enqueue::measure(&mut report).await?;
        }
        if wanted.has("backlog") {
            backlog::measure(&mut report).await?;
        }
        if wanted.has("unique") {
            shared::measure(&mut report, &[Kind::Unique]).await?;
        }
        if wanted.has("limited") {
            shared::measure(&mut report, &[Kind::Limited, Kind::AtLimit]).await?;
        }
        if wanted.has("idle") {
            idle::measure(&mut report).await?;
        }
        anyhow::Ok(())
    })?;
    report.finish()
}
