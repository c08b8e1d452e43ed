//! What a run may ask for beyond the plain: a deadline, a kept result, keys, a total time limit, limits that
//! it shares with others, turns, a trace, other runs.

use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize};

use super::fair::Fair;
use super::limit::{Limit, Limits};
use super::unique::{Idempotency, Unique};
use crate::name::ScheduleName;
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
    /// At most one run holds this key at a time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unique: Option<Unique>,
    /// Repetitions of this enqueue are known by this key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idempotency: Option<Idempotency>,
    /// What it shares with other runs: how many run at once, how many start in a time.
    #[serde(skip_serializing_if = "Limits::is_empty")]
    pub limits: Limits,
    /// How it takes turns with other runs of its queue, lane and priority.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fair: Option<Fair>,
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

impl RunOptions {
    /// Returns whether the run asks for nothing.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        *self == Self::default()
    }

    /// Returns the limits that the run shares with others.
    #[must_use]
    pub fn limits(&self) -> &[Limit] {
        self.limits.as_slice()
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
