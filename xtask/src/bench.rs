//! `cargo xtask bench`: measurements, each beside a limit of the same run.

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
