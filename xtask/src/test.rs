//! `cargo xtask test`: all tests, doc tests and examples.

use crate::redis;
use crate::shell::{self, cargo, has_cargo_command};

/// Runs the tests whose names contain one of the filters, or all of them, doc tests included.
pub(crate) fn run(filters: &[&str]) -> anyhow::Result<()> {
    match redis::require() {
        Ok(()) => println!("tests start throw-away Redis servers; nothing else is set up"),
        // The other tests are worth running; those that need Redis fail and say what to do.
        Err(problem) => println!("tests that need Redis will fail: {problem:#}"),
    }
    let runner: &[&str] = if has_cargo_command("nextest") {
        &[
            "nextest",
            "run",
            "--workspace",
            "--all-features",
            "--no-fail-fast",
        ]
    } else {
        println!("cargo-nextest is not installed: `cargo test` runs the tests instead");
        &[
            "test",
            "--workspace",
            "--all-features",
            "--lib",
            "--bins",
            "--tests",
            "--no-fail-fast",
        ]
    };
    shell::run(cargo(runner).args(filters))?;
    if filters.is_empty() {
        shell::run(&mut cargo(&[
            "test",
            "--workspace",
            "--all-features",
            "--doc",
        ]))?;
        shell::run(&mut cargo(&[
            "build",
            "--workspace",
            "--all-features",
            "--examples",
            "--benches",
        ]))?;
        r07_panics_that_abort_are_panics()?;
    }
    Ok(())
}

/// Runs an example with CPU workers in a build whose panics abort: the panic comes back all the same.
fn r07_panics_that_abort_are_panics() -> anyhow::Result<()> {
    let said = shell::read(&mut cargo(&[
        "run",
        "--config",
        "profile.dev.panic=\"abort\"",
        "--target-dir",
        "target/panic-abort",
        "--package",
        "aqueduct-cpu-pool",
        "--example",
        "square",
    ]))?;
    let panics = said.matches("Panicked(").count();
    let is_one = panics == 1 && said.contains("nothing to square") && said.contains("runs: 3");
    anyhow::ensure!(is_one, "a panic that aborts is not one panic:\n{said}");
    Ok(())
}
