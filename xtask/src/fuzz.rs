//! `cargo xtask fuzz`: the fuzz targets, with cargo-fuzz, each from its examples on.
//!
//! No sanitizer: it would need a nightly compiler, and looks for what `unsafe` code does, of which there is none. So the
//! compiler of the workspace does; libFuzzer itself needs one for C++.
//! What it finds is in `fuzz/artifacts`; make an example of it in `tests/src/fuzz`, so that the tests have it for ever.

use std::ffi::OsStr;

use crate::shell::{cargo, root, run as run_command, tool};

/// How long each target is fuzzed, unless told otherwise, in seconds.
const SECONDS: u64 = 60;

/// Fuzzes one target, or all: `[target] [--seconds TIME]`.
pub(crate) fn run(words: &[&str]) -> anyhow::Result<()> {
    let (name, seconds) = match words {
        [] => (None, SECONDS),
        ["--seconds", seconds] => (None, number(seconds)?),
        [name] => (Some(*name), SECONDS),
        [name, "--seconds", seconds] => (Some(*name), number(seconds)?),
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
    let path = tool("cargo-fuzz")?;
    write_examples()?;
    names.iter().try_for_each(|name| fuzz(name, seconds, &path))
}

fn number(seconds: &str) -> anyhow::Result<u64> {
    let number = seconds.parse().ok().filter(|it| *it > 0);
    number.ok_or_else(|| anyhow::anyhow!("{seconds} is no number of seconds"))
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
    let mut command = cargo(&["fuzz", "run", "--sanitizer", "none", name]);
    command.args(["--", &time, "-max_len=4096"]);
    run_command(command.env("PATH", path))
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
