//! The maps of the frames, and how they become bytes.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::frame::Violation;

/// The version of the protocol: another first number is another protocol.
pub(crate) const PROTOCOL: (u16, u16) = (1, 0);

/// The version of this library.
pub(crate) const LIBRARY: &str = env!("CARGO_PKG_VERSION");

/// Encodes a value as a MessagePack map by field name.
///
/// # Errors
///
/// Returns an error if the value cannot be encoded.
pub fn pack<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, PackError> {
    rmp_serde::to_vec_named(value).map_err(|error| PackError(error.to_string()))
}

/// Decodes what [`pack`] encoded.
///
/// # Errors
///
/// Returns an error if the bytes are not such a value.
pub fn unpack<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, PackError> {
    rmp_serde::from_slice(bytes).map_err(|error| PackError(error.to_string()))
}

/// The error of a value that cannot be packed or unpacked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct PackError(String);

/// Decodes the map of a frame.
pub(crate) fn read<T: DeserializeOwned>(meta: &[u8]) -> Result<T, Violation> {
    unpack(meta).map_err(|error| Violation::new(format!("a map that does not fit: {error}")))
}

/// To a new worker: who it is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Hello {
    pub(crate) protocol: (u16, u16),
    pub(crate) token: String,
    pub(crate) number: u32,
    pub(crate) heartbeat_ms: u64,
    pub(crate) max_payload: usize,
    pub(crate) stack_size: usize,
    pub(crate) measure_memory: bool,
    pub(crate) backtrace: bool,
    pub(crate) log_rate: u32,
    pub(crate) limits: Limits,
}

/// What a worker limits itself to.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Limits {
    pub(crate) memory_bytes: Option<u64>,
    pub(crate) nice: i32,
    pub(crate) cpus: Vec<usize>,
    pub(crate) oom_score: i32,
}

/// From a worker that can take work.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Ready {
    pub(crate) protocol: (u16, u16),
    pub(crate) library: String,
    pub(crate) init_us: u64,
}

/// From a worker that cannot take work.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct InitFailed {
    pub(crate) stage: String,
    pub(crate) problem: String,
}

/// A piece of work, as it is read; its parameters are the blob.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(crate) struct WorkMeta {
    pub(crate) name: String,
    pub(crate) remaining_ms: u64,
    pub(crate) cpu_ms: Option<u64>,
    #[serde(with = "serde_bytes")]
    pub(crate) detail: Vec<u8>,
}

/// A piece of work, as it is written.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct WorkMetaRef<'a> {
    pub(crate) name: &'a str,
    pub(crate) remaining_ms: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cpu_ms: Option<u64>,
    #[serde(with = "serde_bytes")]
    pub(crate) detail: &'a [u8],
}

/// The answer to a request; the answer itself is the blob.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct ReplyMeta {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<String>,
}

/// The end of a piece of work; its result is the blob.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct DoneMeta {
    pub(crate) wall_us: u64,
    pub(crate) cpu_us: u64,
    pub(crate) memory: u64,
}

/// The failure of a piece of work; what the body says of it is the blob.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct FailedMeta {
    pub(crate) message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) panic: Option<PanicMeta>,
    pub(crate) usage: DoneMeta,
}

/// Where and how something panicked.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct PanicMeta {
    pub(crate) location: String,
    pub(crate) thread: String,
    pub(crate) backtrace: String,
}

/// A sign of life.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct HeartbeatMeta {
    pub(crate) memory: u64,
    pub(crate) logs_dropped: u64,
}
