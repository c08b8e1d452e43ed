//! Times, and what is read off them.

use std::time::Duration;

use anyhow::Context;

/// Measured times, sorted.
pub(crate) struct Times(Vec<Duration>);

impl Times {
    pub(crate) fn new(mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        Self(times)
    }

    pub(crate) fn median(&self) -> Duration {
        self.at(50)
    }

    pub(crate) fn p99(&self) -> Duration {
        self.at(99)
    }

    fn at(&self, percent: usize) -> Duration {
        let at = self.0.len() * percent / 100;
        self.0.get(at).copied().unwrap_or_default()
    }
}

/// Returns the private memory of a process, in KiB.
pub(crate) fn private_memory(pid: &str) -> anyhow::Result<u64> {
    let rollup = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup"))?;
    let private = rollup.lines().filter(|line| line.starts_with("Private_"));
    let numbers = private.filter_map(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok());
    let sum = numbers.sum();
    Some(sum)
        .filter(|sum| *sum > 0)
        .context("no figure of its memory")
}
