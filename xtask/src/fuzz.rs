//! `cargo xtask fuzz`: the fuzz targets, with cargo-fuzz and a nightly compiler, each from its examples on.
//!
//! What it finds is in `fuzz/artifacts`; make an example of it in `tests/src/fuzz`, so that the tests have it for ever.

use std::process::Command;

use crate::shell::{cargo, root, run as run_command, tool};

/// How long each target is fuzzed, unless told otherwise, in seconds.
const SECONDS: u64 = 60;

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
    let path = tool("cargo-fuzz")?;
    let examples = [
        "run",
        "--quiet",
        "--package",
        "integration",
        "--bin",
        "fuzz_examples",
    ];
    run_command(cargo(&examples).args(["--", "fuzz/corpus"]))?;
    for name in names {
        println!("── {name}");
        let time = format!("-max_total_time={seconds}");
        let mut command = Command::new("cargo");
        command
            .args([
                "+nightly",
                "fuzz",
                "run",
                &name,
                "--",
                &time,
                "-max_len=4096",
            ])
            .current_dir(root())
            .env("PATH", &path)
            // Whatever toolchain runs this is not the one that fuzzes.
            .env_remove("RUSTUP_TOOLCHAIN")
            .env_remove("CARGO");
        run_command(&mut command)?;
    }
    Ok(())
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
