//! A buffer that refuses to grow over a limit, so that a huge value fails before it fills memory.

use std::io;

/// Collects bytes up to a limit.
#[derive(Debug)]
pub(super) struct LimitedBuffer {
    bytes: Vec<u8>,
    limit: usize,
    over: bool,
}

impl LimitedBuffer {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            bytes: Vec::with_capacity(INITIAL_CAPACITY),
            limit,
            over: false,
        }
    }

    /// Returns whether more than the limit was offered.
    pub(super) fn is_over(&self) -> bool {
        self.over
    }

    pub(super) fn into_inner(self) -> Vec<u8> {
        self.bytes
    }
}

impl io::Write for LimitedBuffer {
    fn write(&mut self, part: &[u8]) -> io::Result<usize> {
        if self.bytes.len() + part.len() > self.limit {
            self.over = true;
            return Err(io::Error::other("over the size limit"));
        }
        self.bytes.extend_from_slice(part);
        Ok(part.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Enough for most parameters without growing.
const INITIAL_CAPACITY: usize = 128;
