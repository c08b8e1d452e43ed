//! Frames: what goes over the pipes between a pool and a worker. Pure.
//!
//! A frame is a header of 16 bytes, a small MessagePack map and an opaque blob:
//!
//! | offset | bytes | field |
//! |---|---|---|
//! | 0 | 2 | magic |
//! | 2 | 1 | kind |
//! | 3 | 1 | flags: bit 7 says that a reader that does not know the kind may skip the frame |
//! | 4 | 4 | what the frame belongs to: a piece of work, or a request |
//! | 8 | 4 | length of the map |
//! | 12 | 4 | length of the blob |
//!
//! Numbers are little-endian: both ends are one machine, and mostly one binary.

mod decoder;
#[cfg(test)]
mod tests;

pub(crate) use decoder::Decoder;

use std::fmt;

/// The length of a header.
pub(crate) const HEADER_BYTES: usize = 16;

/// The longest map.
pub(crate) const MAX_META_BYTES: usize = 64 * 1024;

/// The first two bytes of every frame.
const MAGIC: [u8; 2] = [0xA9, 0xDC];

/// The flag of a frame that may be skipped.
const MAY_SKIP: u8 = 0x80;

/// What a frame says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// To the worker: who it is, and its limits.
    Hello = 0x01,
    /// To the worker: do this.
    Work = 0x02,
    /// To the worker: end what you do.
    Stop = 0x03,
    /// To the worker: the answer to a request.
    Reply = 0x04,
    /// To the worker: finish, then leave.
    Drain = 0x06,
    /// From the worker: it can take work.
    Ready = 0x81,
    /// From the worker: it cannot, and leaves.
    InitFailed = 0x82,
    /// From the worker: how far the work is.
    Progress = 0x84,
    /// From the worker: it lives.
    Heartbeat = 0x85,
    /// From the worker: a line for the log.
    Log = 0x86,
    /// From the worker: something that only the parent can do.
    Request = 0x87,
    /// From the worker: the work is done.
    Done = 0x88,
    /// From the worker: the work has failed.
    Failed = 0x89,
    /// From the worker: it leaves, as announced.
    Goodbye = 0x8A,
}

/// The header of a frame, checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    /// `None` for a kind that is unknown here, and that may be skipped.
    pub(crate) kind: Option<Kind>,
    pub(crate) about: u32,
    pub(crate) meta_bytes: usize,
    pub(crate) blob_bytes: usize,
}

/// A whole frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) kind: Kind,
    pub(crate) about: u32,
    pub(crate) meta: Vec<u8>,
    pub(crate) blob: Vec<u8>,
}

/// Bytes that are no frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Violation {
    problem: String,
}

impl Kind {
    pub(crate) const ALL: [Self; 14] = [
        Self::Hello,
        Self::Work,
        Self::Stop,
        Self::Reply,
        Self::Drain,
        Self::Ready,
        Self::InitFailed,
        Self::Progress,
        Self::Heartbeat,
        Self::Log,
        Self::Request,
        Self::Done,
        Self::Failed,
        Self::Goodbye,
    ];

    fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| *kind as u8 == number)
    }
}

impl Header {
    /// Reads a header; both lengths are within bounds afterwards.
    pub(crate) fn parse(bytes: &[u8; HEADER_BYTES], max_blob: usize) -> Result<Self, Violation> {
        let [
            m0,
            m1,
            kind,
            flags,
            a0,
            a1,
            a2,
            a3,
            n0,
            n1,
            n2,
            n3,
            b0,
            b1,
            b2,
            b3,
        ] = *bytes;
        let violation = |problem: String| Err(Violation::at(&problem, bytes));
        if [m0, m1] != MAGIC {
            return violation("no frame begins here".to_owned());
        }
        let known = Kind::from_number(kind);
        if known.is_none() && flags & MAY_SKIP == 0 {
            return violation(format!("unknown kind {kind:#04x}"));
        }
        let meta_bytes = length([n0, n1, n2, n3]);
        let blob_bytes = length([b0, b1, b2, b3]);
        if meta_bytes > MAX_META_BYTES {
            return violation(format!(
                "a map of {meta_bytes} bytes; at most {MAX_META_BYTES}"
            ));
        }
        if blob_bytes > max_blob {
            return violation(format!("a blob of {blob_bytes} bytes; at most {max_blob}"));
        }
        Ok(Self {
            kind: known,
            about: u32::from_le_bytes([a0, a1, a2, a3]),
            meta_bytes,
            blob_bytes,
        })
    }
}

/// Encodes a frame, or everything of it but its blob if that is too large to be copied; `None` if a length
/// does not fit.
pub(crate) fn encode(kind: Kind, about: u32, meta: &[u8], blob: &[u8]) -> Option<Vec<u8>> {
    if meta.len() > MAX_META_BYTES {
        return None;
    }
    let copied = if is_copied(blob) { blob } else { &[] };
    let meta_bytes = u32::try_from(meta.len()).ok()?;
    let blob_bytes = u32::try_from(blob.len()).ok()?;
    let mut head = Vec::with_capacity(HEADER_BYTES + meta.len() + copied.len());
    head.extend_from_slice(&MAGIC);
    head.extend_from_slice(&[kind as u8, 0]);
    head.extend_from_slice(&about.to_le_bytes());
    head.extend_from_slice(&meta_bytes.to_le_bytes());
    head.extend_from_slice(&blob_bytes.to_le_bytes());
    head.extend_from_slice(meta);
    head.extend_from_slice(copied);
    Some(head)
}

/// Returns whether [`encode`] copies a blob: a small one costs less to copy than to write apart.
pub(crate) fn is_copied(blob: &[u8]) -> bool {
    blob.len() <= MAX_COPIED_BLOB
}

/// The largest blob that is copied behind its head.
const MAX_COPIED_BLOB: usize = 4 * 1024;

fn length(bytes: [u8; 4]) -> usize {
    usize::try_from(u32::from_le_bytes(bytes)).unwrap_or(usize::MAX)
}

impl Violation {
    pub(crate) fn new(problem: impl Into<String>) -> Self {
        Self {
            problem: problem.into(),
        }
    }

    /// Adds what stands there instead.
    fn at(problem: &str, bytes: &[u8]) -> Self {
        let shown: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        Self::new(format!("{problem} ({})", shown.join(" ")))
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.problem)
    }
}

impl std::error::Error for Violation {}
