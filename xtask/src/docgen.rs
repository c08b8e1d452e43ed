//! `cargo xtask docgen`: fills the generated parts of the documentation.
//!
//! A part stands between `<!-- generated: NAME -->` and `<!-- end generated -->`. Besides, there are whole
//! files: `docs/BENCHMARKS.md` and its plots, and `docs/RELIABILITY.md`.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::Context;
use aqueduct_core::RunState;
use aqueduct_core::run::Transition;

use crate::shell::{cargo, read, root};
use crate::{bench, chaos};

/// The files that have generated parts.
const FILES: [&str; 2] = ["README.md", "docs/SEMANTICS.md"];

const BEGIN: &str = "<!-- generated: ";
const END: &str = "<!-- end generated -->";

/// Regenerates every part, or checks that none has changed.
pub(crate) fn run(check: bool) -> anyhow::Result<()> {
    for name in FILES {
        let path = root().join(name);
        let old = fs::read_to_string(&path).with_context(|| format!("{name} cannot be read"))?;
        let new = fill(&old).with_context(|| format!("in {name}"))?;
        if old == new {
            continue;
        }
        anyhow::ensure!(!check, "{name} is out of date: run `cargo xtask docgen`");
        fs::write(&path, new)?;
        println!("{name}: regenerated");
    }
    for (path, new) in bench::docs::made()? {
        whole(&path, &new, check)?;
    }
    let reliability = chaos::docs::page()?;
    whole(Path::new("docs/RELIABILITY.md"), &reliability, check)?;
    Ok(())
}

/// Writes a file that is made as a whole, or checks that it is up to date.
fn whole(path: &Path, new: &str, check: bool) -> anyhow::Result<()> {
    let name = path.display();
    let path = root().join(path);
    if fs::read_to_string(&path).is_ok_and(|old| old == new) {
        return Ok(());
    }
    anyhow::ensure!(!check, "{name} is out of date: run `cargo xtask docgen`");
    fs::write(&path, new)?;
    println!("{name}: regenerated");
    Ok(())
}

fn fill(text: &str) -> anyhow::Result<String> {
    let mut filled = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(BEGIN) {
        let (name, after) = after
            .split_once(" -->\n")
            .context("a marker is not closed")?;
        let (_, after) = after
            .split_once(END)
            .with_context(|| format!("`{name}` has no end"))?;
        write!(
            filled,
            "{before}{BEGIN}{name} -->\n{}{END}",
            generate(name)?
        )?;
        rest = after;
    }
    filled.push_str(rest);
    Ok(filled)
}

fn generate(name: &str) -> anyhow::Result<String> {
    match name {
        "state-diagram" => Ok(state_diagram()),
        "dependencies" => dependencies(),
        "hello" => hello(),
        _ => anyhow::bail!("nothing generates `{name}`"),
    }
}

/// The first program, as it is compiled.
fn hello() -> anyhow::Result<String> {
    let program = fs::read_to_string(root().join("crates/aqueduct/examples/hello.rs"))?;
    let lines = program.lines().skip_while(|line| line.starts_with("//!"));
    let program: Vec<&str> = lines.collect();
    Ok(format!("```rust\n{}\n```\n", program.join("\n").trim()))
}

/// The transition table of `aqueduct_core::run`, as a diagram and as a table.
fn state_diagram() -> String {
    let mut edges = String::new();
    let mut rows = String::new();
    for from in RunState::ALL {
        let steps = Transition::ALL
            .into_iter()
            .filter_map(|step| Some((step, from.after(step)?)));
        for (step, to) in steps {
            // Writing into a string cannot fail.
            let _ = writeln!(edges, "  {from} --> {to} : {step}");
            let _ = writeln!(rows, "| {from} | {step} | {to} |");
        }
    }
    format!("```mermaid\nstateDiagram-v2\n{edges}```\n\n| from | by | to |\n|---|---|---|\n{rows}")
}

/// How many crates a user's build has with the default features.
fn dependencies() -> anyhow::Result<String> {
    let words = [
        "tree",
        "--package",
        "aqueduct",
        "--edges",
        "normal",
        "--prefix",
        "none",
    ];
    let tree =
        read(cargo(&words).args(["--format", "{p}", "--target", "x86_64-unknown-linux-gnu"]))?;
    let mut crates: Vec<&str> = tree
        .lines()
        .filter_map(|line| line.split(' ').next())
        .collect();
    crates.sort_unstable();
    crates.dedup();
    let ours = crates
        .iter()
        .filter(|name| name.starts_with("aqueduct"))
        .count();
    Ok(format!(
        "With the default features a build has {} crates from others, build-time ones included, and {ours} of ours.\n",
        crates.len() - ours
    ))
}
