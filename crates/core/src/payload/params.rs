//! Parameters built by name, for queueing without the typed form.

use serde::Serialize;

use super::error::PayloadError;
use super::{MAX_PAYLOAD_BYTES, Payload};

/// Parameters by name, as the `params!` macro builds them.
///
/// ```
/// use aqueduct_core::payload::Params;
///
/// let params = Params::new().with("url", "https://example.org").with("depth", &3);
/// assert_eq!(params.into_payload()?.keys(), Some(vec!["url".into(), "depth".into()]));
/// # Ok::<(), aqueduct_core::payload::PayloadError>(())
/// ```
#[derive(Debug, Default)]
pub struct Params {
    entries: Vec<u8>,
    count: u32,
    error: Option<PayloadError>,
}

impl Params {
    /// Creates parameters without an entry.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a parameter; an error in its value is returned by [`Params::into_payload`].
    #[must_use]
    pub fn with<T: Serialize + ?Sized>(mut self, name: &str, value: &T) -> Self {
        if self.error.is_some() {
            return self;
        }
        match Payload::encode(name).and_then(|name| Ok((name, Payload::encode(value)?))) {
            Ok((name, value)) => {
                self.entries.extend_from_slice(name.as_bytes());
                self.entries.extend_from_slice(value.as_bytes());
                self.count += 1;
                if MAP_HEADER_BYTES + self.entries.len() > MAX_PAYLOAD_BYTES {
                    self.error = Some(PayloadError::too_large(MAX_PAYLOAD_BYTES));
                }
            }
            Err(error) => self.error = Some(error),
        }
        self
    }

    /// Returns the encoded map.
    ///
    /// # Errors
    ///
    /// Returns an error if a value cannot be encoded, or all of them are too large together.
    pub fn into_payload(self) -> Result<Payload, PayloadError> {
        if let Some(error) = self.error {
            return Err(error);
        }
        let mut bytes = Vec::with_capacity(self.entries.len() + MAP_HEADER_BYTES);
        bytes.push(MAP_32);
        bytes.extend_from_slice(&self.count.to_be_bytes());
        bytes.extend_from_slice(&self.entries);
        Payload::from_bytes(&bytes)
    }
}

impl From<()> for Params {
    /// Creates parameters without an entry.
    fn from((): ()) -> Self {
        Self::new()
    }
}

/// The MessagePack marker of a map with a 32-bit count.
const MAP_32: u8 = 0xdf;

/// The marker and the count.
const MAP_HEADER_BYTES: usize = 5;
