//! What tests of other packages need of this crate: its frames, as bytes.

use crate::frame::{Decoder, HEADER_BYTES, MAX_META_BYTES};

/// The largest blob that [`read_frames`] takes.
const MAX_BLOB: usize = 1 << 16;

/// A frame: kind, map and blob.
pub type Read = (u8, Vec<u8>, Vec<u8>);

/// Reads a stream in pieces of at most so many bytes; returns its frames.
///
/// # Errors
///
/// Returns what is wrong with the stream, where whoever reads it ends it.
///
/// # Panics
///
/// Panics if the decoder has no room for what it asks for, or passes a limit: a defect.
pub fn read_frames(stream: &[u8], piece: usize) -> Result<Vec<Read>, String> {
    let mut decoder = Decoder::new(MAX_BLOB);
    let mut frames = Vec::new();
    let mut rest = stream;
    loop {
        while let Some(frame) = decoder.next().map_err(|it| it.to_string())? {
            let is_small = frame.meta.len() <= MAX_META_BYTES && frame.blob.len() <= MAX_BLOB;
            assert!(is_small, "a limit is passed");
            frames.push((frame.kind as u8, frame.meta, frame.blob));
        }
        if rest.is_empty() {
            return Ok(frames);
        }
        let space = decoder.space();
        assert!(!space.is_empty(), "no room for the next bytes");
        let count = space.len().min(piece).min(rest.len());
        let (now, later) = rest.split_at(count);
        space.iter_mut().zip(now).for_each(|(to, from)| *to = *from);
        decoder.filled(count);
        rest = later;
    }
}

/// Writes a frame, whatever its kind.
#[must_use]
pub fn frame(kind: u8, about: u32, meta: &[u8], blob: &[u8]) -> Vec<u8> {
    let length = |bytes: &[u8]| u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_le_bytes();
    let mut bytes = Vec::with_capacity(HEADER_BYTES + meta.len() + blob.len());
    bytes.extend([0xA9, 0xDC, kind, 0]);
    bytes.extend(about.to_le_bytes());
    bytes.extend(length(meta));
    bytes.extend(length(blob));
    bytes.extend(meta);
    bytes.extend(blob);
    bytes
}
