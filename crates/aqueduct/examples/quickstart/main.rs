//! The main job: reads text files, analyses each, prints a table.
//!
//! `cargo run --release --example quickstart -- [--broker URL] [--output FILE] [PATH…]`
//!
//! Each part of a file is a chain of three tasks, `read_file` → `analyse` → `record`; the second runs in a
//! worker process, and the last queues the reading of the next part. `show_progress` fires every 200 ms,
//! and `report` runs last.

mod analysis;
mod args;
mod board;
mod names;
mod output;
mod progress;
mod source;
mod table;
mod tally;
mod walk;
mod work;

use std::process::ExitCode;

use anyhow::Context;
use aqueduct::{App, Broker, TaskManager};

use args::{Args, Request};
use board::{Board, Verdict};
use walk::Found;
use work::Place;

#[aqueduct::main(tasks = work::all)]
async fn main() -> ExitCode {
    match run().await {
        Ok(verdict) => verdict.exit_code(),
        Err(error) => {
            progress::say_error(&error);
            ExitCode::from(2)
        }
    }
}

async fn run() -> anyhow::Result<Verdict> {
    let args = match args::parse(std::env::args_os().skip(1))? {
        Request::Help => {
            output::print(args::HELP)?;
            return Ok(Verdict::Complete);
        }
        Request::Run(args) => args,
    };
    args.output.as_deref().map_or(Ok(()), output::check_file)?;
    let found = walk::text_files(&args.paths)?;
    let board = Board::new(&found, args.output.clone());
    let app = start(&args, board.clone()).await?;
    let verdict = tokio::select! {
        verdict = work_through(app.task_manager(), &board, found) => verdict?,
        signal = tokio::signal::ctrl_c() => signal.map(|()| Verdict::Interrupted)?,
    };
    app.stop().await.context("the app did not stop cleanly")?;
    if let Verdict::Interrupted = verdict {
        progress::say(&format!("\nstopped; {}", board.progress()));
    }
    Ok(verdict)
}

async fn start(args: &Args, board: Board) -> anyhow::Result<aqueduct::RunningApp> {
    let broker = Broker::from_url(&args.broker).await.context("no broker")?;
    let app = App::new(broker).tasks(work::all()).state(board.clone());
    let app = app.start().await?;
    board.watch(app.metrics());
    Ok(app)
}

/// Queues each file as soon as there is room for it, and waits for the report.
async fn work_through(
    manager: &TaskManager,
    board: &Board,
    found: Found,
) -> anyhow::Result<Verdict> {
    for (path, _) in found.into_iter().filter(|(_, result)| result.is_ok()) {
        board.admit().await?;
        work::read_file::queue(manager, Place::start_of(path)).await?;
    }
    board.verdict().await
}
