//! The main job: reads text files, analyses each, prints a table.
//!
//! `cargo run --release --example quickstart -- [--broker URL] [--output FILE] [PATH…]`
//!
//! Each file is a chain of three tasks, `read_file` → `analyse` → `record`; the second runs in worker
//! processes. `show_progress` fires every 200 ms, and `report` runs last.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program speaks to the person who runs it"
)]

mod analysis;
mod args;
mod board;
mod output;
mod progress;
mod walk;
mod work;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use aqueduct::{App, Broker, TaskManager};

use args::{Args, Request};
use board::{Board, Verdict};

#[aqueduct::main(tasks = work::all)]
async fn main() -> ExitCode {
    match run().await {
        Ok(verdict) => verdict.exit_code(),
        Err(error) => {
            eprintln!("quickstart: {error:#}");
            ExitCode::from(2)
        }
    }
}

async fn run() -> anyhow::Result<Verdict> {
    let args = match args::parse(std::env::args_os().skip(1))? {
        Request::Help => {
            print!("{}", args::HELP);
            return Ok(Verdict::Complete);
        }
        Request::Run(args) => args,
    };
    let files = walk::text_files(&args.paths)?;
    anyhow::ensure!(!files.is_empty(), "no text file in the given paths");
    let board = Board::new(&files, args.output.clone());
    let app = start(&args, board.clone()).await?;
    queue_all(app.task_manager(), files).await?;
    let verdict = tokio::select! {
        verdict = board.verdict() => verdict?,
        signal = tokio::signal::ctrl_c() => signal.map(|()| Verdict::Interrupted)?,
    };
    app.stop().await.context("the app did not stop cleanly")?;
    if let Verdict::Interrupted = verdict {
        eprintln!("\nstopped; {}", board.progress());
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

async fn queue_all(manager: &TaskManager, files: Vec<PathBuf>) -> anyhow::Result<()> {
    let calls = files.into_iter().map(work::read_file::with);
    manager.queue_many(calls).await?;
    Ok(())
}
