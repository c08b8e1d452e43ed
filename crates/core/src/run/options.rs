//! What a run may ask for beyond the plain: a deadline, a kept result, uniqueness, a total time limit, a
//! trace, other runs.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize};

use crate::key::{KeyError, KeyTemplate, MAX_KEY_BYTES};
use crate::name::ScheduleName;
use crate::payload::Payload;
use crate::run::follow::{FollowedBy, Follows};
use crate::time::Timestamp;
use crate::trace::{TraceContext, TraceParent, TraceState};

/// What a run asks for beyond the plain; a plain run carries none of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct RunOptions {
    /// The run expires if it has not started by then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deadline: Option<Timestamp>,
    /// How long the finished run and its result are kept; `None` keeps nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keep_result: Option<Duration>,
    /// At most one run with this key is unfinished at a time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unique: Option<UniqueKey>,
    /// How long after its acceptance the run as a whole must have ended: all attempts, and the waits
    /// between them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total_timeout: Option<Duration>,
    /// The schedule that has fired the run, if that looks whether its runs overlap.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schedule: Option<ScheduleName>,
    /// The W3C trace parent of whoever queued the run. One that is not in order is read as none.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "if_valid")]
    pub trace_parent: Option<TraceParent>,
    /// The W3C trace state that belongs to it.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "if_valid")]
    pub trace_state: Option<TraceState>,
    /// The follow-up that waits for the end of this run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub followed_by: Option<FollowedBy>,
    /// What this run waits for before it is queued.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub follows: Option<Follows>,
}

/// A key that at most one unfinished run may hold.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct UniqueKey(String);

/// The error of a key that is empty or too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a unique key must have 1 to {MAX_KEY_BYTES} bytes, this one has {length}")]
pub struct InvalidKey {
    length: usize,
}

impl RunOptions {
    /// Returns whether the run asks for nothing.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        *self == Self::default()
    }

    /// Returns the trace that the run belongs to, if there is one.
    #[must_use]
    pub fn trace(&self) -> Option<TraceContext> {
        let context = TraceContext::new(self.trace_parent?);
        Some(match &self.trace_state {
            Some(state) => context.with_state(state.clone()),
            None => context,
        })
    }

    /// Sets the trace that the run belongs to.
    pub fn set_trace(&mut self, trace: TraceContext) {
        self.trace_parent = Some(trace.parent);
        self.trace_state = trace.state;
    }
}

/// Reads a text, as nothing if it is not in order: a trace is no reason to refuse a run.
fn if_valid<'de, D: Deserializer<'de>, T: TryFromText>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    Ok(text.and_then(T::from_text))
}

/// What is read from a text that may not be in order.
trait TryFromText: Sized {
    fn from_text(text: String) -> Option<Self>;
}

impl TryFromText for TraceParent {
    fn from_text(text: String) -> Option<Self> {
        text.parse().ok()
    }
}

impl TryFromText for TraceState {
    fn from_text(text: String) -> Option<Self> {
        Self::new(text).ok()
    }
}

impl UniqueKey {
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

impl TryFrom<String> for UniqueKey {
    type Error = InvalidKey;

    fn try_from(text: String) -> Result<Self, InvalidKey> {
        Self::new(text)
    }
}

impl From<UniqueKey> for String {
    fn from(key: UniqueKey) -> Self {
        key.0
    }
}

impl fmt::Display for UniqueKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
