//! The pipes to one worker: frames in both directions, neither waiting for the other.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, IoSlice};
use std::os::fd::OwnedFd;
use std::process::{ChildStdin, ChildStdout};
use std::sync::Arc;

use rustix::pipe::fcntl_setpipe_size;
use tokio::net::unix::pipe::Sender;

use super::descriptor::{Descriptor, Read, do_not_block};
use crate::frame::{Decoder, Frame, Kind, Violation, encode, is_copied};

/// The pipes to one worker.
#[derive(Debug)]
pub(super) struct Connection {
    input: Descriptor,
    output: Sender,
    decoder: Decoder,
    outgoing: VecDeque<Outgoing>,
    /// Whether the other end was closed before it took the first byte of a frame.
    is_refused: bool,
    preamble: Option<Box<Preamble>>,
}

/// What came from a worker.
#[derive(Debug)]
pub(super) enum Heard {
    /// A frame.
    Frame(Frame),
    /// What the program printed before it was a worker.
    Text(Vec<u8>),
    /// Nothing more will come.
    End,
}

/// A frame on its way out.
#[derive(Debug)]
struct Outgoing {
    head: Vec<u8>,
    blob: Option<Arc<Vec<u8>>>,
    written: usize,
}

/// Looks for the words that a worker begins with.
#[derive(Debug)]
struct Preamble {
    wanted: Vec<u8>,
    seen: Vec<u8>,
    space: [u8; TEXT_READ],
}

/// So much is read at once before the preamble.
const TEXT_READ: usize = 1024;

/// What is printed before the preamble is passed on in pieces of this length.
const TEXT_BYTES: usize = 16 * 1024;

impl Connection {
    pub(super) fn new(
        stdin: ChildStdin,
        stdout: ChildStdout,
        wanted: Vec<u8>,
        max_blob: usize,
        pipe_buffer: usize,
    ) -> io::Result<Self> {
        let output = OwnedFd::from(stdin);
        let input = OwnedFd::from(stdout);
        for fd in [&input, &output] {
            // Less is slower for large payloads, and nothing else.
            let _ = fcntl_setpipe_size(fd, pipe_buffer);
        }
        // A blocking child shares no flags with us: each end of a pipe has its own.
        do_not_block(&output)?;
        Ok(Self {
            input: Descriptor::watch_pipe(input)?,
            output: Sender::from_owned_fd(output)?,
            decoder: Decoder::new(max_blob),
            outgoing: VecDeque::new(),
            is_refused: false,
            preamble: Some(Box::new(Preamble::new(wanted))),
        })
    }

    /// Puts a frame on its way; [`Connection::next`] writes what does not fit into the pipe.
    ///
    /// Returns false if nobody can have read any of it: the other end was closed before.
    pub(super) fn send(&mut self, kind: Kind, about: u32, meta: &[u8], blob: Arc<Vec<u8>>) -> bool {
        let Some(head) = encode(kind, about, meta, &blob) else {
            return false;
        };
        self.outgoing.push_back(Outgoing {
            head,
            blob: (!is_copied(&blob)).then_some(blob),
            written: 0,
        });
        self.flush();
        !self.is_refused
    }

    /// Returns the next thing that the worker says; writes meanwhile.
    ///
    /// Cancel safe: nothing that was read or written is lost.
    pub(super) async fn next(&mut self) -> Result<Heard, Violation> {
        loop {
            if let Some(heard) = self.take()? {
                return Ok(heard);
            }
            let space = space(&mut self.preamble, &mut self.decoder);
            let read = tokio::select! {
                biased;
                read = self.input.read(space) => read,
                _ = self.output.writable(), if !self.outgoing.is_empty() => {
                    self.flush();
                    continue;
                }
            };
            if !self.filled(read) {
                return Ok(Heard::End);
            }
        }
    }

    /// Returns what can be had without waiting; `None` is a pipe without anything in it.
    pub(super) fn next_now(&mut self) -> Result<Option<Heard>, Violation> {
        loop {
            if let Some(heard) = self.take()? {
                return Ok(Some(heard));
            }
            let space = space(&mut self.preamble, &mut self.decoder);
            let read = self.input.read_now(space);
            if !self.filled(read) {
                return Ok(Some(Heard::End));
            }
            if read == Read::All(0) {
                return Ok(None);
            }
        }
    }

    /// Takes over what was read into the space; false at the end.
    fn filled(&mut self, read: Read) -> bool {
        let (Read::All(count) | Read::Some(count)) = read else {
            return false;
        };
        match &mut self.preamble {
            Some(preamble) => preamble.filled(count),
            None => self.decoder.filled(count),
        }
        true
    }

