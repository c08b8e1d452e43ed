//! The decoder: bytes in as they come, whole frames out.

use super::{Frame, HEADER_BYTES, Header, Kind, MAX_META_BYTES, Violation};

/// Turns a stream of bytes into frames.
///
/// Heads are cut out of one buffer; a blob gets its own allocation, made only after its length was checked,
/// and what is missing of it is read straight into that.
#[derive(Debug)]
pub(crate) struct Decoder {
    max_blob: usize,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    begun: Option<Begun>,
}

/// A frame whose blob is still coming.
#[derive(Debug)]
struct Begun {
    kind: Option<Kind>,
    about: u32,
    meta: Vec<u8>,
    blob: Vec<u8>,
    filled: usize,
}

/// Room for nearly all heads.
const BUFFER_BYTES: usize = 8 * 1024;

/// Room for any head.
const MAX_HEAD_BYTES: usize = HEADER_BYTES + MAX_META_BYTES;

impl Decoder {
    /// Creates a decoder that refuses blobs over `max_blob`.
    pub(crate) fn new(max_blob: usize) -> Self {
        Self {
            max_blob,
            buffer: vec![0; BUFFER_BYTES],
            start: 0,
            end: 0,
            begun: None,
        }
    }

    /// Refuses blobs over `max_blob` from now on.
    pub(crate) fn set_max_blob(&mut self, max_blob: usize) {
        self.max_blob = max_blob;
    }

    /// Returns where the next bytes go; never empty after [`Decoder::next`] returned `None`.
    pub(crate) fn space(&mut self) -> &mut [u8] {
        if let Some(begun) = &mut self.begun {
            return begun.blob.get_mut(begun.filled..).unwrap_or_default();
        }
        if self.start > 0 {
            self.buffer.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        if self.end == self.buffer.len() {
            self.buffer.resize(MAX_HEAD_BYTES, 0);
        }
        self.buffer.get_mut(self.end..).unwrap_or_default()
    }

    /// Says that `count` bytes were written to the space.
    pub(crate) fn filled(&mut self, count: usize) {
        match &mut self.begun {
            Some(begun) => begun.filled += count,
            None => self.end += count,
        }
    }

    /// Returns whether the stream may end here: between two frames.
    #[cfg(test)]
    pub(crate) fn is_between(&self) -> bool {
        self.begun.is_none() && self.start == self.end
    }

    /// Takes the next whole frame; `None` if more bytes are needed first.
    pub(crate) fn next(&mut self) -> Result<Option<Frame>, Violation> {
        loop {
            if let Some(begun) = self.begun.take_if(|begun| begun.filled == begun.blob.len()) {
                let Begun {
                    kind,
                    about,
                    meta,
                    blob,
                    ..
                } = begun;
                match kind {
                    Some(kind) => {
                        let frame = Frame {
                            kind,
                            about,
                            meta,
                            blob,
                        };
                        return Ok(Some(frame));
                    }
                    None => continue,
                }
            }
            if self.begun.is_some() || !self.begin()? {
                return Ok(None);
            }
        }
    }

    /// Begins the frame at the front of the buffer; false if its head is not there yet.
    fn begin(&mut self) -> Result<bool, Violation> {
        let Some(there) = self.buffer.get(self.start..self.end) else {
            return Ok(false);
        };
        let Some((head, rest)) = there.split_first_chunk::<HEADER_BYTES>() else {
            return Ok(false);
        };
        let header = Header::parse(head, self.max_blob)?;
        let Some((meta, rest)) = rest.split_at_checked(header.meta_bytes) else {
            return Ok(false);
        };
        let now = rest.len().min(header.blob_bytes);
        let meta = meta.to_vec();
        let mut blob = vec![0; header.blob_bytes];
        if let (Some(to), Some(from)) = (blob.get_mut(..now), rest.get(..now)) {
            to.copy_from_slice(from);
        }
        self.start += HEADER_BYTES + header.meta_bytes + now;
        self.begun = Some(Begun {
            kind: header.kind,
            about: header.about,
            meta,
            blob,
            filled: now,
        });
        Ok(true)
    }
}
