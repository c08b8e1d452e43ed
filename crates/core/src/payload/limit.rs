//! A buffer that refuses to grow over a limit, so that a huge value fails before it fills memory.

use std::cell::Cell;
use std::io;

thread_local! {
    /// The memory of the last buffer of this thread, for the next one.
    static SPARE: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// Collects bytes up to a limit.
#[derive(Debug)]
pub(super) struct LimitedBuffer {
    bytes: Vec<u8>,
    limit: usize,
    over: bool,
}

impl LimitedBuffer {
    pub(super) fn new(limit: usize) -> Self {
        // Encoding a value may encode another one: then that one finds no spare memory.
        let bytes = SPARE.try_with(Cell::take).unwrap_or_default();
        Self {
            bytes,
            limit,
            over: false,
        }
    }

    /// Returns whether more than the limit was offered.
    pub(super) fn is_over(&self) -> bool {
        self.over
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for LimitedBuffer {
    fn drop(&mut self) {
        if self.bytes.capacity() <= MAX_SPARE_BYTES {
            self.bytes.clear();
            let spare = std::mem::take(&mut self.bytes);
            // A thread that ends has no use for it.
            let _ = SPARE.try_with(|place| place.set(spare));
        }
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

/// The most memory that a thread keeps for the next buffer.
const MAX_SPARE_BYTES: usize = 16 * 1024;
