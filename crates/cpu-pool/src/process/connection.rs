//! The pipes to one worker: frames in both directions, neither waiting for the other.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, IoSlice};
use std::os::fd::OwnedFd;
use std::process::{ChildStdin, ChildStdout};
use std::sync::Arc;

use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::pipe::fcntl_setpipe_size;
use tokio::net::unix::pipe::{Receiver, Sender};

use crate::frame::{Decoder, Frame, Kind, Violation, encode_head};

/// The pipes to one worker.
#[derive(Debug)]
pub(super) struct Connection {
    input: Receiver,
    output: Sender,
    decoder: Decoder,
    outgoing: VecDeque<Outgoing>,
    preamble: Option<Preamble>,
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

/// What one look at the pipe gave.
#[derive(Debug)]
enum Taken {
    /// Something whole.
    Heard(Heard),
    /// A piece of something.
    Piece,
    /// Nothing: wait.
    Nothing,
}

/// A frame on its way out.
#[derive(Debug)]
struct Outgoing {
    head: Vec<u8>,
    blob: Arc<Vec<u8>>,
    written: usize,
}

/// Looks for the words that a worker begins with.
#[derive(Debug)]
struct Preamble {
    wanted: Vec<u8>,
    seen: Vec<u8>,
}

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
        for fd in [&input, &output] {
            fcntl_setfl(fd, fcntl_getfl(fd)? | OFlags::NONBLOCK)?;
        }
        Ok(Self {
            input: Receiver::from_owned_fd(input)?,
            output: Sender::from_owned_fd(output)?,
            decoder: Decoder::new(max_blob),
            outgoing: VecDeque::new(),
            preamble: Some(Preamble {
                wanted,
                seen: Vec::new(),
            }),
        })
    }

    /// Puts a frame on its way; [`Connection::next`] writes what does not fit into the pipe.
    pub(super) fn send(&mut self, kind: Kind, about: u32, meta: &[u8], blob: Arc<Vec<u8>>) -> bool {
        let Some(head) = encode_head(kind, about, meta, blob.len()) else {
            return false;
        };
        self.outgoing.push_back(Outgoing {
            head,
            blob,
            written: 0,
        });
        self.flush();
        true
    }

    /// Returns the next thing that the worker says; writes meanwhile.
    ///
    /// Cancel safe: nothing that was read or written is lost.
    pub(super) async fn next(&mut self) -> Result<Heard, Violation> {
        loop {
            match self.take()? {
                Taken::Heard(heard) => return Ok(heard),
                Taken::Piece => continue,
                Taken::Nothing => {}
            }
            if self.outgoing.is_empty() {
                if self.input.readable().await.is_err() {
                    return Ok(Heard::End);
                }
                continue;
            }
            tokio::select! {
                readable = self.input.readable() => {
                    if readable.is_err() {
                        return Ok(Heard::End);
                    }
                }
                _ = self.output.writable() => self.flush(),
            }
        }
    }

    /// Returns what can be had without waiting; `None` is a pipe without anything in it.
    pub(super) fn next_now(&mut self) -> Result<Option<Heard>, Violation> {
        loop {
            match self.take()? {
                Taken::Heard(heard) => return Ok(Some(heard)),
                Taken::Piece => {}
                Taken::Nothing => return Ok(None),
            }
        }
    }

    /// Takes what a program has printed that was never a worker.
    pub(super) fn take_text_so_far(&mut self) -> Vec<u8> {
        let preamble = self.preamble.as_mut();
        preamble.map_or_else(Vec::new, |preamble| std::mem::take(&mut preamble.seen))
    }

    /// Takes a frame out of what is there, or reads once.
    fn take(&mut self) -> Result<Taken, Violation> {
        if self.preamble.is_some() {
            return Ok(self.take_text());
        }
        if let Some(frame) = self.decoder.next()? {
            return Ok(Taken::Heard(Heard::Frame(frame)));
        }
        match self.input.try_read(self.decoder.space()) {
            Ok(0) => Ok(Taken::Heard(Heard::End)),
            Ok(count) => {
                self.decoder.filled(count);
                Ok(Taken::Piece)
            }
            Err(error) => Ok(failed(&error)),
        }
    }

    /// Reads once, before the preamble is there.
    fn take_text(&mut self) -> Taken {
        let mut bytes = [0; 4096];
        match self.input.try_read(&mut bytes) {
            Ok(0) => Taken::Heard(Heard::End),
            Ok(count) => {
                let bytes = bytes.get(..count).unwrap_or_default();
                let text = self.preamble.as_mut().and_then(|it| it.take(bytes));
                self.after_preamble();
                text.map_or(Taken::Piece, |text| Taken::Heard(Heard::Text(text)))
            }
            Err(error) => failed(&error),
        }
    }

    /// Once the preamble is there, what follows it is frames.
    fn after_preamble(&mut self) {
        let Some(rest) = self.preamble.as_mut().and_then(Preamble::rest) else {
            return;
        };
        self.preamble = None;
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
            let head = frame.head.get(frame.written..).unwrap_or_default();
            let done = frame.written.saturating_sub(frame.head.len());
            let blob = frame.blob.get(done..).unwrap_or_default();
            match self
                .output
                .try_write_vectored(&[IoSlice::new(head), IoSlice::new(blob)])
            {
                Ok(count) => {
                    frame.written += count;
                    if frame.written == frame.head.len() + frame.blob.len() {
                        self.outgoing.pop_front();
                    }
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(_) => self.outgoing.clear(),
            }
        }
    }
}

/// A reset comes behind what was written before, and is an end like any other.
fn failed(error: &io::Error) -> Taken {
    match error.kind() {
        ErrorKind::WouldBlock => Taken::Nothing,
        ErrorKind::Interrupted => Taken::Piece,
        _ => Taken::Heard(Heard::End),
    }
}

impl Preamble {
    /// Takes bytes; returns text that stands before the preamble for sure.
    fn take(&mut self, bytes: &[u8]) -> Option<Vec<u8>> {
        self.seen.extend_from_slice(bytes);
        if let Some(at) = self.position() {
            let rest = self.seen.split_off(at);
            let text = std::mem::replace(&mut self.seen, rest);
            return (!text.is_empty()).then_some(text);
        }
        let sure = self.seen.len().saturating_sub(self.wanted.len());
        if sure < TEXT_BYTES {
            return None;
        }
        let rest = self.seen.split_off(sure);
        Some(std::mem::replace(&mut self.seen, rest))
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
        let mut preamble = Preamble {
            wanted: b"<begin>".to_vec(),
            seen: Vec::new(),
        };
        assert_eq!(preamble.take(b"running 1 test\n<beg"), None);
        assert_eq!(preamble.rest(), None);
        let text = preamble.take(b"in>frames");
        assert_eq!(text.as_deref(), Some(b"running 1 test\n".as_slice()));
        assert_eq!(preamble.rest().as_deref(), Some(b"frames".as_slice()));
    }
}
