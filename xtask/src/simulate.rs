//! `cargo xtask simulate`: many seeds of the simulation.

use crate::shell::{cargo, run as run_command};

/// Takes seeds until one shows something wrong: `--seeds COUNT`, `--seed FIRST`, `--minutes TIME`; with `processes` first, those
/// of whole consumers and schedulers.
///
/// The build is fast, and has the assertions of the tests.
pub(crate) fn run(words: &[&str]) -> anyhow::Result<()> {
    let program = [
        "run",
        "--quiet",
        "--profile",
        "simulation",
        "--package",
        "integration",
        "--bin",
        "simulate",
        "--",
    ];
    run_command(cargo(&program).args(words))
}
