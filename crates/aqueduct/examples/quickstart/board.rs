//! What is known so far: the application state that the tasks share.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use aqueduct::consumer::MetricsHandle;
use aqueduct::serde::{Deserialize, Serialize};
use tokio::sync::watch;

use crate::analysis::Analysis;
use crate::progress::Bar;

/// The results so far; cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Board(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    output: Option<PathBuf>,
    results: Mutex<Results>,
    ended: watch::Sender<Option<Result<(), String>>>,
    bar: Bar,
    metrics: OnceLock<MetricsHandle>,
}

#[derive(Debug)]
struct Results {
    files: BTreeMap<PathBuf, BTreeMap<usize, Part>>,
    complete: usize,
}

/// The result of one part of a file.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(crate = "aqueduct::serde")]
pub(crate) struct Part {
    pub(crate) path: PathBuf,
    pub(crate) index: usize,
    pub(crate) of: usize,
    pub(crate) result: Result<Analysis, String>,
}

/// A row of the table.
pub(crate) type Row = (PathBuf, Result<Analysis, String>);

/// How the job went.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Verdict {
    Complete,
    SomeFailed,
    Interrupted,
}

impl Verdict {
    pub(crate) fn exit_code(self) -> ExitCode {
        match self {
            Self::Complete => ExitCode::SUCCESS,
            Self::SomeFailed => ExitCode::from(1),
            Self::Interrupted => ExitCode::from(130),
        }
    }
}

impl Board {
    pub(crate) fn new(files: &[PathBuf], output: Option<PathBuf>) -> Self {
        let files: BTreeMap<_, _> = files
            .iter()
            .map(|path| (path.clone(), BTreeMap::new()))
            .collect();
        let bar = Bar::new(files.len());
        let results = Mutex::new(Results { files, complete: 0 });
        Self(Arc::new(Inner {
            output,
            results,
            ended: watch::Sender::new(None),
            bar,
            metrics: OnceLock::new(),
        }))
    }

    /// Shows from now on how many workers are busy.
    pub(crate) fn watch(&self, metrics: Option<&MetricsHandle>) {
        if let Some(metrics) = metrics {
            // Called once.
            let _ = self.0.metrics.set(metrics.clone());
        }
    }

    /// Records a part; returns whether it was the last one missing.
    pub(crate) fn record(&self, part: Part) -> bool {
        let mut results = self.results();
        let Some(parts) = results.files.get_mut(&part.path) else {
            return false;
        };
        let expected = part.of;
        let is_new = parts.insert(part.index, part).is_none();
        if !is_new || parts.len() < expected {
            return false;
        }
        results.complete += 1;
        results.complete == results.files.len()
    }

    /// Returns a row a file, in the order of the paths.
    pub(crate) fn rows(&self) -> Vec<Row> {
        let results = self.results();
        results
            .files
            .iter()
            .map(|(path, parts)| (path.clone(), total(parts.values())))
            .collect()
    }

    /// Waits for the report, and returns how the job went.
    pub(crate) async fn verdict(&self) -> anyhow::Result<Verdict> {
        let mut ended = self.0.ended.subscribe();
        ended.wait_for(Option::is_some).await?;
        if let Some(Err(problem)) = &*ended.borrow() {
            anyhow::bail!("{problem}");
        }
        let has_failure = self.rows().iter().any(|(_, result)| result.is_err());
        Ok(if has_failure {
            Verdict::SomeFailed
        } else {
            Verdict::Complete
        })
    }

    pub(crate) fn output(&self) -> Option<&Path> {
        self.0.output.as_deref()
    }

    /// Returns how far the work is, in words.
    pub(crate) fn progress(&self) -> String {
        let results = self.results();
        format!(
            "{} of {} files analysed",
            results.complete,
            results.files.len()
        )
    }

    pub(crate) fn show_progress(&self) {
        let complete = self.results().complete;
        if !self.has_ended() {
            let workers = self.0.metrics.get().and_then(MetricsHandle::cpu);
            self.0.bar.show(complete, workers.map_or(0, |it| it.busy));
        }
    }

    pub(crate) fn clear_progress(&self) {
        self.0.bar.clear();
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.0.ended.borrow().is_some()
    }

    /// Ends the job.
    pub(crate) fn end(&self, how: Result<(), String>) {
        self.0.ended.send_replace(Some(how));
    }

    fn results(&self) -> MutexGuard<'_, Results> {
        self.0
            .results
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

fn total<'a>(parts: impl Iterator<Item = &'a Part>) -> Result<Analysis, String> {
    parts
        .map(|part| part.result.clone())
        .try_fold(Analysis::default(), |sum, part| Ok(sum.and(part?)))
}
