//! Computes a picture in worker processes and writes it as PGM; Ctrl-C ends it cleanly.
//!
//! `cargo run --release --example mandelbrot -- [FILE [WIDTH]]`
//!
//! Each run of `band` computes some rows, and queues `collect`, which runs here and keeps them. The last
//! one writes the picture, whole or not at all.
#![expect(
    clippy::print_stderr,
    reason = "a program speaks to the person who runs it"
)]

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::{Mutex, PoisonError};
use std::{fs, io};

use aqueduct::{App, Broker, State, TaskContext, TaskError, TaskList, cpu_task, task, tasks};
use tokio::sync::watch;

/// Rows of one run.
const BAND: u32 = 16;

/// A point is taken for one of the set after so many steps.
const MAX_STEPS: u16 = 2000;

/// The picture as far as it is there: application state of this process.
struct Picture {
    file: PathBuf,
    width: u32,
    bands: Mutex<BTreeMap<u32, Vec<u8>>>,
    done: watch::Sender<Option<Result<(), String>>>,
}

fn all() -> TaskList {
    tasks![band, collect]
}

/// Computes some rows: the heavy calculation, in a worker process.
#[cpu_task(timeout = "5m")]
fn band(ctx: TaskContext, first: u32, width: u32) -> Result<(), TaskError> {
    let mut pixels = Vec::new();
    for row in first..(first + BAND).min(width) {
        ctx.check_cancelled()?; // ends here when somebody stops the program
        pixels.extend((0..width).map(|column| shade(column, row, width)));
    }
    collect::queue(&ctx, first, pixels).blocking()?;
    Ok(())
}

/// Keeps some rows, and writes the picture when none is missing; keeping them twice changes nothing.
#[task]
async fn collect(picture: State<Picture>, first: u32, pixels: Vec<u8>) {
    let (there, all) = (picture.keep(first, pixels), picture.width.div_ceil(BAND));
    bar(there, all as usize);
    if there == all as usize {
        let written = picture.write().map_err(|error| error.to_string());
        picture.done.send_replace(Some(written));
    }
}

impl Picture {
    fn keep(&self, first: u32, pixels: Vec<u8>) -> usize {
        let mut bands = self.bands.lock().unwrap_or_else(PoisonError::into_inner);
        bands.insert(first, pixels);
        bands.len()
    }

    fn write(&self) -> io::Result<()> {
        let bands = self.bands.lock().unwrap_or_else(PoisonError::into_inner);
        let mut bytes = format!("P5\n{0} {0}\n255\n", self.width).into_bytes();
        bytes.extend(bands.values().flatten());
        let unfinished = self.file.with_extension("part");
        fs::write(&unfinished, bytes)?;
        fs::rename(&unfinished, &self.file)
    }
}

/// The brightness of one point.
fn shade(column: u32, row: u32, width: u32) -> u8 {
    let scale = 3.0 / f64::from(width);
    let (re, im) = (
        f64::from(column) * scale - 2.25,
        f64::from(row) * scale - 1.5,
    );
    let (mut x, mut y) = (0.0, 0.0);
    for step in 0..MAX_STEPS {
        if x * x + y * y > 4.0 {
            return u8::try_from(step % 256).unwrap_or(u8::MAX);
        }
        (x, y) = (x * x - y * y + re, 2.0 * x * y + im);
    }
    0
}

fn bar(done: usize, all: usize) {
    eprint!(
        "\r[{:<40}] {done}/{all} bands ",
        "#".repeat(done * 40 / all)
    );
}

#[aqueduct::main(tasks = all)]
async fn main() -> Result<ExitCode, Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let file = PathBuf::from(args.next().unwrap_or_else(|| "mandelbrot.pgm".to_owned()));
    let width: u32 = args.next().map_or(Ok(1200), |width| width.parse())?;
    if !(1..=20_000).contains(&width) {
        return Err("the width must be from 1 to 20000".into());
    }
    let (done, mut ended) = watch::channel(None);
    let picture = Picture {
        file: file.clone(),
        width,
        bands: Mutex::default(),
        done,
    };
    let app = App::new(Broker::memory()).tasks(all()).state(picture);
    let app = app.start().await?;
    let calls = (0..width)
        .step_by(BAND as usize)
        .map(|first| band::with(first, width));
    app.task_manager().queue_many(calls).await?;
    let written = tokio::select! {
        ended = ended.wait_for(Option::is_some) => ended?.clone(),
        signal = tokio::signal::ctrl_c() => signal.map(|()| None)?,
    };
    app.stop().await?;
    match written {
        Some(Ok(())) => {
            eprintln!("\n{} is written", file.display());
            Ok(ExitCode::SUCCESS)
        }
        Some(Err(problem)) => Err(problem.into()),
        None => {
            eprintln!("\nstopped; nothing is written");
            Ok(ExitCode::from(130))
        }
    }
}
