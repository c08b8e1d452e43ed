//! Events, spans, figures.
//!
//! An observer hears of each step of each run, on a thread of its own. It may be slow, panic or hang:
//! events for it are then dropped and counted, and no run notices.
//!
//! ```
//! use aqueduct::observe::{RunEvent, RunEventKind};
//! use aqueduct::{App, Broker};
//!
//! let app = App::new(Broker::memory()).observe(|event: RunEvent| {
//!     if let RunEventKind::Ended { state, took, .. } = event.kind {
//!         println!("{} {state} after {took:?}", event.task);
//!     }
//! });
//! ```
//!
//! Each attempt runs in a `tracing` span with the run, the task and the attempt. Figures of the
//! consumer are at [`RunningApp::metrics`](crate::RunningApp::metrics).
