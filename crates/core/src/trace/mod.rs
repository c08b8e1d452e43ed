//! Trace contexts: which trace a run belongs to, by the W3C recommendation "Trace Context".
//!
//! Nothing here records a trace. A layer reads the context of a run, or gives it one; what a task queues
//! inherits it.

mod parent;
mod state;

pub use parent::{InvalidTraceParent, SpanId, TraceId, TraceParent};
pub use state::{InvalidTraceState, MAX_TRACE_STATE_BYTES, MAX_TRACE_STATE_MEMBERS, TraceState};

/// Where in which trace something happens.
///
/// ```
/// use aqueduct_core::trace::TraceContext;
///
/// let header = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
/// let context = TraceContext::from_headers(header, Some("vendor=opaque"))?;
/// assert_eq!(context.parent.to_string(), header);
/// assert_eq!(context.child().parent.trace_id(), context.parent.trace_id());
/// # Ok::<(), aqueduct_core::trace::InvalidTraceParent>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TraceContext {
    /// The trace, and the span in it: the header `traceparent`.
    pub parent: TraceParent,
    /// What the vendors of tracing systems add: the header `tracestate`.
    pub state: Option<TraceState>,
}

impl TraceContext {
    /// Creates a context without a state.
    #[must_use]
    pub fn new(parent: TraceParent) -> Self {
        Self {
            parent,
            state: None,
        }
    }

    /// Creates the context of a new trace: its first span, sampled.
    #[must_use]
    pub fn root() -> Self {
        Self::new(TraceParent::root())
    }

    /// Adds what vendors of tracing systems add.
    #[must_use]
    pub fn with_state(mut self, state: TraceState) -> Self {
        self.state = Some(state);
        self
    }

    /// Reads the two headers; a `tracestate` that is not in order is left out, as the recommendation asks.
    ///
    /// # Errors
    ///
    /// Returns an error if the `traceparent` is not in order: then there is no context.
    pub fn from_headers(
        traceparent: &str,
        tracestate: Option<&str>,
    ) -> Result<Self, InvalidTraceParent> {
        let parent = traceparent.parse()?;
        let state = tracestate.and_then(|text| TraceState::new(text).ok());
        Ok(Self { parent, state })
    }

    /// Returns the context of a new span within this one.
    #[must_use]
    pub fn child(&self) -> Self {
        Self {
            parent: self.parent.child(),
            state: self.state.clone(),
        }
    }
}
