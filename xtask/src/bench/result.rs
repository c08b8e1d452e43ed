//! What a measurement found, as the benchmarks write it and as it is kept in `docs/benchmarks`.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::{Deserialize, Serialize};

use super::machine::Machine;
use crate::shell::root;

/// The figures of one group, and where they were taken.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Group {
    pub(crate) machine: Machine,
    /// The state of the code.
    pub(crate) commit: String,
    /// How long it took.
    pub(crate) seconds: u64,
    pub(crate) rows: Vec<Row>,
}

/// One figure: a median, beside what there could be at most.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Row {
    pub(crate) what: String,
    pub(crate) unit: String,
    pub(crate) more_is_better: bool,
    pub(crate) median: f64,
    /// The widest difference, as a share of the median.
    pub(crate) spread: f64,
    pub(crate) values: Vec<f64>,
    pub(crate) limit: Option<Limit>,
    /// The median as a multiple of the limit's.
    pub(crate) ratio: Option<f64>,
    pub(crate) bar: Option<f64>,
    pub(crate) ratio_bar: Option<f64>,
    pub(crate) point: Option<Point>,
}

/// What the same machine does in the same run with nothing of ours in the way.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Limit {
    pub(crate) what: String,
    pub(crate) median: f64,
    pub(crate) spread: f64,
}

/// Where a figure is on a line of a plot.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Point {
    pub(crate) series: String,
    pub(crate) line: String,
    pub(crate) at: f64,
}

impl Row {
    /// Makes a cost beside another, with no spread: such as instructions.
    pub(crate) fn cost(what: &str, unit: &str, value: f64, limit: (&str, f64)) -> Self {
        let (of, limit) = limit;
        Self {
            what: what.to_owned(),
            unit: unit.to_owned(),
            more_is_better: false,
            median: value,
            spread: 0.0,
            values: vec![value],
            limit: Some(Limit {
                what: of.to_owned(),
                median: limit,
                spread: 0.0,
            }),
            ratio: (limit > 0.0).then(|| value / limit),
            bar: None,
            ratio_bar: None,
            point: None,
        }
    }

    /// Returns whether it is as good as it must be.
    pub(crate) fn holds(&self) -> bool {
        let holds = |value: f64, bar: f64| {
            if self.more_is_better {
                value >= bar
            } else {
                value <= bar
            }
        };
        let ratio = self.ratio.zip(self.ratio_bar);
        self.bar.is_none_or(|bar| holds(self.median, bar))
            && ratio.is_none_or(|(ratio, bar)| holds(ratio, bar))
    }
}

/// The folder of results that are kept.
pub(crate) fn kept() -> PathBuf {
    root().join("docs/benchmarks")
}

/// Reads the figures that a benchmark wrote.
pub(crate) fn rows(path: &Path) -> anyhow::Result<Vec<Row>> {
    let bytes = fs::read(path).context("the benchmark wrote no figures")?;
    Ok(serde_json::from_slice(&bytes)?)
}

/// Reads a group, if there are results of it.
pub(crate) fn read(folder: &Path, group: &str) -> anyhow::Result<Option<Group>> {
    let path = folder.join(format!("{group}.json"));
    if !path.exists() {
        return Ok(None);
    }
    let group = serde_json::from_slice(&fs::read(&path)?);
    group.with_context(|| format!("{} is no result", path.display()))
}

/// Writes a group.
pub(crate) fn write(folder: &Path, name: &str, group: &Group) -> anyhow::Result<()> {
    fs::create_dir_all(folder)?;
    let mut text = serde_json::to_string_pretty(group)?;
    text.push('\n');
    Ok(fs::write(folder.join(format!("{name}.json")), text)?)
}
