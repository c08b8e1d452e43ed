//! `cargo xtask bench`: measurements, each beside a limit of the same run.

use crate::redis;
use crate::shell::{cargo, run};

/// Measures the in-memory broker.
pub(crate) fn memory() -> anyhow::Result<()> {
    run(&mut cargo(&[
        "bench",
        "--package",
        "integration",
        "--bench",
        "memory",
    ]))?;
    run(&mut cargo(&[
        "bench",
        "--package",
        "integration",
        "--bench",
        "allocations",
    ]))
}

/// Measures worker processes; some measurements, or all.
pub(crate) fn cpu(only: &[&str]) -> anyhow::Result<()> {
    let words = ["bench", "--package", "integration", "--bench", "cpu", "--"];
    run(cargo(&words).args(only))
}

/// Measures the Redis broker against a throw-away server; some measurements, or all.
pub(crate) fn redis(only: &[&str]) -> anyhow::Result<()> {
    redis::require()?;
    let words = [
        "bench",
        "--package",
        "integration",
        "--bench",
        "redis",
        "--",
    ];
    run(cargo(&words).args(only))
}
