//! The tasks.

use std::path::PathBuf;

use aqueduct::{State, TaskContext, TaskError, TaskList, cpu_task, task, tasks};

use crate::analysis::{Analysis, parts};
use crate::board::{Board, Part};
use crate::output;

/// The largest file that is read.
const MAX_FILE_BYTES: u64 = 64 * 1024 * 1024;

/// The largest part of a file that one run analyses; parameters may have 1 MiB.
const MAX_PART_BYTES: usize = 256 * 1024;

/// All tasks: for the app, and for the worker processes.
pub(crate) fn all() -> TaskList {
    tasks![read_file, analyse, record, show_progress, report]
}

/// Reads a file and queues its analysis, part by part.
#[task]
pub(crate) async fn read_file(ctx: TaskContext, path: PathBuf) -> Result<(), TaskError> {
    let text = match read(&path).await {
        Ok(text) => text,
        Err(problem) => {
            let part = Part {
                path,
                index: 0,
                of: 1,
                result: Err(problem),
            };
            record::queue(&ctx, part).await?;
            return Ok(());
        }
    };
    let parts = parts(&text, MAX_PART_BYTES);
    for (index, part) in parts.iter().enumerate() {
        analyse::queue(&ctx, path.clone(), index, parts.len(), (*part).to_owned()).await?;
    }
    Ok(())
}

/// Analyses a part of a file: the heavy calculation, in a worker process.
#[cpu_task]
pub(crate) fn analyse(
    ctx: TaskContext,
    path: PathBuf,
    index: usize,
    of: usize,
    text: String,
) -> Result<(), TaskError> {
    let part = Part {
        path,
        index,
        of,
        result: Ok(Analysis::of(&text)),
    };
    record::queue(&ctx, part).blocking()?;
    Ok(())
}

/// Records a result; recording it twice changes nothing, since a run may happen twice.
#[task]
pub(crate) async fn record(
    ctx: TaskContext,
    board: State<Board>,
    part: Part,
) -> Result<(), TaskError> {
    if board.record(part) {
        report::queue(&ctx).await?;
    }
    Ok(())
}

/// Shows how far the work is.
#[task(schedule = every("200ms"))]
pub(crate) async fn show_progress(board: State<Board>) {
    board.show_progress();
}

/// Writes and prints the table, and ends the job; a second run finds that it has ended.
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
    let ended = written.and_then(|()| output::print_table(&rows));
    board.end(ended.map_err(|error| format!("the table cannot be written: {error}")));
}

async fn read(path: &PathBuf) -> Result<String, String> {
    let problem = |error: std::io::Error| error.to_string();
    let length = tokio::fs::metadata(path).await.map_err(problem)?.len();
    if length > MAX_FILE_BYTES {
        return Err(format!("{length} bytes; at most {MAX_FILE_BYTES} are read"));
    }
    let bytes = tokio::fs::read(path).await.map_err(problem)?;
    String::from_utf8(bytes).map_err(|error| {
        format!(
            "not UTF-8 text: first wrong byte at {}",
            error.utf8_error().valid_up_to()
        )
    })
}
