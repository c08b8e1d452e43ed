//! The machine that is measured on, without its name.

use std::fs;
use std::process::Command;

use aqueduct_redis_server::installed;
use serde::{Deserialize, Serialize};

use crate::shell::{self, root};

/// What a reader needs to know of a machine to compare it with another.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub(crate) struct Machine {
    pub(crate) cores: usize,
    pub(crate) processor: String,
    /// In GiB.
    pub(crate) memory: u64,
    pub(crate) kernel: String,
    pub(crate) redis: String,
    pub(crate) rust: String,
}

impl Machine {
    /// Describes this machine.
    pub(crate) fn this() -> Self {
        let file = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let (cpuinfo, meminfo) = (file("/proc/cpuinfo"), file("/proc/meminfo"));
        let kib = field(&meminfo, "MemTotal").and_then(|it| it.split(' ').next()?.parse().ok());
        let kernel = file("/proc/sys/kernel/osrelease");
        let redis = installed().map(|program| said(Command::new(program).arg("--version")));
        let redis = redis.unwrap_or_default();
        let redis = redis.split(' ').find_map(|word| word.strip_prefix("v="));
        let rust = said(Command::new("rustc").arg("--version"));
        Self {
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            processor: field(&cpuinfo, "model name")
                .unwrap_or("unknown")
                .to_owned(),
            memory: kib.map_or(0, |kib: u64| kib.div_ceil(1 << 20)),
            // What stands behind the version is of whoever built it.
            kernel: kernel
                .trim()
                .split('-')
                .next()
                .unwrap_or_default()
                .to_owned(),
            redis: redis.unwrap_or("none").to_owned(),
            rust: rust.split(' ').nth(1).unwrap_or("unknown").to_owned(),
        }
    }

    /// Returns it as a sentence without its full stop.
    pub(crate) fn sentence(&self) -> String {
        let Self {
            cores,
            processor,
            memory,
            kernel,
            redis,
            rust,
        } = self;
        format!(
            "{cores} cores of {processor}, {memory} GiB, Linux {kernel}, Redis {redis}, Rust {rust}"
        )
    }
}

/// Returns the short hash of the state of the code, with a mark if it is not committed.
pub(crate) fn commit() -> String {
    let git = |words: &[&str]| said(Command::new("git").args(words).current_dir(root()));
    let hash = git(&["rev-parse", "--short=10", "HEAD"]);
    let changes = git(&[
        "status",
        "--porcelain",
        "--",
        "crates",
        "tests",
        "Cargo.lock",
    ]);
    let mark = if changes.trim().is_empty() {
        ""
    } else {
        " and changes"
    };
    format!("{}{mark}", hash.trim())
}

fn said(command: &mut Command) -> String {
    shell::read(command).unwrap_or_default()
}

fn field<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(':')?.1.trim())
}
