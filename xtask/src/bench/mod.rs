//! `cargo xtask bench`: measurements, each beside a limit of the same run.
//!
//! A group is a benchmark program of the package `integration`. Its figures are kept in
//! `docs/benchmarks`, from which `cargo xtask docgen` makes `docs/BENCHMARKS.md`; those of a part, or in a
//! hurry, go below the build folder.

pub(crate) mod docs;
mod instructions;
pub(crate) mod machine;
mod plot;
pub(crate) mod result;
mod table;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use machine::Machine;
use result::{Group, Row};

use crate::redis;
use crate::shell::{cargo, root, run as run_command};

/// Tells a benchmark to be done in a moment.
const QUICK: &str = "AQUEDUCT_BENCH_QUICK";

/// Tells a benchmark where to write its figures.
const OUT: &str = "AQUEDUCT_BENCH_OUT";

/// The groups, in the order in which they are measured and shown, and what each is.
pub(crate) const GROUPS: [(&str, &str); 7] = [
    ("memory", "The in-memory broker"),
    ("latency", "How soon"),
    ("redis", "The Redis broker"),
    ("cpu", "Worker processes"),
    ("scale", "What grows"),
    ("costs", "Costs that noise cannot touch"),
    ("peers", "Peers"),
];

/// The group that is only measured when it is asked for: it is built from other people's crates.
const ON_DEMAND: &str = "peers";

/// What is to be measured, and how.
struct Call {
    groups: Vec<&'static str>,
    /// Some measurements of the one group, or all.
    only: Vec<String>,
    is_quick: bool,
    /// Leave out what was measured in this state of the code.
    resumes: bool,
}

/// Measures what the words ask for: a group with some of its measurements, or all groups.
pub(crate) fn run(words: &[&str]) -> anyhow::Result<()> {
    if words == ["--docs"] {
        return crate::docgen::run(false);
    }
    let call = Call::read(words)?;
    redis::require()?;
    let folder = call.folder();
    let commit = machine::commit();
    for &name in &call.groups {
        let known = result::read(&folder, name)?;
        if call.resumes && known.is_some_and(|it| it.commit == commit) {
            println!("── {name}: measured before");
            continue;
        }
        println!("── {name}");
        let group = measure(name, &call, &commit)?;
        result::write(&folder, name, &group)?;
        println!("── {name}: {} s\n", group.seconds);
    }
    show(&folder, &call.groups)?;
    if call.is_kept() {
        crate::docgen::run(false)?;
    }
    Ok(())
}

impl Call {
    fn read(words: &[&str]) -> anyhow::Result<Self> {
        let (options, names): (Vec<&str>, Vec<&str>) =
            words.iter().partition(|word| word.starts_with("--"));
        for option in &options {
            let is_known = ["--quick", "--resume"].contains(option);
            anyhow::ensure!(
                is_known,
                "{option} is no option of bench: --quick, --resume, --docs"
            );
        }
        let known = |name: &str| GROUPS.iter().map(|it| it.0).find(|it| *it == name);
        let groups = match names.first() {
            Some(name) => {
                let all: Vec<&str> = GROUPS.iter().map(|it| it.0).collect();
                let problem = || anyhow::anyhow!("no group is called {name}: {}", all.join(", "));
                vec![known(name).ok_or_else(problem)?]
            }
            None => GROUPS
                .iter()
                .map(|it| it.0)
                .filter(|it| *it != ON_DEMAND)
                .collect(),
        };
        Ok(Self {
            groups,
            only: names.iter().skip(1).map(|&it| it.to_owned()).collect(),
            is_quick: options.contains(&"--quick"),
            resumes: options.contains(&"--resume"),
        })
    }

    /// Returns whether the figures are those that the documentation shows.
    fn is_kept(&self) -> bool {
        !self.is_quick && self.only.is_empty()
    }

    fn folder(&self) -> PathBuf {
        if self.is_kept() {
            result::kept()
        } else {
            trial()
        }
    }
}

/// The folder of results that are only to be looked at.
fn trial() -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    target
        .unwrap_or_else(|| root().join("target"))
        .join("benchmarks")
}

#[expect(
    clippy::disallowed_methods,
    reason = "a developer wants to know how long it took"
)]
fn measure(name: &str, call: &Call, commit: &str) -> anyhow::Result<Group> {
    fs::create_dir_all(trial())?;
    let began = Instant::now();
    let rows = match name {
        "costs" => costs(call)?,
        "peers" => peers(call)?,
        name => program(&mut bench(name), call)?,
    };
    Ok(Group {
        machine: Machine::this(),
        commit: commit.to_owned(),
        seconds: began.elapsed().as_secs(),
        rows,
    })
}

fn bench(name: &str) -> Command {
    let mut command = cargo(&["bench", "--quiet", "--package", "integration", "--bench"]);
    command.args([name, "--"]);
    command
}

/// Runs a program that measures, and returns its figures.
fn program(command: &mut Command, call: &Call) -> anyhow::Result<Vec<Row>> {
    let out = trial().join("figures.json");
    let _ = fs::remove_file(&out);
    command
        .args(&call.only)
        .env(OUT, &out)
        .envs(call.is_quick.then_some((QUICK, "yes")));
    run_command(command)?;
    result::rows(Path::new(&out))
}

fn costs(call: &Call) -> anyhow::Result<Vec<Row>> {
    let mut rows = program(&mut bench("allocations"), call)?;
    rows.extend(instructions::count()?);
    Ok(rows)
}

/// Runs the crate of other people's queues, which is not in the workspace.
fn peers(call: &Call) -> anyhow::Result<Vec<Row>> {
    let manifest = root().join("tests/peers/Cargo.toml");
    let mut command = cargo(&["run", "--release", "--locked", "--quiet", "--manifest-path"]);
    command.arg(manifest).arg("--");
    program(&mut command, call)
}

/// Prints the tables of groups that were measured.
fn show(folder: &Path, names: &[&str]) -> anyhow::Result<()> {
    for (name, what) in GROUPS.iter().filter(|it| names.contains(&it.0)) {
        if let Some(group) = result::read(folder, name)? {
            println!("## {what}\n\n{}", table::markdown(&group.rows));
        }
    }
    let missed = names
        .iter()
        .filter_map(|name| result::read(folder, name).ok()?);
    let missed: usize = missed
        .map(|group| group.rows.iter().filter(|it| !it.holds()).count())
        .sum();
    println!("{missed} bars missed; the figures are in {}", shown(folder));
    Ok(())
}

fn shown(folder: &Path) -> String {
    let folder = folder.strip_prefix(root()).unwrap_or(folder);
    folder.display().to_string()
}

#[cfg(test)]
mod tests {
    use super::Call;

    #[test]
    fn a_call_is_all_groups_or_parts_of_one() {
        let all = Call::read(&["--quick"]).unwrap();
        assert!(all.is_quick && all.groups.len() == 6 && !all.is_kept());
        let part = Call::read(&["cpu", "memory"]).unwrap();
        assert_eq!(
            (part.groups, part.only),
            (vec!["cpu"], vec!["memory".to_owned()])
        );
        assert!(Call::read(&["--resume"]).unwrap().is_kept());
        assert!(Call::read(&["cuba"]).is_err() && Call::read(&["--fast"]).is_err());
    }
}
