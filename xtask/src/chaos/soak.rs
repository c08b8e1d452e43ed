//! `cargo xtask chaos --soak`: random faults for as long as one likes.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::Context;

use super::results::{self, Results, Scenario};
use super::{SEED, figure, program, seed};
use crate::redis;

/// The test that is run; it says what it measured in lines of figures.
const TEST: &str = "m5_random_faults_lose_nothing";

/// From how many minutes on what was found is kept for the documentation.
const KEPT_FROM: u32 = 10;

/// Runs random faults for so many minutes.
#[expect(
    clippy::disallowed_methods,
    reason = "a developer wants to know how long it took"
)]
pub(crate) fn run(minutes: u32) -> anyhow::Result<()> {
    anyhow::ensure!(minutes > 0, "a soak takes a minute or more");
    redis::require()?;
    let (seed, began) = (seed()?, Instant::now());
    let mut soak = program("redis_soak");
    soak.args([TEST, "--exact", "--include-ignored", "--nocapture"])
        .env("AQUEDUCT_SOAK_MINUTES", minutes.to_string())
        .env(SEED, &seed);
    let found = follow(&mut soak)?;
    let passed = found.passed;
    if minutes >= KEPT_FROM {
        let mut results = Results::new(&seed, began.elapsed().as_secs());
        results.scenarios.insert(TEST.to_owned(), found);
        results.keep(results::SOAK)?;
        crate::docgen::run(false)?;
    }
    anyhow::ensure!(passed, "the soak failed: {SEED}={seed} has the same faults");
    Ok(())
}

/// Runs a test, shows what it says, and returns what became of it.
fn follow(test: &mut Command) -> anyhow::Result<Scenario> {
    let mut child = test.stderr(Stdio::piped()).spawn()?;
    let said = child.stderr.take().context("it says nothing")?;
    let mut figures = Vec::new();
    for line in BufReader::new(said).lines() {
        let line = line?;
        println!("{line}");
        figures.extend(figure(&line).map(str::to_owned));
    }
    Ok(Scenario {
        passed: child.wait()?.success(),
        figures: figures.join("; "),
    })
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::follow;

    #[test]
    fn what_failed_is_told_with_its_figures() {
        let mut test = Command::new("sh");
        test.args([
            "-c",
            "echo 'figure 1' >&2; echo AQUEDUCT_SEED=7 >&2; echo 'figure 2' >&2; exit 3",
        ]);
        let found = follow(&mut test).unwrap();
        assert_eq!((found.passed, found.figures.as_str()), (false, "1; 2"));
    }
}
