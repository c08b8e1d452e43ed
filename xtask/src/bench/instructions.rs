//! Instructions a run, counted by valgrind: a figure that no neighbour can change.

use std::process::Command;

use anyhow::Context;

use super::result::Row;
use crate::shell::{cargo, read};

/// Runs of the two executions; the difference is what is counted.
const RUNS: (u32, u32) = (2_000, 12_000);

/// What is executed, and what it is called.
const WORK: [(&str, &str); 2] = [
    ("many", "queue_many, run, settle: instructions"),
    ("each", "queue one by one, run, settle: instructions"),
];

/// Counts, or says why not.
pub(crate) fn count() -> anyhow::Result<Vec<Row>> {
    if Command::new("valgrind").arg("--version").output().is_err() {
        println!("instructions are not counted: valgrind is not installed");
        return Ok(Vec::new());
    }
    let program = build()?;
    let bare = instructions(&program, "bare")?;
    let limit = "bare tokio: spawn + channel";
    WORK.iter()
        .map(|(work, what)| {
            let row = Row::cost(what, "a run", instructions(&program, work)?, (limit, bare));
            println!("{what}: {:.0}", row.median);
            Ok(row)
        })
        .collect()
}

/// Builds the program, and returns its path.
fn build() -> anyhow::Result<String> {
    let words = ["bench", "--quiet", "--package", "integration"];
    let said = read(cargo(&words).args([
        "--bench",
        "instructions",
        "--no-run",
        "--message-format",
        "json",
    ]))?;
    let mut programs = said.lines().filter_map(|line| {
        let message: serde_json::Value = serde_json::from_str(line).ok()?;
        let is_it = message["target"]["name"] == "instructions";
        message["executable"]
            .as_str()
            .filter(|_| is_it)
            .map(str::to_owned)
    });
    programs.next_back().context("cargo names no program")
}

/// Returns how many instructions a run takes.
fn instructions(program: &str, work: &str) -> anyhow::Result<f64> {
    let (few, more) = RUNS;
    let between = counted(program, work, more)? - counted(program, work, few)?;
    Ok(between / f64::from(more - few))
}

fn counted(program: &str, work: &str, runs: u32) -> anyhow::Result<f64> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .args([program, work, &runs.to_string()])
        .output()?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    anyhow::ensure!(output.status.success(), "valgrind failed: {said}");
    collected(&said).context("valgrind did not say how many there were")
}

/// Reads `==123== Collected : 456`.
fn collected(said: &str) -> Option<f64> {
    let number = said
        .lines()
        .find_map(|line| line.split_once("Collected : "))?
        .1;
    number.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_count_is_read() {
        let said = "==7== Callgrind\n==7== Collected : 123456\n";
        assert_eq!(super::collected(said), Some(123_456.0));
        assert_eq!(super::collected("==7== nothing"), None);
    }
}
