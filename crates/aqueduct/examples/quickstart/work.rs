//! The tasks.
//!
//! One part of a file is under way at a time: what is read is analysed before more is read.

use std::path::PathBuf;

use aqueduct::serde::{Deserialize, Serialize};
use aqueduct::{State, TaskContext, TaskError, TaskList, cpu_task, task, tasks};

use crate::analysis::{Analysis, Carry};
use crate::board::Board;
use crate::source::{self, Part};
use crate::{output, progress};

/// A place in a file: where a part begins.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(crate = "aqueduct::serde")]
pub(crate) struct Place {
    pub(crate) path: PathBuf,
    pub(crate) offset: u64,
    /// What the parts before left unfinished.
    pub(crate) carry: Carry,
}

impl Place {
    pub(crate) fn start_of(path: PathBuf) -> Self {
        Self {
            path,
            offset: 0,
            carry: Carry::default(),
        }
    }

    /// Returns the place where an analysed part ends, unless the file ends there as well.
    fn after(&self, part: &Analysis) -> Option<Self> {
        Some(Self {
            path: self.path.clone(),
            offset: self.offset + part.figures.bytes,
            carry: part.carry?,
        })
    }
}

/// All tasks: for the app, and for the worker processes.
pub(crate) fn all() -> TaskList {
    tasks![read_file, analyse, record, show_progress, report]
}

/// Reads the next part of a file, and queues its analysis.
#[task]
pub(crate) async fn read_file(ctx: TaskContext, place: Place) -> Result<(), TaskError> {
    match source::read_part(place.path.clone(), place.offset).await {
        Ok(part) => analyse::queue(&ctx, place, part).await?,
        Err(problem) => record::queue(&ctx, place, Err(problem)).await?,
    };
    Ok(())
}

/// Analyses a part of a file: the heavy calculation, in a worker process.
#[cpu_task]
pub(crate) fn analyse(ctx: TaskContext, place: Place, part: Part) -> Result<(), TaskError> {
    let analysis = Analysis::of(&part.text, place.carry, part.is_last);
    record::queue(&ctx, place, Ok(analysis)).blocking()?;
    Ok(())
}

/// Records a result, and queues what comes next.
///
/// A run may happen twice: recording twice changes nothing, and so does all that follows.
#[task]
pub(crate) async fn record(
    ctx: TaskContext,
    board: State<Board>,
    place: Place,
    result: Result<Analysis, String>,
) -> Result<(), TaskError> {
    let next = result.as_ref().ok().and_then(|part| place.after(part));
    board.record(&place, result);
    if let Some(next) = next {
        read_file::queue(&ctx, next).await?;
    } else if board.is_complete() {
        report::queue(&ctx).await?;
    }
    Ok(())
}

/// Shows how far the work is.
#[task(schedule = every("200ms"))]
pub(crate) async fn show_progress(board: State<Board>) {
    board.show_progress();
}

/// Writes and prints the table, and ends the work; a second run finds that it has ended.
#[task]
pub(crate) async fn report(board: State<Board>) {
    if board.has_ended() {
        return;
    }
    board.clear_progress();
    let rows = board.rows();
    let written = board
        .output()
        .map_or(Ok(()), |file| output::write_file(file, &rows));
    let printed = output::print_table(&rows);
    for result in [&written, &printed] {
        if let Err(error) = result {
            progress::say_error(error);
        }
    }
    board.end(written.is_ok() && printed.is_ok());
}
