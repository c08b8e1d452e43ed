//! `cargo xtask chaos --list`: which test would show each known incident, and each scenario of the plan.
//!
//! The lists are `tests/incidents.md` and `tests/scenarios.md`; a test holds them to the code.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;

use anyhow::Context;

use crate::shell::root;

/// A row of one of the lists: its cells.
type Row = Vec<String>;

/// Prints the lists, and how much of them is shown.
pub(crate) fn run() -> anyhow::Result<()> {
    println!(
        "{}",
        text(&rows("tests/incidents.md")?, &rows("tests/scenarios.md")?)
    );
    Ok(())
}

/// Returns the cells of each row of the tables of a file, the heads left out.
pub(crate) fn rows(name: &str) -> anyhow::Result<Vec<Row>> {
    let text = fs::read_to_string(root().join(name)).with_context(|| name.to_owned())?;
    let rows = text.lines().filter(|line| line.starts_with("| "));
    let cells = rows.map(|row| row.split('|').map(|it| it.trim().to_owned()).collect());
    let is_head = |row: &Row| row.get(1).is_some_and(|it| it == "#" || it == "id");
    Ok(cells.filter(|row| !is_head(row)).collect())
}

/// What a scenario says of itself.
#[derive(Debug)]
pub(crate) struct Scenario {
    pub(crate) id: String,
    /// What is done to the system.
    pub(crate) what: String,
    /// The tests that show what it does then.
    pub(crate) tests: Vec<String>,
    /// What is not shown, and why.
    pub(crate) reason: Option<String>,
}

impl Scenario {
    pub(crate) fn new(row: &Row) -> Self {
        let cell = |at: usize| row.get(at).cloned().unwrap_or_default();
        let shown = cell(3);
        let (tests, reason) = match shown.split_once('–') {
            Some((tests, reason)) => (tests.to_owned(), Some(reason.trim().to_owned())),
            None => (shown, None),
        };
        let tests = tests.split('`').skip(1).step_by(2).map(str::to_owned);
        Self {
            id: cell(1),
            what: cell(2),
            tests: tests.collect(),
            reason,
        }
    }
}

fn text(incidents: &[Row], scenarios: &[Row]) -> String {
    let scenarios: Vec<Scenario> = scenarios.iter().map(Scenario::new).collect();
    let by_id: BTreeMap<&str, &Scenario> =
        scenarios.iter().map(|it| (it.id.as_str(), it)).collect();
    let mut text = String::new();
    for scenario in &scenarios {
        let _ = writeln!(text, "{:<4} {}", scenario.id, scenario.what);
        for test in &scenario.tests {
            let _ = writeln!(text, "       {test}");
        }
        if let Some(reason) = &scenario.reason {
            let _ = writeln!(text, "     – {reason}");
        }
    }
    let _ = writeln!(text);
    let mut caught = 0;
    for row in incidents {
        let cell = |at: usize| row.get(at).map_or("", String::as_str);
        let ids: Vec<&str> = cell(4).split(", ").collect();
        let is_shown = |id: &&str| by_id.get(id).is_some_and(|it| !it.tests.is_empty());
        let is_caught = ids.iter().any(is_shown);
        caught += usize::from(is_caught);
        let mark = if is_caught { ' ' } else { '-' };
        let _ = writeln!(
            text,
            "{mark}{:>3} {}: {} ({})",
            cell(1),
            cell(2),
            cell(3),
            cell(4)
        );
    }
    let shown = scenarios.iter().filter(|it| !it.tests.is_empty()).count();
    let _ = write!(
        text,
        "\n{shown} of {} scenarios have tests; {caught} of {} incidents have a scenario with tests",
        scenarios.len(),
        incidents.len()
    );
    text
}

#[cfg(test)]
mod tests {
    use super::text;

    fn row(cells: &[&str]) -> Vec<String> {
        let cells = std::iter::once(&"").chain(cells).chain([&""]);
        cells.map(|&cell| cell.to_owned()).collect()
    }

    #[test]
    fn incidents_count_by_their_scenarios() {
        let scenarios = [
            row(&["W1", "killed", "`w1_a` `case::b` – but not at night"]),
            row(&["C5", "waits", "– there is no such option"]),
        ];
        let incidents = [
            row(&["1", "some/queue#1", "lost", "C5, W1"]),
            row(&["2", "some/queue#2", "late", "C5"]),
        ];
        let expected = "\
W1   killed
       w1_a
       case::b
     – but not at night
C5   waits
     – there is no such option

   1 some/queue#1: lost (C5, W1)
-  2 some/queue#2: late (C5)

1 of 2 scenarios have tests; 1 of 2 incidents have a scenario with tests";
        assert_eq!(text(&incidents, &scenarios), expected);
    }
}
