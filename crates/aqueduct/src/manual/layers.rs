//! Code around each attempt, and before each enqueue; traces.
//!
//! # Around attempts
//!
//! A layer runs where the body of a task runs. It calls `next`, or says itself how the attempt ends.
//!
//! ```
//! use std::time::Duration;
//!
//! use aqueduct::layer::{AttemptLayer, Next};
//! use aqueduct::{App, Broker, TaskContext, TaskError, TaskResult, task, tasks};
//!
//! /// Says how long each attempt took.
//! struct Timing;
//!
//! impl AttemptLayer for Timing {
//!     async fn attempt(&self, context: TaskContext, next: Next<'_>) -> TaskResult {
//!         let task = context.run().task.clone();
//!         let before = context.remaining();
//!         let result = next.run(context.clone()).await;
//!         println!("{task} took {:?}", before - context.remaining());
//!         result
//!     }
//! }
//!
//! /// Lets nothing but `alert` run at night, and gives every attempt its tenant.
//! struct Rules;
//!
//! struct Tenant(&'static str);
//!
//! impl AttemptLayer for Rules {
//!     async fn attempt(&self, context: TaskContext, next: Next<'_>) -> TaskResult {
//!         if is_night() && next.definition().name().as_str() != "alert" {
//!             return Err(TaskError::snooze(Duration::from_secs(3600)));
//!         }
//!         next.run(context.with_state(Tenant("acme"))).await
//!     }
//! }
//! # fn is_night() -> bool { false }
//!
//! #[task]
//! async fn alert(ctx: TaskContext) -> String {
//!     let tenant = ctx.state::<Tenant>().map_or("nobody", |tenant| tenant.0);
//!     format!("alert for {tenant}")
//! }
//!
//! # tokio::runtime::Runtime::new().unwrap().block_on(async {
//! let app = App::new(Broker::memory()).tasks(tasks![alert]).layer(Timing).layer(Rules);
//! let manager = app.into_task_manager().unwrap();
//! assert_eq!(manager.run(alert::with()).await.unwrap(), "alert for acme");
//! # });
//! ```
//!
//! | | |
//! |---|---|
//! | order | the first that was added is outermost |
//! | without `next` | `Ok(None)` or `Ok(Some(value))` succeeds; [`TaskError`](crate::TaskError) fails, retries, snoozes, cancels |
//! | `next` called again | the task runs again, within the same attempt |
//! | time | counts against the time limit of the task |
//! | cancellation | the context that a layer makes hears of it as well |
//! | a panic | is a panic of the task: the attempt fails, the consumer goes on |
//! | drop | with the task, wherever it is |
//! | parameters that do not fit | an error of the kind `InvalidParams`, which sets the run aside if it is passed on |
//! | run inline | through the layers, too |
//!
//! An app without layers pays nothing for them; one with layers pays two allocations for an attempt, and
//! one for each layer.
//!
//! The body of a CPU task runs in a worker process, and its layers with it. The worker knows what its hook
//! is given, so put the layers around that list:
//!
//! ```no_run
//! use aqueduct::layer::Layers;
//! # use aqueduct::layer::{AttemptLayer, Next};
//! # use aqueduct::{TaskContext, TaskResult};
//! # struct Timing;
//! # impl AttemptLayer for Timing {
//! #     async fn attempt(&self, context: TaskContext, next: Next<'_>) -> TaskResult {
//! #         next.run(context).await
//! #     }
//! # }
//! use aqueduct::{App, Broker, TaskList, cpu_task, tasks};
//!
//! #[cpu_task]
//! fn crunch(number: u64) -> u64 {
//!     (1..=number).product()
//! }
//!
//! fn all() -> TaskList {
//!     Layers::new().with(Timing).around(tasks![crunch])
//! }
//!
//! #[aqueduct::main(tasks = all)]
//! async fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     App::new(Broker::memory()).tasks(all()).run_until_ctrl_c().await?; // and no `.layer(Timing)`
//!     Ok(())
//! }
//! ```
//!
//! A layer of [`App::layer`](crate::App::layer) alone is not around the CPU tasks that run in workers.
//!
//! # Before enqueues
//!
//! ```
//! use aqueduct::layer::EnqueueLayer;
//! use aqueduct::manager::{QueueError, QueueErrorKind};
//! use aqueduct::{App, Broker, Priority, QueuedTask, TaskContext, task, tasks};
//!
//! /// What tasks queue goes behind what people queue; nothing larger than 10 kB is queued at all.
//! struct Manners;
//!
//! impl EnqueueLayer for Manners {
//!     fn on_enqueue(
//!         &self,
//!         task: &mut QueuedTask,
//!         parent: Option<&TaskContext>,
//!     ) -> Result<(), QueueError> {
//!         if task.payload.len() > 10_000 {
//!             return Err(QueueError::new(QueueErrorKind::LimitExceeded, "too large for us"));
//!         }
//!         if parent.is_some() {
//!             task.priority = Priority::Low;
//!         }
//!         Ok(())
//!     }
//! }
//!
//! #[task]
//! async fn index(text: String) {}
//!
//! # tokio::runtime::Runtime::new().unwrap().block_on(async {
//! let app = App::new(Broker::memory()).tasks(tasks![index]).enqueue_layer(Manners);
//! let manager = app.into_task_manager().unwrap();
//! let refused = index::queue(&manager, "x".repeat(20_000)).await;
//! assert_eq!(refused.unwrap_err().to_string(), "too large for us");
//! # });
//! ```
//!
//! Layers are called in the order of their adding, on the thread of whoever queues: they must not block.
//! What tasks queue is seen as well, that of CPU tasks by the consumer. Of
//! [`queue_many`](crate::TaskManager::queue_many), a refused task keeps its batch of 512 from being
//! sent. A panic is the error of the call. Runs that a schedule fires are made by the broker: no
//! layer sees them.
//!
//! # Traces
//!
//! A run carries the W3C trace context of whoever queued it: `traceparent`, and `tracestate` up to 512
//! bytes. Each attempt has it, in worker processes too, and what a task queues inherits it. To set it from
//! the headers of an HTTP request:
//!
//! ```
//! use aqueduct::trace::TraceContext;
//! use aqueduct::{App, Broker, TaskContext, task, tasks};
//!
//! #[task]
//! async fn thumbnail(ctx: TaskContext, picture: u64) {
//!     assert!(ctx.trace().is_some());
//! }
//!
//! # tokio::runtime::Runtime::new()?.block_on(async {
//! # let (traceparent, tracestate) = ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", None);
//! let manager = App::new(Broker::memory()).tasks(tasks![thumbnail]).into_task_manager()?;
//! let trace = TraceContext::from_headers(traceparent, tracestate)?;
//! thumbnail::queue(&manager, 7).trace(trace).await?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The layer [`Tracing`](crate::trace::Tracing) begins traces, gives each attempt a span of its own, and
//! names both in the log. A tracing system of one's own is two layers: one that asks it for the trace of the
//! code that queues, one that opens a span with the trace of the run as its parent. With OpenTelemetry,
//! `Current` below is `Context::current().span().span_context()`.
//!
//! ```
//! use aqueduct::layer::{AttemptLayer, EnqueueLayer, Next};
//! use aqueduct::manager::QueueError;
//! use aqueduct::trace::TraceContext;
//! use aqueduct::{QueuedTask, TaskContext, TaskResult};
//!
//! /// Connects runs with the tracing system of this program.
//! struct Propagator;
//!
//! impl EnqueueLayer for Propagator {
//!     fn on_enqueue(
//!         &self,
//!         task: &mut QueuedTask,
//!         _parent: Option<&TaskContext>,
//!     ) -> Result<(), QueueError> {
//!         if let Some((traceparent, tracestate)) = Current::headers()
//!             && let Ok(trace) = TraceContext::from_headers(&traceparent, Some(&tracestate))
//!         {
//!             task.options_mut().set_trace(trace);
//!         }
//!         Ok(())
//!     }
//! }
//!
//! impl AttemptLayer for Propagator {
//!     async fn attempt(&self, context: TaskContext, next: Next<'_>) -> TaskResult {
//!         let span = Current::open_span(context.trace());
//!         span.instrument(next.run(context)).await
//!     }
//! }
//! # struct Current;
//! # impl Current {
//! #     fn headers() -> Option<(String, String)> { None }
//! #     fn open_span(_: Option<TraceContext>) -> Self { Self }
//! #     async fn instrument<T>(self, future: impl Future<Output = T>) -> T { future.await }
//! # }
//! ```
