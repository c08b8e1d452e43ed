//! The reply to a command.

use bytes::Bytes;
use fred::types::Value;

use super::error::LinkError;

/// The reply to a command; reading it as something else than it is, is an error.
#[derive(Debug)]
pub(crate) struct Reply(Value);

impl From<Value> for Reply {
    fn from(value: Value) -> Self {
        Self(value)
    }
}

impl Reply {
    pub(crate) fn is_nil(&self) -> bool {
        self.0.is_null()
    }

    /// Reads a text as bytes.
    pub(crate) fn into_bytes(self) -> Result<Bytes, LinkError> {
        self.0
            .into_bytes()
            .ok_or_else(|| LinkError::unexpected("a text was expected"))
    }

    /// Reads a text.
    pub(crate) fn into_text(self) -> Result<String, LinkError> {
        let bytes = self.into_bytes()?;
        String::from_utf8(bytes.to_vec()).map_err(|_| LinkError::unexpected("a text is not UTF-8"))
    }

    /// Reads a whole number, or one that is written as a text; a negative one is an error.
    pub(crate) fn into_number(self) -> Result<u64, LinkError> {
        self.into_signed()?
            .try_into()
            .map_err(|_| LinkError::unexpected("a number is negative"))
    }

    /// Reads a whole number, or one that is written as a text.
    pub(crate) fn into_signed(self) -> Result<i64, LinkError> {
        self.0
            .as_i64()
            .ok_or_else(|| LinkError::unexpected("a number was expected"))
    }

    /// Reads a list; nothing is an empty one.
    pub(crate) fn into_list(self) -> Result<impl Iterator<Item = Self>, LinkError> {
        let values = match self.0 {
            Value::Array(values) => values,
            Value::Null => Vec::new(),
            _ => return Err(LinkError::unexpected("a list was expected")),
        };
        Ok(values.into_iter().map(Self))
    }
}
