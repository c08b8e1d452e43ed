//! What a worker prints: lines, decoded as far as they can be, and its last words.

use std::collections::VecDeque;
use std::io;
use std::process::ChildStderr;
use std::time::Duration;

use super::descriptor::{Descriptor, Read};
use crate::death::{ALLOCATION_FAILED, STACK_OVERFLOW};
use crate::rate::Rate;

/// The standard error of one worker, which is its standard output too.
#[derive(Debug)]
pub(super) struct Output {
    pipe: Option<Descriptor>,
    lines: Lines,
    rate: Rate,
    dropped: u64,
    /// How many of them since the end of the last work.
    left_out: u64,
}

/// Cuts bytes into lines, and remembers the last ones.
#[derive(Debug, Default)]
struct Lines {
    unfinished: Vec<u8>,
    last: VecDeque<String>,
    /// A line that names a death, however much comes behind it.
    omen: Option<String>,
}

/// Longer lines are cut.
const MAX_LINE_BYTES: usize = 16 * 1024;

/// So many lines are remembered, for the report of a death.
const LAST_LINES: usize = 20;

/// Remembered lines are cut to this.
const LAST_LINE_BYTES: usize = 400;

/// What the standard library says before it aborts.
const OMENS: [&str; 2] = [STACK_OVERFLOW, ALLOCATION_FAILED];

/// How long output is awaited after the exit: a grandchild may hold the pipe.
const LEAK_TIME: Duration = Duration::from_millis(100);

impl Output {
    pub(super) fn new(stderr: ChildStderr, rate: u32) -> io::Result<Self> {
        Ok(Self {
            pipe: Some(Descriptor::watch_pipe(stderr.into())?),
            lines: Lines::default(),
            rate: Rate::new(rate),
            dropped: 0,
            left_out: 0,
        })
    }

    /// Waits until there is something to read; for ever at the end.
    ///
    /// Cancel safe: reads nothing.
    pub(super) async fn readable(&self) {
        match &self.pipe {
            Some(pipe) => pipe.readable().await,
            None => std::future::pending().await,
        }
    }

    /// Passes on what is there, at most a pipe full.
    pub(super) fn pass_on(&mut self, now: Duration, mut take: impl FnMut(&str)) {
        for _ in 0..MAX_READS {
            if !self.read_once(now, &mut take) {
                return;
            }
        }
    }

    /// Passes on what still comes after the exit, the last line without an end included.
    pub(super) async fn finish(&mut self, now: Duration, mut take: impl FnMut(&str)) {
        let rest = async {
            while self.pipe.is_some() {
                self.readable().await;
                self.pass_on(now, &mut take);
            }
        };
        // A pipe that somebody else holds is given up.
        let _ = tokio::time::timeout(LEAK_TIME, rest).await;
        if let Some(line) = self.lines.end() {
            take(&line);
        }
        self.tell_left_out(take);
    }

    /// Passes on what is there when a piece of work has ended, the last line without an end included.
    pub(super) fn end_of_work(&mut self, now: Duration, mut take: impl FnMut(&str)) {
        self.pass_on(now, &mut take);
        if let Some(line) = self.lines.end() {
            take(&line);
        }
        self.tell_left_out(take);
        // What the next piece of work dies of is not to be read out of this one.
        self.lines.omen = None;
        self.lines.last.clear();
    }

    /// Says once a piece of work how many lines are missing.
    fn tell_left_out(&mut self, mut take: impl FnMut(&str)) {
        let left_out = std::mem::take(&mut self.left_out);
        if left_out > 0 {
            take(&format!(
                "{left_out} lines were left out: it printed too many a second"
            ));
        }
    }

    /// Returns the last lines, after the one that names the death if there is one.
    pub(super) fn last_words(&self) -> Vec<String> {
        let Lines { omen, last, .. } = &self.lines;
        let omen = omen.iter().filter(|omen| !last.contains(omen));
        omen.chain(last).cloned().collect()
    }

    /// Returns how many lines were dropped since the last call.
    pub(super) fn take_dropped(&mut self) -> u64 {
        std::mem::take(&mut self.dropped)
    }

    /// Reads once; false if there is nothing more for now.
    fn read_once(&mut self, now: Duration, take: &mut impl FnMut(&str)) -> bool {
        let Some(pipe) = &self.pipe else {
            return false;
        };
        let mut bytes = [0; 8192];
        let read = pipe.read_if_ready(&mut bytes);
        let (Read::All(count) | Read::Some(count)) = read else {
            self.pipe = None;
            return false;
        };
        let bytes = bytes.get(..count).unwrap_or_default();
        let (rate, dropped, left_out) = (&mut self.rate, &mut self.dropped, &mut self.left_out);
        self.lines.add(bytes, |line| {
            if rate.allows(now) {
                take(line);
            } else {
                *dropped += 1;
                *left_out += 1;
            }
        });
        read != Read::All(0)
    }
}

/// So many reads before others have their turn.
const MAX_READS: usize = 16;

impl Lines {
    fn add(&mut self, bytes: &[u8], mut take: impl FnMut(&str)) {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.unfinished.extend_from_slice(piece);
            let is_whole = piece.ends_with(b"\n") || self.unfinished.len() >= MAX_LINE_BYTES;
            if is_whole && let Some(line) = self.end() {
                take(&line);
            }
        }
    }

    /// Ends the line that has begun.
    fn end(&mut self) -> Option<String> {
        let bytes = std::mem::take(&mut self.unfinished);
        let line = String::from_utf8_lossy(&bytes);
        let line = line.trim_end_matches(['\n', '\r']);
        if line.is_empty() {
            return None;
        }
        if self.last.len() == LAST_LINES {
            self.last.pop_front();
        }
        let end = line.floor_char_boundary(LAST_LINE_BYTES);
        let remembered = line.get(..end).unwrap_or_default().to_owned();
        if OMENS.iter().any(|omen| remembered.contains(omen)) {
            self.omen = Some(remembered.clone());
        }
        self.last.push_back(remembered);
        let end = line.floor_char_boundary(MAX_LINE_BYTES);
        Some(line.get(..end).unwrap_or_default().to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_cut_decoded_and_remembered() {
        let mut lines = Lines::default();
        let mut seen = Vec::new();
        lines.add(b"one\ntw", |line| seen.push(line.to_owned()));
        lines.add(b"o\r\n\n\xFF!\n", |line| seen.push(line.to_owned()));
        assert_eq!(seen, ["one", "two", "\u{FFFD}!"]);
        lines.add(&vec![b'x'; MAX_LINE_BYTES * 2], |line| {
            seen.push(line.to_owned());
        });
        assert_eq!(seen.last().map(String::len), Some(MAX_LINE_BYTES));
        for number in 0..100 {
            lines.add(format!("{number}\n").as_bytes(), |_| {});
        }
        assert_eq!(lines.last.len(), LAST_LINES);
        assert_eq!(lines.last.back().map(String::as_str), Some("99"));
    }
}
