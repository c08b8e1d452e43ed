//! Traces: the W3C trace context of a run, and the layer that continues it.
//!
//! A run carries the headers `traceparent` and `tracestate` of whoever queued it, through every attempt and
//! into worker processes; what a task queues inherits them. [`manual::layers`](crate::manual::layers) has
//! an example with a tracing system of one's own.

use aqueduct_core::layer::{AttemptLayer, EnqueueLayer, Next};
use aqueduct_core::manager::QueueError;
use aqueduct_core::task::TaskResult;
use aqueduct_core::{QueuedTask, TaskContext};
use tracing::{Instrument, info_span};

pub use aqueduct_core::trace::{
    InvalidTraceParent, InvalidTraceState, MAX_TRACE_STATE_BYTES, MAX_TRACE_STATE_MEMBERS, SpanId,
    TraceContext, TraceId, TraceParent, TraceState,
};

/// Gives every run a trace and every attempt a span in it, and names both in the log.
///
/// As an enqueue layer it begins a trace with each task that is queued outside of any. As a layer around
/// attempts it makes a span within the trace of the run, or within a new one, which what the task
/// queues is then a part of; the fields `trace_id` and `span_id` of a `tracing` span have it.
///
/// ```
/// use aqueduct::trace::Tracing;
/// use aqueduct::{App, Broker};
///
/// let app = App::new(Broker::memory()).layer(Tracing).enqueue_layer(Tracing);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "it has nothing to set")]
pub struct Tracing;

impl AttemptLayer for Tracing {
    async fn attempt(&self, context: TaskContext, next: Next<'_>) -> TaskResult {
        let trace = context.trace();
        let trace = trace.map_or_else(TraceContext::root, |trace| trace.child());
        let parent = trace.parent;
        let span =
            info_span!("attempt", trace_id = %parent.trace_id(), span_id = %parent.span_id());
        next.run(context.with_trace(trace)).instrument(span).await
    }
}

impl EnqueueLayer for Tracing {
    fn on_enqueue(
        &self,
        task: &mut QueuedTask,
        _parent: Option<&TaskContext>,
    ) -> Result<(), QueueError> {
        if task.trace().is_none() {
            task.options_mut().set_trace(TraceContext::root());
        }
        Ok(())
    }
}
