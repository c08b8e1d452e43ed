//! The decoder: bytes in as they come, whole frames out.

use super::{Frame, HEADER_BYTES, Header, Kind, MAX_META_BYTES, Violation};

/// Turns a stream of bytes into frames.
///
/// Small frames are cut out of one buffer; a large blob is read straight into its own allocation,
/// made only after its length was checked.
#[derive(Debug)]
pub(crate) struct Decoder {
    max_blob: usize,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    large: Option<Large>,
}

/// A frame whose blob is still coming.
#[derive(Debug)]
struct Large {
    kind: Option<Kind>,
    about: u32,
    meta: Vec<u8>,
    blob: Vec<u8>,
    filled: usize,
}

/// Blobs up to this are copied out of the buffer.
const SMALL_BLOB: usize = 32 * 1024;

/// Room for any frame with a small blob.
const BUFFER_BYTES: usize = HEADER_BYTES + MAX_META_BYTES + SMALL_BLOB;

impl Decoder {
    /// Creates a decoder that refuses blobs over `max_blob`.
    pub(crate) fn new(max_blob: usize) -> Self {
        Self {
            max_blob,
            buffer: vec![0; BUFFER_BYTES],
            start: 0,
            end: 0,
            large: None,
        }
    }

    /// Returns where the next bytes go; never empty after [`Decoder::next`] returned `None`.
    pub(crate) fn space(&mut self) -> &mut [u8] {
        if let Some(large) = &mut self.large {
            return large.blob.get_mut(large.filled..).unwrap_or_default();
        }
        if self.start > 0 {
            self.buffer.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        self.buffer.get_mut(self.end..).unwrap_or_default()
    }

    /// Says that `count` bytes were written to the space.
    pub(crate) fn filled(&mut self, count: usize) {
        match &mut self.large {
            Some(large) => large.filled += count,
            None => self.end += count,
        }
    }

    /// Returns whether the stream may end here: between two frames.
    #[cfg(test)]
    pub(crate) fn is_between(&self) -> bool {
        self.large.is_none() && self.start == self.end
    }

    /// Takes the next whole frame; `None` if more bytes are needed first.
    pub(crate) fn next(&mut self) -> Result<Option<Frame>, Violation> {
        loop {
            if let Some(large) = self.large.take_if(|large| large.filled == large.blob.len()) {
                let Large {
                    kind,
                    about,
                    meta,
                    blob,
                    ..
                } = large;
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
            if self.large.is_some() || !self.begin()? {
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
        let small = header.blob_bytes <= SMALL_BLOB;
        let needed = header.meta_bytes + if small { header.blob_bytes } else { 0 };
        if rest.len() < needed {
            return Ok(false);
        }
        let (meta, rest) = rest.split_at(header.meta_bytes);
        let now = rest.len().min(header.blob_bytes);
        let meta = meta.to_vec();
        let mut blob = vec![0; header.blob_bytes];
        if let (Some(to), Some(from)) = (blob.get_mut(..now), rest.get(..now)) {
            to.copy_from_slice(from);
        }
        self.start += HEADER_BYTES + header.meta_bytes + now;
        self.large = Some(Large {
            kind: header.kind,
            about: header.about,
            meta,
            blob,
            filled: now,
        });
        Ok(true)
    }
}
