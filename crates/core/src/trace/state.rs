//! The header `tracestate`: what the vendors of tracing systems add to a trace parent.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The longest trace state, in bytes: as much as the W3C recommendation asks to carry on.
pub const MAX_TRACE_STATE_BYTES: usize = 512;

/// The most members of a trace state.
pub const MAX_TRACE_STATE_MEMBERS: usize = 32;

/// What vendors of tracing systems add to a trace parent: members `key=value`, which only they understand.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TraceState(Box<str>);

/// The error of a text that is not a trace state.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a trace state is up to {MAX_TRACE_STATE_MEMBERS} members `key=value` with commas between them, in \
     printable ASCII, at most {MAX_TRACE_STATE_BYTES} bytes"
)]
#[non_exhaustive]
pub struct InvalidTraceState;

impl TraceState {
    /// Creates a trace state.
    ///
    /// # Errors
    ///
    /// Returns an error if the text is empty, too long, or has too many members or one that is none.
    pub fn new(text: impl Into<String>) -> Result<Self, InvalidTraceState> {
        let text = text.into();
        let members = text.split(',').map(|it| it.trim_matches([' ', '\t']));
        let members = members.filter(|it| !it.is_empty());
        let (mut count, mut are_valid) = (0, true);
        for member in members {
            count += 1;
            are_valid &= is_member(member);
        }
        let is_short = text.len() <= MAX_TRACE_STATE_BYTES;
        if is_short && are_valid && (1..=MAX_TRACE_STATE_MEMBERS).contains(&count) {
            Ok(Self(text.into_boxed_str()))
        } else {
            Err(InvalidTraceState)
        }
    }

    /// Returns the text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn is_member(member: &str) -> bool {
    let is_key = |key: &str| !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_graphic());
    let is_value = |value: &str| value.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    member
        .split_once('=')
        .is_some_and(|(key, value)| is_key(key) && is_value(value))
}

impl TryFrom<String> for TraceState {
    type Error = InvalidTraceState;

    fn try_from(text: String) -> Result<Self, InvalidTraceState> {
        Self::new(text)
    }
}

impl From<TraceState> for String {
    fn from(state: TraceState) -> Self {
        state.0.into()
    }
}

impl fmt::Display for TraceState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
