//! The way into a worker: is this process one, and where are its pipes?

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{FileType, fstat};
use rustix::io::fcntl_dupfd_cloexec;
use rustix::process::getppid;
use rustix::stdio::{dup2_stdin, dup2_stdout};

use super::life;
use crate::marker::{Marker, VARIABLE, is_worker_name};

/// The pipes to the pool that started this process.
#[derive(Debug)]
pub struct Entry {
    pub(super) input: OwnedFd,
    pub(super) output: OwnedFd,
    pub(super) marker: Marker,
}

/// The first number of a descriptor that is ours: below are those that people expect to be free.
const FIRST_FD: i32 = 10;

/// Returns whether a pool has started this process as a worker.
#[must_use]
pub fn is_worker_process() -> bool {
    marker().is_some()
}

/// Returns whether [`entry`] would return the pipes to a pool: whether this process is a worker that does
/// not serve yet.
#[must_use]
pub fn is_entry_open() -> bool {
    is_worker_process() && has_pipes().unwrap_or(false)
}

/// Takes the pipes off standard input and output, if a pool has started this process as a worker.
///
/// Afterwards standard input is empty, and what is printed goes to the log of the parent. A second
/// call returns `None`.
///
/// # Errors
///
/// Returns an error if the descriptors cannot be moved.
pub fn entry() -> io::Result<Option<Entry>> {
    let Some(marker) = marker() else {
        return Ok(None);
    };
    if !has_pipes()? {
        return Ok(None);
    }
    let (stdin, stdout, stderr) = (io::stdin(), io::stdout(), io::stderr());
    let input = fcntl_dupfd_cloexec(&stdin, FIRST_FD)?;
    let output = fcntl_dupfd_cloexec(&stdout, FIRST_FD)?;
    dup2_stdin(File::open("/dev/null")?)?;
    dup2_stdout(&stderr)?;
    Ok(Some(Entry {
        input,
        output,
        marker,
    }))
}

/// Returns the marker, if it is meant for this process and not inherited by it.
///
/// A worker whose pool is gone ends here.
fn marker() -> Option<Marker> {
    let marker = Marker::parse(&std::env::var(VARIABLE).ok()?)?;
    let parent = getppid().map(|pid| pid.as_raw_nonzero().get().cast_unsigned());
    if parent == Some(marker.parent) {
        return Some(marker);
    }
    let name = std::env::args_os().next().unwrap_or_default();
    if is_worker_name(&name.to_string_lossy()) {
        life::end_group();
    }
    None
}

fn has_pipes() -> io::Result<bool> {
    Ok(is_pipe(io::stdin())? && is_pipe(io::stdout())?)
}

fn is_pipe(fd: impl AsFd) -> io::Result<bool> {
    let stat = fstat(fd)?;
    Ok(FileType::from_raw_mode(stat.st_mode) == FileType::Fifo)
}
