//! The error of encoding and decoding envelopes.

use std::error::Error;
use std::fmt;

/// Why bytes are not an envelope, or a run cannot become one.
#[derive(Debug)]
pub struct WireError {
    message: String,
    is_newer: bool,
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl WireError {
    fn new(message: String) -> Self {
        Self {
            message,
            is_newer: false,
            source: None,
        }
    }

    pub(super) fn malformed(what: &str, offset: usize) -> Self {
        Self::new(format!("not an envelope: {what} at byte {offset}"))
    }

    pub(super) fn too_large(length: usize) -> Self {
        Self::new(format!(
            "{length} bytes are over the limit of an envelope or of its part"
        ))
    }

    pub(super) fn newer(what: &str) -> Self {
        Self {
            is_newer: true,
            ..Self::new(format!("made by a newer release: {what}"))
        }
    }

    pub(super) fn unencodable(source: rmp_serde::encode::Error) -> Self {
        let message = "options or record cannot be encoded".to_owned();
        Self {
            message,
            is_newer: false,
            source: Some(Box::new(source)),
        }
    }

    pub(super) fn undecodable(
        what: &str,
        offset: usize,
        source: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> Self {
        Self {
            source: Some(source.into()),
            ..Self::malformed(what, offset)
        }
    }

    /// Returns whether a newer release may be able to read the envelope.
    #[must_use]
    pub fn is_newer(&self) -> bool {
        self.is_newer
    }
}

impl fmt::Display for WireError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for WireError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source
            .as_deref()
            .map(|source| source as &(dyn Error + 'static))
    }
}
