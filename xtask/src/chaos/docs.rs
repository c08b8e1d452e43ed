//! `docs/RELIABILITY.md`: what is promised, which test shows it, and what the last whole run measured.

use std::fmt::Write as _;

use super::list::{Scenario, rows};
use super::results::{self, Results, Scenario as Kept};

const HEAD: &str = "\
# Reliability

Made by `cargo xtask docgen` from [tests/promises.md](../tests/promises.md), [tests/scenarios.md](../tests/scenarios.md) and
what the last whole `cargo xtask chaos` measured, and the last soak of ten minutes or more; not written by hand.

Faults are injected by our own tools, in real processes on a real server: a proxy that understands the protocol and loses,
doubles, holds and delays single calls; signals; commands of the server; wrong clocks. Where a scenario queues
runs, the same is checked after it: every accepted run was executed and recorded, none is stuck, no key is left behind,
but for what a server has lost itself.

```sh
cargo xtask chaos             # every scenario, slow ones included, and this page
cargo xtask chaos w1 x7       # some
cargo xtask chaos --soak      # random faults for ten minutes, and this page
cargo xtask chaos --list      # which test shows each scenario, and each known incident of other queues
```
";

const SOAK: &str = "
## Soak

Consumers, schedulers and producers with wrong clocks, in processes of their own, and a server behind the proxy meet one
fault after the other. Runs of every kind are queued: limits, rates, keys, fair turns, delays, priorities, chains,
groups, failures. Once all is well again, each accepted run has been executed and is recorded once, each tick was fired
once, and nothing is left behind.

";

/// Returns the page.
pub(crate) fn page() -> anyhow::Result<String> {
    let results = Results::kept(results::CHAOS)?;
    let mut page = HEAD.to_owned();
    page.push_str("\n## Promises\n\n| promise | shown by | measured |\n|---|---|---|\n");
    for row in rows("tests/promises.md")? {
        let promise = Scenario::new(&row);
        let _ = writeln!(
            page,
            "| {} | {} | {} |",
            promise.what,
            names(&promise),
            measured(&promise, results.as_ref())
        );
    }
    page.push_str(
        "\n## Scenarios\n\n| | what is done | shown by | measured |\n|---|---|---|---|\n",
    );
    for row in rows("tests/scenarios.md")? {
        let scenario = Scenario::new(&row);
        let _ = writeln!(
            page,
            "| {} | {} | {} | {} |",
            scenario.id,
            scenario.what,
            names(&scenario),
            measured(&scenario, results.as_ref())
        );
    }
    page.push_str(&taken(results.as_ref()));
    page.push_str(&soak(Results::kept(results::SOAK)?.as_ref()));
    Ok(page)
}

fn names(scenario: &Scenario) -> String {
    let tests: Vec<String> = scenario.tests.iter().map(|it| format!("`{it}`")).collect();
    let mut names = tests.join(" ");
    if let Some(reason) = &scenario.reason {
        // Links of the lists are from the folder of the tests.
        let reason = reason.replace("](", "](../tests/");
        let _ = write!(names, " – {reason}");
    }
    names.trim().to_owned()
}

fn measured(scenario: &Scenario, results: Option<&Results>) -> String {
    let Some(results) = results else {
        return String::new();
    };
    let of = |test: &String| {
        let found = results.scenarios.get(test)?;
        let figures = if found.passed {
            found.figures.as_str()
        } else {
            "**failed**"
        };
        Some(figures.replace('|', "\\|")).filter(|it| !it.is_empty())
    };
    let figures: Vec<String> = scenario.tests.iter().filter_map(of).collect();
    figures.join("; ")
}

fn taken(results: Option<&Results>) -> String {
    let Some(Results {
        machine,
        commit,
        seed,
        seconds,
        scenarios,
    }) = results
    else {
        return "\nNothing has been measured yet: `cargo xtask chaos`.\n".to_owned();
    };
    let failed = scenarios.values().filter(|it| !it.passed).count();
    format!(
        "\nTaken at {commit} on {}, in {seconds} s, with the seed {seed}: {} scenarios ran, {failed} failed.\n",
        machine.sentence(),
        scenarios.len()
    )
}

/// Returns what the last soak found.
fn soak(results: Option<&Results>) -> String {
    let mut page = SOAK.to_owned();
    let Some(results) = results else {
        page.push_str("Nothing has been kept yet: `cargo xtask chaos --soak`.\n");
        return page;
    };
    for Kept { passed, figures } in results.scenarios.values() {
        let failed = if *passed { "" } else { "**Failed.** " };
        let _ = writeln!(page, "{failed}{figures}.\n");
    }
    let _ = writeln!(
        page,
        "Taken at {} on {}, in {} s, with the seed {}, which repeats the faults but not their moments.",
        results.commit,
        results.machine.sentence(),
        results.seconds,
        results.seed
    );
    page
}

#[cfg(test)]
mod tests {
    use super::{Results, Scenario, measured, names, soak};
    use crate::chaos::results;

    #[test]
    fn what_was_measured_stands_beside_its_tests() {
        let row = [
            "",
            "W1",
            "killed",
            "`w1_a` `w1_b` `case::c` – see [this](x.md)",
            "",
        ];
        let scenario = Scenario::new(&row.map(str::to_owned).to_vec());
        assert_eq!(
            names(&scenario),
            "`w1_a` `w1_b` `case::c` – see [this](../tests/x.md)"
        );
        let mut found = Results::new("7", 1);
        for (name, passed) in [("w1_a", true), ("w1_b", false)] {
            let figures = "0 lost | 1".to_owned();
            found
                .scenarios
                .insert(name.to_owned(), results::Scenario { passed, figures });
        }
        assert_eq!(
            measured(&scenario, Some(&found)),
            "0 lost \\| 1; **failed**"
        );
        assert_eq!(measured(&scenario, None), "");
    }

    #[test]
    fn a_soak_that_failed_says_so() {
        let mut found = Results::new("7", 600);
        for (passed, start) in [
            (true, "\n270 faults.\n"),
            (false, "\n**Failed.** 270 faults.\n"),
        ] {
            let figures = "270 faults".to_owned();
            found
                .scenarios
                .insert("m5".to_owned(), results::Scenario { passed, figures });
            let page = soak(Some(&found));
            assert!(
                page.contains(start) && page.contains("in 600 s, with the seed 7"),
                "{page}"
            );
        }
        assert!(soak(None).contains("cargo xtask chaos --soak"));
    }
}
