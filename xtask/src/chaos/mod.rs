//! `cargo xtask chaos`: the fault scenarios, one after the other, with what each took and measured.
//!
//! Each scenario is a test of the package `integration` whose name begins with its id. Besides, the
//! conformance suite runs on a cluster, behind sentinels and with functions: `conformance_cluster`,
//! `conformance_sentinel`, `conformance_functions`. All of a call have one seed, which the table names.

pub(crate) mod docs;
pub(crate) mod list;
mod results;
pub(crate) mod soak;

use std::process::Command;
use std::time::{Instant, SystemTime};

use anyhow::Context;

use list::{Scenario, rows};
use results::Results;

use crate::redis::{self, Servers};
use crate::shell::{cargo, read, run as run_command};

/// The test programs of the package `integration` that hold scenarios.
const PROGRAMS: [&str; 31] = [
    "redis_access",
    "redis_deaths",
    "redis_disk",
    "redis_ends",
    "redis_failover",
    "redis_fair_turns",
    "redis_fencing",
    "redis_limits",
    "redis_load",
    "redis_losses",
    "redis_network",
    "redis_partition",
    "redis_payloads",
    "redis_processes",
    "redis_renewals",
    "redis_replica",
    "redis_replies",
    "redis_schedulers",
    "redis_server",
    "redis_shared_limits",
    "redis_soak",
    "redis_standstill",
    "redis_steps",
    "redis_tenants",
    "redis_ticks",
    "redis_time",
    "redis_trickle",
    "redis_unique",
    "redis_versions",
    "redis_wakes",
    "redis_workflows",
];

/// Runs of the conformance suite: name, kind of servers, kind of scripts.
const SUITES: [(&str, &str, &str); 3] = [
    ("conformance_cluster", "cluster", "eval"),
    ("conformance_sentinel", "sentinel", "eval"),
    ("conformance_functions", "standalone", "functions"),
];

/// Tells scenarios where their random numbers begin.
const SEED: &str = "AQUEDUCT_SEED";

/// What became of a scenario.
struct Outcome {
    name: String,
    passed: bool,
    seconds: f64,
    figures: String,
}

/// Runs the scenarios with these ids, or all: then what they measured is kept for the documentation.
#[expect(
    clippy::disallowed_methods,
    reason = "a developer wants to know how long it took"
)]
pub(crate) fn run(ids: &[&str]) -> anyhow::Result<()> {
    let listed = rows("tests/scenarios.md")?;
    let listed: Vec<Scenario> = listed.iter().map(Scenario::new).collect();
    ids.iter().try_for_each(|id| check(id, &listed))?;
    redis::require()?;
    let (seed, began) = (seed()?, Instant::now());
    let mut outcomes = Vec::new();
    for program in PROGRAMS {
        for name in scenarios(program)?
            .into_iter()
            .filter(|name| is_wanted(name, ids))
        {
            outcomes.push(show(scenario(program, name, &seed)?));
        }
    }
    for (name, kind, scripts) in SUITES {
        if is_wanted(name, ids) {
            outcomes.push(show(conformance(name, kind, scripts, &seed)?));
        }
    }
    // A word may name a test that is listed and stands in no program of scenarios.
    let asked = ids.join(" ");
    anyhow::ensure!(!outcomes.is_empty(), "`cargo xtask test {asked}` runs that");
    outcomes.sort_by(|a, b| order(&a.name).cmp(&order(&b.name)));
    println!("\n{}", table(&outcomes));
    println!("{SEED}={seed} repeats the random ones");
    if ids.is_empty() {
        keep(&outcomes, &seed, began.elapsed().as_secs())?;
    }
    let failed = outcomes.iter().filter(|outcome| !outcome.passed).count();
    anyhow::ensure!(failed == 0, "{failed} scenarios failed");
    Ok(())
}

/// Returns the seed of this call: that of the environment, or a new one.
#[expect(
    clippy::disallowed_methods,
    reason = "any number will do that is another each time"
)]
fn seed() -> anyhow::Result<String> {
    if let Ok(given) = std::env::var(SEED) {
        let is_number = given.parse::<u64>().is_ok();
        anyhow::ensure!(is_number, "{SEED}={given} is no number");
        return Ok(given);
    }
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?;
    Ok((now.as_nanos() % 1_000_000_007).to_string())
}

fn keep(outcomes: &[Outcome], seed: &str, seconds: u64) -> anyhow::Result<()> {
    let mut results = Results::new(seed, seconds);
    for Outcome {
        name,
        passed,
        figures,
        ..
    } in outcomes
    {
        let scenario = results::Scenario {
            passed: *passed,
            figures: figures.clone(),
        };
        results.scenarios.insert(name.clone(), scenario);
    }
    results.keep(results::CHAOS)?;
    crate::docgen::run(false)
}

/// Refuses a word that names no scenario, before anything is built.
fn check(id: &str, listed: &[Scenario]) -> anyhow::Result<()> {
    let mut tests = listed.iter().flat_map(|it| &it.tests);
    let is_suite = SUITES.iter().any(|suite| is_called(suite.0, id));
    if is_suite || tests.any(|test| is_called(test, id)) {
        return Ok(());
    }
    let is_shown = |it: &&Scenario| it.id.eq_ignore_ascii_case(id) && !it.tests.is_empty();
    match listed.iter().find(is_shown) {
        Some(scenario) => anyhow::bail!(
            "{id} is shown by other tests: `cargo xtask test {}`",
            scenario.tests.join(" ")
        ),
        None => anyhow::bail!("no scenario is called {id}: `cargo xtask chaos --list` has them"),
    }
}

