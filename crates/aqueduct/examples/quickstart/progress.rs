//! What stderr is told: progress, as a bar on a terminal, plain lines otherwise.

use std::io::{IsTerminal, Write, stderr};
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::names::harmless;

/// Shows how many of a number of files are done.
#[derive(Debug)]
pub(crate) struct Bar {
    total: usize,
    is_terminal: bool,
    last_tenth: AtomicUsize,
}

const WIDTH: usize = 40;

impl Bar {
    pub(crate) fn new(total: usize) -> Self {
        let is_terminal = stderr().is_terminal();
        Self {
            total: total.max(1),
            is_terminal,
            last_tenth: AtomicUsize::new(0),
        }
    }

    /// Shows `done`, and how many workers are busy: redraws the bar, or prints a line when another tenth is done.
    pub(crate) fn show(&self, done: usize, busy: u64) {
        let total = self.total;
        if self.is_terminal {
            let filled = done * WIDTH / total;
            let bar = "#".repeat(filled);
            let bar = format!("\r[{bar:<WIDTH$}] {done}/{total} files, {busy} workers busy ");
            write(&bar);
            return;
        }
        let tenth = done * 10 / total;
        if self.last_tenth.fetch_max(tenth, Ordering::Relaxed) < tenth {
            write(&format!(
                "{done} of {total} files analysed, {busy} workers busy\n"
            ));
        }
    }

    /// Takes the bar off the terminal.
    pub(crate) fn clear(&self) {
        if self.is_terminal {
            write("\r\x1b[2K");
        }
    }
}

/// Says what went wrong.
pub(crate) fn say_error(error: &anyhow::Error) {
    write(&format!(
        "quickstart: {}\n",
        harmless(&format!("{error:#}"))
    ));
}

/// Says a line.
pub(crate) fn say(line: &str) {
    write(&format!("{line}\n"));
}

/// Nothing is lost if stderr is gone.
fn write(text: &str) {
    let mut stderr = stderr().lock();
    let _ = stderr
        .write_all(text.as_bytes())
        .and_then(|()| stderr.flush());
}
