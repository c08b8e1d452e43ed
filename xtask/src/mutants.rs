//! `cargo xtask mutants`: changes the pure parts one by one, and looks whether a test sees it.
//!
//! What no test sees is listed in `docs/MUTANTS.md`, with the reason, or gets a test.

use crate::shell::{cargo, root, run as run_command, tool};

/// Some files, and the tests that must see what is changed in them.
struct Group {
    name: &'static str,
    package: &'static str,
    files: &'static [&'static str],
    /// What `cargo test` gets beside the package: nothing else is built.
    tests: &'static [&'static str],
}

const GROUPS: [Group; 9] = [
    Group {
        name: "memory",
        package: "aqueduct-broker-memory",
        files: &[
            "crates/broker-memory/src/state/*.rs",
            "crates/broker-memory/src/state/limits/*.rs",
            "crates/broker-memory/src/state/limits/limiter/*.rs",
        ],
        tests: &["--lib", "--tests"],
    },
    Group {
        name: "run",
        package: "aqueduct-core",
        files: &["crates/core/src/run/*.rs"],
        tests: &["--test=runs", "--test=states"],
    },
    Group {
        name: "retry",
        package: "aqueduct-core",
        files: &["crates/core/src/retry/*.rs"],
        tests: &["--test=retries", "--test=bounds"],
    },
    Group {
        name: "payload",
        package: "aqueduct-core",
        files: &["crates/core/src/payload/*.rs"],
        tests: &["--test=payload", "--test=keys"],
    },
    Group {
        name: "schedule",
        package: "aqueduct-core",
        files: &["crates/core/src/schedule/*.rs"],
        tests: &["--lib", "--test=schedules", "--test=bounds"],
    },
    Group {
        name: "plan",
        package: "aqueduct-scheduler",
        files: &["crates/scheduler/src/{plan,missed,agenda}.rs"],
        tests: &["--lib"],
    },
    Group {
        name: "wire",
        package: "aqueduct-broker-api",
        files: &["crates/broker-api/src/wire/*.rs"],
        tests: &["--test=wire", "--test=wire_refusals", "--test=introduction"],
    },
    Group {
        name: "frames",
        package: "aqueduct-cpu-pool",
        files: &["crates/cpu-pool/src/{frame,ladder}/*.rs"],
        tests: &["--lib"],
    },
    Group {
        name: "pipes",
        package: "aqueduct-consumer",
        files: &["crates/consumer/src/cpu/wire/mod.rs"],
        tests: &["--lib"],
    },
];

/// Changes the files of these groups, or of all; further words, from the first with a dash on, are for cargo-mutants.
pub(crate) fn run(words: &[&str]) -> anyhow::Result<()> {
    let is_option = |word: &&str| word.starts_with('-');
    let names = words.iter().position(is_option).unwrap_or(words.len());
    let (names, options) = words.split_at(names);
    let known: Vec<&str> = GROUPS.iter().map(|group| group.name).collect();
    for name in names {
        let all = known.join(", ");
        anyhow::ensure!(known.contains(name), "no group is called {name}: {all}");
    }
    let path = tool("cargo-mutants")?;
    std::fs::create_dir_all(root().join("target/mutants"))?;
    let chosen = GROUPS
        .iter()
        .filter(|group| names.is_empty() || names.contains(&group.name));
    for group in chosen {
        println!("── {}", group.name);
        let output = format!("target/mutants/{}", group.name);
        let mut command = cargo(&["mutants", "--package", group.package, "--output", &output]);
        command.args(["--timeout-multiplier", "3", "--no-shuffle"]);
        // Bits are put together that are never both set: the same.
        command.args(["--exclude-re", r"replace \| with \^"]);
        for files in group.files {
            command.args(["--file", files]);
        }
        // Tests of the package alone: they are quick, and stand beside what they test.
        let tests = group.tests.iter();
        command.args(tests.map(|test| format!("--cargo-arg={test}")));
        command.args(options);
        run_command(command.env("PATH", &path))?;
    }
    Ok(())
}
