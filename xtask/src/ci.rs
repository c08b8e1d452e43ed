//! `cargo xtask ci`: the whole pipeline as one command; stops at the first failure.

use std::time::Instant;

use crate::shell::{self, cargo, tool};
use crate::{docgen, test, tidy};

/// The features of the facade, each checked alone.
const FEATURES: [&str; 6] = [
    "macros",
    "memory",
    "redis",
    "consumer",
    "scheduler",
    "testing",
];

/// Runs every step.
pub(crate) fn run() -> anyhow::Result<()> {
    step("format", || {
        shell::run(&mut cargo(&["fmt", "--all", "--check"]))
    })?;
    step("tidy", tidy::run)?;
    step("generated documentation", || docgen::run(true))?;
    step("lints", || {
        let scope = ["clippy", "--workspace", "--all-targets", "--all-features"];
        shell::run(cargo(&scope).args(["--", "-D", "warnings"]))
    })?;
    step("features of the facade", features)?;
    step("documentation", || {
        let words = ["doc", "--workspace", "--all-features", "--no-deps"];
        shell::run(cargo(&words).env("RUSTDOCFLAGS", "-D warnings"))
    })?;
    step("tests", || test::run(&[]))?;
    step("licences and sources", deny)
}

/// Prints what is done, and how long it took.
#[expect(
    clippy::disallowed_methods,
    reason = "a developer wants to know how long a step took"
)]
fn step(name: &str, work: impl FnOnce() -> anyhow::Result<()>) -> anyhow::Result<()> {
    println!("── {name}");
    let began = Instant::now();
    work().map_err(|error| error.context(format!("step `{name}`")))?;
    println!("── {name}: {:.1} s", began.elapsed().as_secs_f64());
    Ok(())
}

/// Checks the facade without features, and with each alone.
fn features() -> anyhow::Result<()> {
    let check = |features: &str| {
        let words = [
            "check",
            "--package",
            "aqueduct",
            "--lib",
            "--no-default-features",
        ];
        shell::run(
            cargo(&words)
                .args(["--features", features])
                .env("RUSTFLAGS", "-D warnings"),
        )
    };
    check("")?;
    FEATURES.into_iter().try_for_each(check)
}

/// Checks licences, sources and duplicates.
fn deny() -> anyhow::Result<()> {
    const CHECKS: [&str; 5] = ["deny", "--offline", "check", "bans", "licenses"];
    // It reads the manifests of all targets; a build has only those of this one.
    shell::run(&mut cargo(&["fetch", "--locked"]))?;
    let path = tool("cargo-deny")?;
    println!("advisories are not checked here: their database is not in a package registry");
    shell::run(cargo(&CHECKS).arg("sources").env("PATH", path))
}
