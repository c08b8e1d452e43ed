//! What is known so far: the application state that the tasks share.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use aqueduct::consumer::MetricsHandle;
use tokio::sync::{Semaphore, watch};

use crate::analysis::Analysis;
use crate::progress::Bar;
use crate::tally::{Counted, Tally};
use crate::walk::Found;
use crate::work::Place;

/// The most files that are under way at a time; it bounds the memory.
const MAX_OPEN_FILES: usize = 8;

/// The results so far; cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Board(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    output: Option<PathBuf>,
    results: Mutex<Results>,
    admission: Semaphore,
    ended: watch::Sender<Option<Verdict>>,
    bar: Bar,
    metrics: OnceLock<MetricsHandle>,
}

#[derive(Debug)]
struct Results {
    files: BTreeMap<PathBuf, Progress>,
    complete: usize,
}

#[derive(Debug)]
enum Progress {
    Open(Tally),
    Complete(Result<Counted, String>),
}

/// A row of the table.
pub(crate) type Row = (PathBuf, Result<Counted, String>);

/// How the work went.
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
    pub(crate) fn new(found: &Found, output: Option<PathBuf>) -> Self {
        let state = |result: &Result<(), String>| match result {
            Ok(()) => Progress::Open(Tally::new()),
            Err(problem) => Progress::Complete(Err(problem.clone())),
        };
        let files = found.iter().map(|(path, it)| (path.clone(), state(it)));
        let results = Results {
            files: files.collect(),
            complete: found.values().filter(|it| it.is_err()).count(),
        };
        Self(Arc::new(Inner {
            output,
            results: Mutex::new(results),
            admission: Semaphore::new(MAX_OPEN_FILES),
            ended: watch::Sender::new(None),
            bar: Bar::new(found.len()),
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

    /// Waits until one more file may be under way.
    pub(crate) async fn admit(&self) -> anyhow::Result<()> {
        self.0.admission.acquire().await?.forget();
        Ok(())
    }

    /// Records what is known of the part at a place, unless that is known already.
    pub(crate) fn record(&self, place: &Place, result: Result<Analysis, String>) {
        let mut results = self.results();
        let Some(file) = results.files.get_mut(&place.path) else {
            return;
        };
        let Progress::Open(tally) = file else {
            return;
        };
        if tally.offset() != place.offset {
            return;
        }
        let complete = match result {
            Ok(part) => {
                let is_last = part.carry.is_none();
                tally.add(part);
                is_last.then(|| Ok(tally.counted()))
            }
            Err(problem) => Some(Err(problem)),
        };
        if let Some(result) = complete {
            *file = Progress::Complete(result);
            results.complete += 1;
            self.0.admission.add_permits(1);
        }
    }

    /// Returns whether nothing is missing.
    pub(crate) fn is_complete(&self) -> bool {
        let results = self.results();
        results.complete == results.files.len()
    }

    /// Returns a row a file, in the order of the paths.
    pub(crate) fn rows(&self) -> Vec<Row> {
        let result = |file: &Progress| match file {
            Progress::Open(_) => Err("not complete".to_owned()),
            Progress::Complete(result) => result.clone(),
        };
        let results = self.results();
        let rows = results.files.iter();
        rows.map(|(path, file)| (path.clone(), result(file)))
            .collect()
    }

    /// Waits for the report, and returns how the work went.
    pub(crate) async fn verdict(&self) -> anyhow::Result<Verdict> {
        let mut ended = self.0.ended.subscribe();
        let verdict = *ended.wait_for(Option::is_some).await?;
        Ok(verdict.unwrap_or(Verdict::SomeFailed))
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

    /// Ends the work, after the report.
    pub(crate) fn end(&self, is_reported: bool) {
        let is_well = is_reported && self.rows().iter().all(|(_, result)| result.is_ok());
        let verdict = if is_well {
            Verdict::Complete
        } else {
            Verdict::SomeFailed
        };
        self.0.ended.send_replace(Some(verdict));
    }

    fn results(&self) -> MutexGuard<'_, Results> {
        self.0
            .results
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