fn is_wanted(name: &str, ids: &[&str]) -> bool {
    ids.is_empty() || ids.iter().any(|id| is_called(name, id))
}

/// Returns whether a test is of a scenario, or is that one.
fn is_called(name: &str, id: &str) -> bool {
    let rest = name.strip_prefix(id.to_ascii_lowercase().as_str());
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('_'))
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

/// Returns what a line says that a scenario has measured.
fn figure(line: &str) -> Option<&str> {
    line.strip_prefix("figure ")
}

#[expect(
    clippy::disallowed_methods,
    reason = "a developer wants to know how long it took"
)]
fn scenario(program_name: &str, name: String, seed: &str) -> anyhow::Result<Outcome> {
    let began = Instant::now();
    let output = program(program_name)
        .args([&name, "--exact", "--include-ignored", "--nocapture"])
        .env(SEED, seed)
        .output()
        .with_context(|| format!("{name} cannot start"))?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let figures: Vec<&str> = said.lines().filter_map(figure).collect();
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
fn conformance(name: &str, kind: &str, scripts: &str, seed: &str) -> anyhow::Result<Outcome> {
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
        .env("AQUEDUCT_REDIS_SCRIPTS", scripts)
        .env(SEED, seed);
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
    println!("{}", outcome.line(outcome.name.len()));
    outcome
}

/// Returns what scenarios are sorted by: the family, the number in it, the name.
fn order(name: &str) -> (&str, u32, &str) {
    let (id, _) = name.split_once('_').unwrap_or((name, ""));
    let (family, number) = id.split_at(id.find(|it: char| it.is_ascii_digit()).unwrap_or(id.len()));
    (family, number.parse().unwrap_or(0), name)
}

/// Returns a line for each scenario, and how many there are.
fn table(outcomes: &[Outcome]) -> String {
    let width = outcomes.iter().map(|it| it.name.len()).max().unwrap_or(0);
    let lines: Vec<String> = outcomes.iter().map(|it| it.line(width)).collect();
    let failed = outcomes.iter().filter(|it| !it.passed).count();
    format!(
        "{}\n\n{} scenarios, {failed} failed",
        lines.join("\n"),
        outcomes.len()
    )
}

impl Outcome {
    /// Returns the id, what is claimed, what became of it, and below it the figures.
    fn line(&self, width: usize) -> String {
        let Self {
            name,
            passed,
            seconds,
            figures,
        } = self;
        let (id, claim) = name.split_once('_').unwrap_or((name, ""));
        let (id, claim) = (id.to_ascii_uppercase(), claim.replace('_', " "));
        let passed = if *passed { "ok" } else { "FAILED" };
        let line = format!("{id:<4} {claim:<width$} {passed:<6} {seconds:>6.1} s");
        if figures.is_empty() {
            return line;
        }
        format!("{line}\n     - {figures}")
    }
}

#[cfg(test)]
mod tests {
    use super::{Outcome, table};

    fn outcome(name: &str, figures: &str) -> Outcome {
        Outcome {
            name: name.to_owned(),
            passed: !figures.is_empty(),
            seconds: 1.25,
            figures: figures.to_owned(),
        }
    }

    #[test]
    fn every_program_with_scenarios_is_run() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/tests");
        let mut found: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .filter_map(|it| it.unwrap().file_name().into_string().ok())
            .filter_map(|it| it.strip_suffix(".rs").map(str::to_owned))
            .filter(|it| it.starts_with("redis_"))
            .collect();
        found.sort();
        assert_eq!(found, super::PROGRAMS);
    }

    #[test]
    fn a_word_names_one_scenario_or_none() {
        let scenario = |id: &str, test: &str| super::Scenario {
            id: id.to_owned(),
            what: String::new(),
            tests: vec![test.to_owned()],
            reason: None,
        };
        let all = [scenario("W1", "w1_a_b"), scenario("W6", "ends::a_b")];
        let check = |word| super::check(word, &all).map_err(|it| it.to_string());
        for word in ["w1", "W1", "w1_a_b", "conformance", "conformance_cluster"] {
            assert_eq!(check(word), Ok(()));
        }
        let elsewhere = "w6 is shown by other tests: `cargo xtask test ends::a_b`";
        assert_eq!(check("w6"), Err(elsewhere.to_owned()));
        for word in ["w", "w10", "", "--help"] {
            assert!(check(word).is_err(), "{word}");
        }
        assert!(!super::is_wanted("w10_a", &["w1"]) && super::is_wanted("w1_a", &["W1"]));
    }

    #[test]
    fn scenarios_are_in_the_order_of_their_ids() {
        let mut names = ["x10_a", "x9_b", "c2_c", "conformance_cluster", "x9_a"];
        names.sort_by(|a, b| super::order(a).cmp(&super::order(b)));
        assert_eq!(
            names,
            ["c2_c", "conformance_cluster", "x9_a", "x9_b", "x10_a"]
        );
    }

    #[test]
    fn figures_are_below_what_is_claimed() {
        let outcomes = [
            outcome("x9_it_counts_once", "3 faults"),
            outcome("c1_b", ""),
        ];
        let table = table(&outcomes);
        let lines: Vec<&str> = table.lines().collect();
        assert_eq!(
            lines,
            [
                "X9   it counts once    ok        1.2 s",
                "     - 3 faults",
                "C1   b                 FAILED    1.2 s",
                "",
                "2 scenarios, 1 failed",
            ]
        );
    }
}
