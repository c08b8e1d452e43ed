//! Dependencies: which of our crates may depend on which, and who may use what from outside.

use super::Violation;
use crate::shell::{cargo, read};

/// Our crates and the ones of ours that each may depend on.
const EDGES: [(&str, &[&str]); 11] = [
    ("aqueduct-core", &[]),
    ("aqueduct-macros", &[]),
    ("aqueduct-cpu-pool", &[]),
    ("aqueduct-broker-api", &["aqueduct-core"]),
    (
        "aqueduct-broker-memory",
        &["aqueduct-core", "aqueduct-broker-api"],
    ),
    (
        "aqueduct-broker-redis",
        &["aqueduct-core", "aqueduct-broker-api"],
    ),
    ("aqueduct-redis-server", &[]),
    (
        "aqueduct-broker-conformance",
        &["aqueduct-core", "aqueduct-broker-api"],
    ),
    (
        "aqueduct-consumer",
        &["aqueduct-core", "aqueduct-broker-api", "aqueduct-cpu-pool"],
    ),
    (
        "aqueduct-scheduler",
        &["aqueduct-core", "aqueduct-broker-api"],
    ),
    (
        "aqueduct",
        &[
            "aqueduct-core",
            "aqueduct-macros",
            "aqueduct-broker-api",
            "aqueduct-broker-memory",
            "aqueduct-broker-redis",
            "aqueduct-consumer",
            "aqueduct-cpu-pool",
            "aqueduct-scheduler",
        ],
    ),
];

/// Crates from outside, and the only ones of ours that may use them directly.
const OUTSIDE: [(&str, &[&str]); 6] = [
    ("croner", &["aqueduct-core", "aqueduct-macros"]),
    ("chrono-tz", &["aqueduct-core", "aqueduct-macros"]),
    (
        "rmp-serde",
        &["aqueduct-core", "aqueduct-broker-api", "aqueduct-cpu-pool"],
    ),
    ("rustix", &["aqueduct-cpu-pool"]),
    ("signal-hook", &["aqueduct-cpu-pool"]),
    ("fred", &["aqueduct-broker-redis"]),
];

/// Checks the direct dependencies of each of our crates.
pub(super) fn check(violations: &mut Vec<Violation>) -> anyhow::Result<()> {
    for (package, allowed) in EDGES {
        for dependency in direct(package)? {
            let is_ours = dependency.starts_with("aqueduct");
            if is_ours && !allowed.contains(&dependency.as_str()) {
                let rule = format!("must not depend on {dependency}");
                violations.push(Violation::new(package, rule));
            }
            let users = OUTSIDE.iter().find(|(outside, _)| *outside == dependency);
            if users.is_some_and(|(_, users)| !users.contains(&package)) {
                let rule = format!("must not use {dependency} directly");
                violations.push(Violation::new(package, rule));
            }
        }
    }
    check_core(violations)
}

/// The core has no runtime beyond tokio's synchronization.
fn check_core(violations: &mut Vec<Violation>) -> anyhow::Result<()> {
    let words = [
        "tree",
        "--package",
        "aqueduct-core",
        "--edges",
        "normal,features",
        "--prefix",
        "none",
    ];
    let tree = read(&mut cargo(&words))?;
    for feature in ["rt", "net", "time", "fs", "process"] {
        if tree
            .lines()
            .any(|line| line.starts_with(&format!("tokio feature \"{feature}\"")))
        {
            let rule = format!("must not use tokio's `{feature}`");
            violations.push(Violation::new("aqueduct-core", rule));
        }
    }
    Ok(())
}

fn direct(package: &str) -> anyhow::Result<Vec<String>> {
    let words = [
        "tree",
        "--package",
        package,
        "--edges",
        "normal",
        "--depth",
        "1",
        "--all-features",
    ];
    let tree = read(cargo(&words).args(["--prefix", "none", "--format", "{p}"]))?;
    let names = tree
        .lines()
        .skip(1)
        .filter_map(|line| line.split(' ').next());
    Ok(names.map(str::to_owned).collect())
}
