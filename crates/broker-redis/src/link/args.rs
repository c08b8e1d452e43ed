//! The arguments of a command.

use bytes::Bytes;
use fred::types::Value;

/// The arguments of a command, in order.
#[derive(Debug, Default)]
pub(crate) struct Args(Vec<Value>);

impl Args {
    pub(crate) fn with_capacity(capacity: usize) -> Self {
        Self(Vec::with_capacity(capacity))
    }

    /// Adds bytes.
    pub(crate) fn bytes(&mut self, bytes: impl Into<Bytes>) -> &mut Self {
        self.0.push(Value::Bytes(bytes.into()));
        self
    }

    /// Adds a text.
    pub(crate) fn text(&mut self, text: &str) -> &mut Self {
        self.0.push(Value::from(text));
        self
    }

    /// Adds a text that lives as long as the program.
    pub(crate) fn word(&mut self, text: &'static str) -> &mut Self {
        self.0.push(Value::from_static_str(text));
        self
    }

    /// Adds a whole number.
    pub(crate) fn number(&mut self, number: u64) -> &mut Self {
        self.0.push(match i64::try_from(number) {
            Ok(number) => Value::Integer(number),
            Err(_) => Value::from(number.to_string()),
        });
        self
    }

    pub(super) fn into_values(self) -> Vec<Value> {
        self.0
    }
}
