//! The indexes of scenarios and incidents name what exists, and every scenario that exists is named.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The scenarios of the plan; the others are ours.
const PLANNED: usize = 134;

/// The incidents of others.
const INCIDENTS: usize = 98;

/// Where conformance cases are.
const CASES: &str = "crates/broker-conformance/src/cases";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_owned()
}

/// Returns the text of every source file below a folder.
fn sources(folder: &Path, found: &mut Vec<(PathBuf, String)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|it| it == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            found.push((path, text));
        }
    }
}

fn all_sources() -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    for folder in ["crates", "tests", "xtask"] {
        sources(&root().join(folder), &mut found);
    }
    found
}

/// Returns the cells of the rows of an index, the heads left out.
fn rows(name: &str) -> Vec<Vec<String>> {
    let text = fs::read_to_string(root().join("tests").join(name)).unwrap();
    let rows = text.lines().filter(|line| line.starts_with("| "));
    let cells = |row: &str| row.split('|').map(|it| it.trim().to_owned()).collect();
    let rows: Vec<Vec<String>> = rows.map(cells).collect();
    rows.into_iter()
        .filter(|row| row[1] != "#" && row[1] != "id")
        .collect()
}

/// Returns what stands between backticks in the first part of a cell, before the reason.
fn tests_in(cell: &str) -> Vec<&str> {
    let tests = cell.split('–').next().unwrap_or("");
    tests.split('`').skip(1).step_by(2).collect()
}

fn has_identifier(text: &str, name: &str) -> bool {
    text.split(|it: char| !it.is_ascii_alphanumeric() && it != '_')
        .any(|word| word == name)
}

/// Returns whether a name is a row of `cpu-failures.md`, whose tests are held to the code by `cpu_rows.rs`.
fn is_cpu_row(name: &str) -> bool {
    let bytes = name.as_bytes();
    bytes.len() > 4
        && bytes[0] == b'r'
        && bytes[1..3].iter().all(u8::is_ascii_digit)
        && bytes[3] == b'_'
}

fn exists(name: &str, sources: &[(PathBuf, String)], cpu_rows: &str) -> bool {
    if let Some((module, case)) = name.split_once("::") {
        let file = root().join(CASES).join(format!("{module}.rs"));
        let text = fs::read_to_string(file).unwrap_or_default();
        return text.contains(&format!("pub async fn {case}("));
    }
    let function = format!("fn {name}(");
    sources.iter().any(|(_, text)| text.contains(&function))
        || (is_cpu_row(name) && has_identifier(cpu_rows, name))
}

/// Returns the id of a scenario that a test is named after: `n5_…` is of `N5`.
fn id_of(test: &str) -> Option<String> {
    let (id, _) = test.split_once('_')?;
    let digits = id.trim_start_matches(|it: char| it.is_ascii_lowercase());
    let is_id = digits.len() < id.len() && digits.parse::<u32>().is_ok();
    is_id.then(|| id.to_ascii_uppercase())
}

#[test]
fn every_scenario_and_incident_has_a_test_or_a_reason() {
    let sources = all_sources();
    let cpu_rows = fs::read_to_string(root().join("tests/cpu-failures.md")).unwrap();
    let mut scenarios = BTreeMap::new();
    for row in rows("scenarios.md") {
        let (id, cell) = (row[1].clone(), row[3].clone());
        let (tests, reason) = (tests_in(&cell), cell.split('–').nth(1));
        assert!(
            !tests.is_empty() || reason.is_some(),
            "{id} has neither a test nor a reason"
        );
        for test in tests {
            assert!(
                exists(test, &sources, &cpu_rows),
                "{id} names `{test}`, which does not exist"
            );
        }
        assert_eq!(
            scenarios.insert(id, cell),
            None,
            "{} is there twice",
            row[1]
        );
    }
    assert!(scenarios.len() >= PLANNED, "a scenario is missing");
    for row in rows("promises.md") {
        for test in tests_in(&row[3]) {
            assert!(
                exists(test, &sources, &cpu_rows),
                "promise {} names `{test}`, which does not exist",
                row[1]
            );
        }
    }
    let incidents = rows("incidents.md");
    assert_eq!(incidents.len(), INCIDENTS);
    for (at, row) in incidents.iter().enumerate() {
        assert_eq!(row[1], (at + 1).to_string());
        assert!(!row[4].is_empty(), "incident {} has no scenario", row[1]);
        for id in row[4].split(", ") {
            assert!(
                scenarios.contains_key(id),
                "incident {} names the scenario {id}, which is not there",
                row[1]
            );
        }
    }
}

#[test]
fn every_test_of_a_scenario_is_in_the_index() {
    let index = rows("scenarios.md");
    let named: BTreeSet<(String, &str)> = index
        .iter()
        .flat_map(|row| {
            let tests = tests_in(&row[3]);
            tests.into_iter().map(|test| (row[1].clone(), test))
        })
        .collect();
    for (path, text) in all_sources() {
        let file = path.file_name().unwrap().to_string_lossy().into_owned();
        if !file.starts_with("redis_") || !path.starts_with(root().join("tests/tests")) {
            continue;
        }
        for function in text.split("\nasync fn ").skip(1) {
            let name = function.split('(').next().unwrap();
            let Some(id) = id_of(name) else { continue };
            assert!(
                named.contains(&(id.clone(), name)),
                "{file}: name `{name}` in the row {id} of tests/scenarios.md"
            );
        }
    }
}