    /// Takes what a program has printed that was never a worker.
    pub(super) fn take_text_so_far(&mut self) -> Vec<u8> {
        let preamble = self.preamble.as_mut();
        preamble.map_or_else(Vec::new, |preamble| std::mem::take(&mut preamble.seen))
    }

    /// Takes a frame, or text, out of what was read.
    fn take(&mut self) -> Result<Option<Heard>, Violation> {
        if let Some(preamble) = &mut self.preamble {
            if let Some(text) = preamble.text() {
                return Ok(Some(Heard::Text(text)));
            }
            let Some(rest) = preamble.rest() else {
                return Ok(None);
            };
            self.preamble = None;
            self.begin_frames(&rest);
        }
        Ok(self.decoder.next()?.map(Heard::Frame))
    }

    /// What follows the preamble is frames.
    fn begin_frames(&mut self, rest: &[u8]) {
        let space = self.decoder.space();
        let count = rest.len().min(space.len());
        if let (Some(to), Some(from)) = (space.get_mut(..count), rest.get(..count)) {
            to.copy_from_slice(from);
        }
        self.decoder.filled(count);
    }

    /// Writes as much as the pipe takes; a pipe that nobody reads is noticed by its other end.
    fn flush(&mut self) {
        while let Some(frame) = self.outgoing.front_mut() {
            match frame.write(&self.output) {
                Ok(true) => drop(self.outgoing.pop_front()),
                Ok(false) => {}
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(_) => {
                    self.is_refused |= frame.written == 0;
                    self.outgoing.clear();
                }
            }
        }
    }
}

impl Outgoing {
    /// Writes some of the rest; returns whether that was all.
    fn write(&mut self, output: &Sender) -> io::Result<bool> {
        let head = self.head.get(self.written..).unwrap_or_default();
        let Some(blob) = &self.blob else {
            self.written += output.try_write(head)?;
            return Ok(self.written == self.head.len());
        };
        let done = self.written.saturating_sub(self.head.len());
        let rest = blob.get(done..).unwrap_or_default();
        self.written += output.try_write_vectored(&[IoSlice::new(head), IoSlice::new(rest)])?;
        Ok(self.written == self.head.len() + blob.len())
    }
}

/// Returns where the next bytes go.
fn space<'a>(preamble: &'a mut Option<Box<Preamble>>, decoder: &'a mut Decoder) -> &'a mut [u8] {
    match preamble {
        Some(preamble) => &mut preamble.space,
        None => decoder.space(),
    }
}

impl Preamble {
    fn new(wanted: Vec<u8>) -> Self {
        Self {
            wanted,
            seen: Vec::new(),
            space: [0; TEXT_READ],
        }
    }

    /// Says that `count` bytes were written to the space.
    fn filled(&mut self, count: usize) {
        self.seen
            .extend_from_slice(self.space.get(..count).unwrap_or_default());
    }

    /// Takes text that stands before the preamble for sure, once that is seen or there is much of it.
    fn text(&mut self) -> Option<Vec<u8>> {
        let sure = self.seen.len().saturating_sub(self.wanted.len());
        let sure = if sure < TEXT_BYTES { 0 } else { sure };
        let rest = self.seen.split_off(self.position().unwrap_or(sure));
        let text = std::mem::replace(&mut self.seen, rest);
        (!text.is_empty()).then_some(text)
    }

    /// Returns what stands behind the preamble, once that is there.
    fn rest(&mut self) -> Option<Vec<u8>> {
        let at = self.position()?;
        Some(self.seen.split_off(at + self.wanted.len()))
    }

    fn position(&self) -> Option<usize> {
        self.seen
            .windows(self.wanted.len())
            .position(|window| window == self.wanted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_before_the_preamble_is_told_apart() {
        let mut preamble = Preamble::new(b"<begin>".to_vec());
        let add = |preamble: &mut Preamble, bytes: &[u8]| {
            preamble.space[..bytes.len()].copy_from_slice(bytes);
            preamble.filled(bytes.len());
        };
        add(&mut preamble, b"running 1 test\n<beg");
        assert_eq!((preamble.text(), preamble.rest()), (None, None));
        add(&mut preamble, b"in>frames");
        let text = preamble.text();
        assert_eq!(text.as_deref(), Some(b"running 1 test\n".as_slice()));
        assert_eq!(preamble.text(), None);
        assert_eq!(preamble.rest().as_deref(), Some(b"frames".as_slice()));
    }
}
