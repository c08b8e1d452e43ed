//! Payloads: encoded parameters and results, checked before anything decodes them.

mod error;
mod limit;
mod params;
mod scalar;
mod shape;

pub use error::{PayloadError, PayloadErrorKind};
pub use params::Params;

use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use limit::LimitedBuffer;

/// The largest payload, in bytes; a broker or an application may allow less.
pub const MAX_PAYLOAD_BYTES: usize = 1024 * 1024;

/// How deep maps and arrays of a payload may be nested.
pub const MAX_PAYLOAD_DEPTH: usize = 64;

/// One encoded value: the parameters of a run, or its result.
///
/// The bytes are one complete MessagePack value, at most [`MAX_PAYLOAD_BYTES`] long and
/// [`MAX_PAYLOAD_DEPTH`] deep. Parameters are a map from parameter name to value. Cloning copies a
/// pointer.
///
/// ```
/// use aqueduct_core::Payload;
///
/// let payload = Payload::encode(&("a", 1_u8))?;
/// assert_eq!(payload.decode::<(String, u8)>()?, ("a".to_owned(), 1));
/// # Ok::<(), aqueduct_core::payload::PayloadError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Payload(
    /// The bytes; `None` stands for the empty map, which most runs without parameters have.
    Option<Arc<[u8]>>,
);

impl Payload {
    /// Returns the payload that holds nothing: an empty map.
    #[must_use]
    pub const fn empty() -> Self {
        Self(None)
    }

    /// Encodes a value; structs become maps by field name.
    ///
    /// # Errors
    ///
    /// Returns an error if the value cannot be encoded, is too large or too deeply nested.
    pub fn encode<T: Serialize + ?Sized>(value: &T) -> Result<Self, PayloadError> {
        let mut buffer = LimitedBuffer::new(MAX_PAYLOAD_BYTES);
        let mut serializer = rmp_serde::Serializer::new(&mut buffer).with_struct_map();
        let encoded = value.serialize(&mut serializer);
        if buffer.is_over() {
            return Err(PayloadError::too_large(MAX_PAYLOAD_BYTES));
        }
        encoded.map_err(|error| PayloadError::unencodable(&error))?;
        Self::from_bytes(buffer.bytes())
    }

    /// Takes bytes that came from elsewhere, after checking size, depth and completeness.
    ///
    /// # Errors
    ///
    /// Returns an error unless the bytes are exactly one MessagePack value within the limits.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, PayloadError> {
        check(bytes)?;
        Ok(Self((bytes != EMPTY).then(|| Arc::from(bytes))))
    }

    /// Takes the values of several runs in one: as [`from_bytes`](Self::from_bytes), but as much deeper
    /// as their list and their outcomes are.
    ///
    /// # Errors
    ///
    /// Returns an error unless the bytes are exactly one MessagePack value within the limits.
    pub fn gathered(bytes: &[u8]) -> Result<Self, PayloadError> {
        if bytes.len() > MAX_PAYLOAD_BYTES {
            return Err(PayloadError::too_large(MAX_PAYLOAD_BYTES));
        }
        shape::check(bytes, MAX_PAYLOAD_DEPTH + GATHERED_DEPTH)?;
        Ok(Self((bytes != EMPTY).then(|| Arc::from(bytes))))
    }

    /// Decodes the value.
    ///
    /// # Errors
    ///
    /// Returns an error that says where the value does not fit `T`.
    pub fn decode<T: DeserializeOwned>(&self) -> Result<T, PayloadError> {
        // Keeping track of the place costs time: only what does not fit is read a second time.
        T::deserialize(&mut self.decoder()).or_else(|_| {
            let located = serde_path_to_error::deserialize(&mut self.decoder());
            located.map_err(|error| PayloadError::mismatch(&error))
        })
    }

    fn decoder(&self) -> rmp_serde::Deserializer<rmp_serde::decode::ReadRefReader<'_, [u8]>> {
        let mut decoder = rmp_serde::Deserializer::from_read_ref(self.as_bytes());
        decoder.set_max_depth(DECODER_DEPTH);
        decoder
    }

    /// Returns the encoded bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_deref().unwrap_or(EMPTY)
    }

    /// Returns the length of the encoded value, in bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.as_bytes().len()
    }

    /// Returns whether the payload is the empty map.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// Returns whether the value is a map, as parameters must be.
    #[must_use]
    pub fn is_map(&self) -> bool {
        self.as_bytes()
            .first()
            .is_some_and(|marker| shape::is_map(*marker))
    }

    /// Returns the keys of the top-level map, if the value is a map with text keys.
    #[must_use]
    pub fn keys(&self) -> Option<Vec<String>> {
        shape::map_keys(self.as_bytes())
    }

    /// Returns as text the value at a path such as `order.customer`; an error says why there is none.
    pub(crate) fn text_at(&self, path: &str) -> Result<String, String> {
        scalar::text_at(self.as_bytes(), path)
    }
}

impl Default for Payload {
    fn default() -> Self {
        Self::empty()
    }
}

impl std::fmt::Debug for Payload {
    /// Shows the length only: parameters may hold secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Payload({} bytes)", self.len())
    }
}

/// Checks that `bytes` are one complete value within the limits.
fn check(bytes: &[u8]) -> Result<(), PayloadError> {
    if bytes.len() > MAX_PAYLOAD_BYTES {
        return Err(PayloadError::too_large(MAX_PAYLOAD_BYTES));
    }
    shape::check(bytes, MAX_PAYLOAD_DEPTH)
}

/// The levels of a list of outcomes around a value.
const GATHERED_DEPTH: usize = 2;

/// The MessagePack map without entries.
const EMPTY: &[u8] = &[0x80];

/// The decoder counts enum and newtype wrappers as levels too; `shape::check` is the real limit.
const DECODER_DEPTH: usize = MAX_PAYLOAD_DEPTH * 4;
