//! `cargo xtask chaos`: the fault scenarios, one after the other, with what each took and measured.
//!
//! Each scenario is a test of the package `integration` whose name begins with its id. Besides, the
//! conformance suite runs on a cluster, behind sentinels and with functions: `conformance_cluster`,
//! `conformance_sentinel`, `conformance_functions`.

use std::process::Command;
use std::time::Instant;

use anyhow::Context;

use crate::redis::{self, Servers};
use crate::shell::{cargo, read, run as run_command};

/// The test programs of the package `integration` that hold scenarios.
const PROGRAMS: [&str; 8] = [
    "redis_access",
    "redis_ends",
    "redis_failover",
    "redis_network",
    "redis_processes",
    "redis_replies",
    "redis_schedulers",
    "redis_server",
];

/// Runs of the conformance suite: name, kind of servers, kind of scripts.
const SUITES: [(&str, &str, &str); 3] = [
    ("conformance_cluster", "cluster", "eval"),
    ("conformance_sentinel", "sentinel", "eval"),
    ("conformance_functions", "standalone", "functions"),
];

/// What became of a scenario.
struct Outcome {
    name: String,
    passed: bool,
    seconds: f64,
    figures: String,
}

/// Runs the scenarios with these ids, or all.
pub(crate) fn run(ids: &[&str]) -> anyhow::Result<()> {
    redis::require()?;
    let mut outcomes = Vec::new();
    for program in PROGRAMS {
        for name in scenarios(program)?
            .into_iter()
            .filter(|name| is_wanted(name, ids))
        {
            outcomes.push(show(scenario(program, name)?));
        }
    }
    for (name, kind, scripts) in SUITES {
        if is_wanted(name, ids) {
            outcomes.push(show(conformance(name, kind, scripts)?));
        }
    }
    anyhow::ensure!(
        !outcomes.is_empty(),
        "no scenario is called {}",
        ids.join(", ")
    );
    println!("\n{} scenarios", outcomes.len());
    for outcome in &outcomes {
        println!("{}", outcome.line());
    }
    let failed = outcomes.iter().filter(|outcome| !outcome.passed).count();
    anyhow::ensure!(failed == 0, "{failed} scenarios failed");
    Ok(())
}

fn is_wanted(name: &str, ids: &[&str]) -> bool {
    ids.is_empty()
        || ids
            .iter()
            .any(|id| name.starts_with(&id.to_ascii_lowercase()))
}

fn program(name: &str) -> Command {
    cargo(&[
        "test",
        "--quiet",
        "--package",
        "integration",
        "--test",
        name,
        "--",
    ])
}

fn scenarios(name: &str) -> anyhow::Result<Vec<String>> {
    let list = read(program(name).args(["--list", "--include-ignored"]))?;
    let names = list.lines().filter_map(|line| line.strip_suffix(": test"));
    Ok(names
        .filter(|name| *name != "child")
        .map(str::to_owned)
        .collect())
}

#[expect(
    clippy::disallowed_methods,
    reason = "a developer wants to know how long it took"
)]
fn scenario(program_name: &str, name: String) -> anyhow::Result<Outcome> {
    let began = Instant::now();
    let output = program(program_name)
        .args([&name, "--exact", "--include-ignored", "--nocapture"])
        .output()
        .with_context(|| format!("{name} cannot start"))?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let figures: Vec<&str> = said
        .lines()
        .filter_map(|line| line.strip_prefix("figure "))
        .collect();
    if !output.status.success() {
        println!("{said}");
    }
    Ok(Outcome {
        name,
        passed: output.status.success(),
        seconds: began.elapsed().as_secs_f64(),
        figures: figures.join(", "),
    })
}

#[expect(
    clippy::disallowed_methods,
    reason = "a developer wants to know how long it took"
)]
fn conformance(name: &str, kind: &str, scripts: &str) -> anyhow::Result<Outcome> {
    let servers = Servers::start(kind)?;
    let began = Instant::now();
    let words = [
        "test",
        "--quiet",
        "--package",
        "aqueduct-broker-redis",
        "--all-features",
        "--test",
        "conformance",
    ];
    let mut command = cargo(&words);
    command
        .env("AQUEDUCT_REDIS_URL", servers.url())
        .env("AQUEDUCT_REDIS_SCRIPTS", scripts);
    let passed = run_command(&mut command).is_ok();
    let seconds = began.elapsed().as_secs_f64();
    Ok(Outcome {
        name: name.to_owned(),
        passed,
        seconds,
        figures: String::new(),
    })
}

fn show(outcome: Outcome) -> Outcome {
    println!("{}", outcome.line());
    outcome
}

impl Outcome {
    fn line(&self) -> String {
        let Self {
            name,
            passed,
            seconds,
            figures,
        } = self;
        let passed = if *passed { "ok" } else { "FAILED" };
        format!("{name:<80} {passed:<6} {seconds:>6.1} s  {figures}")
    }
}
