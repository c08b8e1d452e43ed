//! The index of failures names every row, and every test of a row.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The rows of the list.
const ROWS: usize = 38;

/// Where tests of rows are; other lists of this repository have tests named alike.
const SOURCES: [&str; 5] = [
    "crates/cpu-pool/tests/workers",
    "tests/tests/cpu",
    "tests/tests/cpu_programs.rs",
    "tests/tests/cpu_logs.rs",
    "xtask/src/test.rs",
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_owned()
}

fn sources(path: &Path, found: &mut String) {
    if path.is_dir() {
        for entry in fs::read_dir(path).unwrap() {
            sources(&entry.unwrap().path(), found);
        }
    } else {
        found.push_str(&fs::read_to_string(path).unwrap());
    }
}

/// Returns the words `r07_…` of a text.
fn tests_in(text: &str) -> BTreeSet<&str> {
    let words = text.split(|it: char| !it.is_ascii_alphanumeric() && it != '_');
    words.filter(|word| row_of(word).is_some()).collect()
}

fn row_of(word: &str) -> Option<usize> {
    let (row, _) = word.strip_prefix('r')?.split_once('_')?;
    (row.len() == 2).then(|| row.parse().ok())?
}

#[test]
fn every_row_is_in_the_index_and_every_test_too() {
    let index = fs::read_to_string(root().join("tests/cpu-failures.md")).unwrap();
    let mut text = String::new();
    for source in SOURCES {
        sources(&root().join(source), &mut text);
    }
    let (named, there) = (tests_in(&index), tests_in(&text));
    let differ: Vec<_> = named.symmetric_difference(&there).collect();
    assert!(
        differ.is_empty(),
        "in the index or in the code, not in both: {differ:?}"
    );
    let rows: Vec<&str> = index
        .lines()
        .filter(|line| line.starts_with("| "))
        .skip(1)
        .collect();
    assert_eq!(rows.len(), ROWS);
    for (at, row) in rows.into_iter().enumerate() {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        assert_eq!(cells[1], (at + 1).to_string());
        assert!(
            !cells[3].is_empty(),
            "row {} has neither a test nor a reason",
            at + 1
        );
        let is_its_own = |test: &str| row_of(test) == Some(at + 1);
        assert!(tests_in(cells[3]).into_iter().all(is_its_own), "{row}");
    }
}
