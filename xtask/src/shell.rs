//! Runs other programs, from the top of the repository.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::Context;

/// Returns the top of the repository.
pub(crate) fn root() -> PathBuf {
    let package = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    package.parent().map_or(package.clone(), PathBuf::from)
}

/// Prepares `cargo` with these words.
pub(crate) fn cargo(words: &[&str]) -> Command {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(words).current_dir(root());
    command
}

/// Runs a program to its end; its failure is an error.
pub(crate) fn run(command: &mut Command) -> anyhow::Result<()> {
    let shown = show(command);
    let status = command
        .status()
        .with_context(|| format!("`{shown}` cannot start"))?;
    anyhow::ensure!(status.success(), "`{shown}` failed ({status})");
    Ok(())
}

/// Runs a program to its end and returns what it printed.
pub(crate) fn read(command: &mut Command) -> anyhow::Result<String> {
    let shown = show(command);
    let output = command
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("`{shown}` cannot start"))?;
    anyhow::ensure!(
        output.status.success(),
        "`{shown}` failed ({})",
        output.status
    );
    Ok(String::from_utf8(output.stdout)?)
}

/// Returns whether `cargo <name>` is installed.
pub(crate) fn has_cargo_command(name: &str) -> bool {
    let mut command = cargo(&[name, "--version"]);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// Returns a search path on which a tool of cargo is; builds it below the build folder if it is not installed.
pub(crate) fn tool(name: &str) -> anyhow::Result<OsString> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    if has_cargo_command(name.strip_prefix("cargo-").unwrap_or(name)) {
        return Ok(path);
    }
    let target = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    let tools = target
        .unwrap_or_else(|| root().join("target"))
        .join("tools");
    if !tools.join("bin").join(name).exists() {
        println!(
            "{name} is not installed: building it into {}",
            tools.display()
        );
        run(cargo(&["install", "--locked", name, "--root"]).arg(&tools))?;
    }
    let paths = std::iter::once(tools.join("bin")).chain(std::env::split_paths(&path));
    Ok(std::env::join_paths(paths)?)
}

fn show(command: &Command) -> String {
    let words = command
        .get_args()
        .map(|word| word.to_string_lossy().into_owned());
    let program = command.get_program().to_string_lossy();
    let program = program.rsplit('/').next().unwrap_or_default().to_owned();
    std::iter::once(program)
        .chain(words)
        .collect::<Vec<_>>()
        .join(" ")
}
