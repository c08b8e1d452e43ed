//! `cargo xtask fuzz`: the fuzz targets, with cargo-fuzz and a nightly compiler, each from its examples on.
//!
//! Where there is no nightly compiler to be had, the smoke run of the tests takes its place: changed examples, no guidance.
//! What it finds is in `fuzz/artifacts`; make an example of it in `tests/src/fuzz`, so that the tests have it for ever.

use std::ffi::OsStr;
use std::process::{Command, Stdio};

use crate::shell::{cargo, root, run as run_command, tool};

/// How long each target is fuzzed, unless told otherwise, in seconds.
const SECONDS: u64 = 60;

/// The toolchain that cargo-fuzz needs.
const NIGHTLY: &str = "nightly";

/// Fuzzes one target, or all: `[target] [--seconds TIME]`.
pub(crate) fn run(words: &[&str]) -> anyhow::Result<()> {
    let (name, seconds) = match words {
        [] => (None, SECONDS),
        ["--seconds", seconds] => (None, seconds.parse()?),
        [name] => (Some(*name), SECONDS),
        [name, "--seconds", seconds] => (Some(*name), seconds.parse()?),
        _ => anyhow::bail!("fuzz [target] [--seconds TIME]"),
    };
    let names: Vec<String> = targets()?
        .into_iter()
        .filter(|it| name.is_none_or(|name| name == it))
        .collect();
    anyhow::ensure!(
        !names.is_empty(),
        "no target is called {}; they are {}",
        name.unwrap_or_default(),
        targets()?.join(", ")
    );
    if !has_nightly() {
        println!("there is no nightly compiler, and rustup cannot get one: cargo-fuzz needs it.");
        println!(
            "In its place: changed examples, on the stable compiler. NOTHING IS FUZZED BY COVERAGE."
        );
        return run_command(&mut cargo(&[
            "test",
            "--package",
            "integration",
            "--test",
            "fuzz",
        ]));
    }
    let path = tool("cargo-fuzz")?;
    write_examples()?;
    names.iter().try_for_each(|name| fuzz(name, seconds, &path))
}

/// Returns whether there is a nightly compiler; asks rustup for one if there is none.
fn has_nightly() -> bool {
    let works = || {
        let mut version = nightly(&["--version"]);
        version.stdout(Stdio::null()).stderr(Stdio::null());
        version.status().is_ok_and(|status| status.success())
    };
    let install = ["toolchain", "install", NIGHTLY, "--profile", "minimal"];
    works() || run_command(Command::new("rustup").args(install)).is_ok() && works()
}

/// Writes the examples that each target begins with.
fn write_examples() -> anyhow::Result<()> {
    let words = "run --quiet --package integration --bin fuzz_examples -- fuzz/corpus";
    run_command(&mut cargo(&words.split(' ').collect::<Vec<_>>()))
}

/// Fuzzes one target.
fn fuzz(name: &str, seconds: u64, path: &OsStr) -> anyhow::Result<()> {
    println!("── {name}");
    let time = format!("-max_total_time={seconds}");
    let mut command = nightly(&["fuzz", "run", name, "--", &time, "-max_len=4096"]);
    run_command(command.env("PATH", path))
}

/// Prepares the cargo of the nightly toolchain; whatever toolchain runs this is another.
fn nightly(words: &[&str]) -> Command {
    let mut command = Command::new("cargo");
    command.arg(format!("+{NIGHTLY}")).args(words);
    command.current_dir(root());
    command.env_remove("RUSTUP_TOOLCHAIN").env_remove("CARGO");
    command
}

/// Returns the names of the targets.
fn targets() -> anyhow::Result<Vec<String>> {
    let files = std::fs::read_dir(root().join("fuzz/fuzz_targets"))?;
    let names = files.filter_map(|file| file.ok()?.file_name().into_string().ok());
    let mut names: Vec<String> = names
        .filter_map(|name| Some(name.strip_suffix(".rs")?.to_owned()))
        .collect();
    names.sort();
    Ok(names)
}
