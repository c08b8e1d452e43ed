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
//! Each attempt runs in a `tracing` span with the run, the task and the attempt. How it ended is one
//! line of the log: an error if the run failed for good, a warning if it is tried again or cannot
//! start here, debug if all is well. Nothing is shown until the program installs a subscriber, for
//! instance with `tracing_subscriber::fmt().init()`. Figures of the
//! consumer are at [`RunningApp::metrics`](crate::RunningApp::metrics). Async observers, bounds and
//! metrics: see [`parts`](super::parts).
