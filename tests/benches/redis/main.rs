//! `cargo xtask bench redis`: the Redis broker against a throw-away server on the same machine.
//!
//! Each figure stands beside its limit. The server keeps nothing on disk.
#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

mod backlog;
mod drain;
mod enqueue;
mod idle;
mod limited;
mod server;
mod table;

use table::Table;

/// Runs of one measurement.
const RUNS: usize = 400_000;

/// Runs that lie in the way in the measurement of scale, and that memory is measured with.
const BACKLOG: usize = 1_000_000;

/// Repetitions of each rate; the table shows medians.
const REPETITIONS: usize = 3;

fn main() -> anyhow::Result<()> {
    let only: Vec<String> = std::env::args()
        .skip(1)
        .filter(|word| !word.starts_with('-'))
        .collect();
    let wanted = |name: &str| only.is_empty() || only.iter().any(|word| word == name);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let mut table = Table::default();
    runtime.block_on(async {
        if wanted("drain") {
            drain::measure(&mut table).await?;
        }
        if wanted("enqueue") {
            enqueue::measure(&mut table).await?;
        }
        if wanted("backlog") {
            backlog::measure(&mut table).await?;
        }
        if wanted("idle") {
            idle::measure(&mut table).await?;
        }
        if wanted("limited") {
            limited::measure(&mut table).await?;
        }
        anyhow::Ok(())
    })?;
    println!("{table}");
    Ok(())
}
