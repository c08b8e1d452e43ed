//! A key: a short text that runs share.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{KeyError, KeyTemplate, MAX_KEY_BYTES};
use crate::payload::Payload;

/// A text of 1 to [`MAX_KEY_BYTES`] bytes that runs share: what must not run twice, for example.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Key(String);

/// The error of a key that is empty or too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a key must have 1 to {MAX_KEY_BYTES} bytes, this one has {length}")]
pub struct InvalidKey {
    length: usize,
}

impl Key {
    /// Creates a key.
    ///
    /// # Errors
    ///
    /// Returns an error if the text is empty or longer than [`MAX_KEY_BYTES`].
    pub fn new(text: impl Into<String>) -> Result<Self, InvalidKey> {
        let text = text.into();
        if text.is_empty() || text.len() > MAX_KEY_BYTES {
            return Err(InvalidKey { length: text.len() });
        }
        Ok(Self(text))
    }

    /// Makes the key of a template with the parameters of a run.
    ///
    /// # Errors
    ///
    /// Returns an error if the parameters make no key.
    pub fn rendered(template: &KeyTemplate, params: &Payload) -> Result<Self, KeyError> {
        template.render(params).map(Self)
    }

    /// Returns the text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Key {
    type Error = InvalidKey;

    fn try_from(text: String) -> Result<Self, InvalidKey> {
        Self::new(text)
    }
}

impl From<Key> for String {
    fn from(key: Key) -> Self {
        key.0
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
