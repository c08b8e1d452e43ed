//! What a whole run of the scenarios found, or a soak, as it is kept in `docs/benchmarks`.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use anyhow::Context;
use serde::{Deserialize, Serialize};

use crate::bench::machine::{self, Machine};
use crate::shell::root;

/// The file of the last whole run.
pub(crate) const CHAOS: &str = "chaos.json";

/// The file of the last soak of ten minutes or more.
pub(crate) const SOAK: &str = "soak.json";

/// What a whole run found, or a soak.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Results {
    pub(crate) machine: Machine,
    /// The state of the code.
    pub(crate) commit: String,
    pub(crate) seed: String,
    pub(crate) seconds: u64,
    /// By the name of the test.
    pub(crate) scenarios: BTreeMap<String, Scenario>,
}

/// What became of a scenario.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Scenario {
    pub(crate) passed: bool,
    pub(crate) figures: String,
}

impl Results {
    /// Begins with nothing, on this machine and in this state of the code.
    pub(crate) fn new(seed: &str, seconds: u64) -> Self {
        Self {
            machine: Machine::this(),
            commit: machine::commit(),
            seed: seed.to_owned(),
            seconds,
            scenarios: BTreeMap::new(),
        }
    }

    /// Keeps it for the documentation.
    pub(crate) fn keep(&self, file: &str) -> anyhow::Result<()> {
        let mut text = serde_json::to_string_pretty(self)?;
        text.push('\n');
        fs::create_dir_all(root().join("docs/benchmarks"))?;
        Ok(fs::write(path(file), text)?)
    }

    /// Returns what was kept last, if anything was.
    pub(crate) fn kept(file: &str) -> anyhow::Result<Option<Self>> {
        if !path(file).exists() {
            return Ok(None);
        }
        let results = serde_json::from_slice(&fs::read(path(file))?);
        results.with_context(|| format!("docs/benchmarks/{file} is no result"))
    }
}

fn path(file: &str) -> PathBuf {
    root().join("docs/benchmarks").join(file)
}
