//! Child worker processes: spawned, fed over a pipe, limited, stopped and replaced.
//!
//! A program that computes starts itself again as *workers*. Each does one piece of work at a time, is
//! told to stop, terminated and killed if need be, and every way in which it can die has a name. Nothing
//! here knows what a task queue is: depend on `aqueduct` for that.
//!
//! The parent has a pool ([`Workers`]); the child has a [`Body`], and [`serve`]s it. Both are one binary
//! as a rule, so `main` begins with a look at [`entry`]:
//!
//! ```no_run
//! use aqueduct_cpu_pool::{Body, Failed, Link, Work};
//!
//! struct Square;
//!
//! impl Body for Square {
//!     fn names(&self) -> Vec<String> {
//!         vec!["square".to_owned()]
//!     }
//!
//!     fn prepare(&self) -> Result<(), String> {
//!         Ok(())
//!     }
//!
//!     fn run(&self, work: Work, _link: &Link) -> Result<Vec<u8>, Failed> {
//!         work.params.iter().map(|it| it.checked_mul(*it).ok_or_else(|| Failed::new("too large"))).collect()
//!     }
//! }
//!
//! fn main() -> std::io::Result<()> {
//!     if let Some(entry) = aqueduct_cpu_pool::entry()? {
//!         aqueduct_cpu_pool::serve(entry, Square);
//!     }
//!     // … the program itself: start a runtime, make a pool, run work in it.
//!     Ok(())
//! }
//! ```
//!
//! Processes are for Linux so far; [`ThreadPool`] has the same interface everywhere, but cannot kill.

mod body;
mod budget;
mod config;
mod death;
mod marker;
mod message;
mod metrics;
mod printed;
mod profile;
mod program;
mod rate;
mod relay;
mod thread;
mod work;
mod workers;

#[cfg(target_os = "linux")]
mod breaker;
#[cfg(target_os = "linux")]
mod child;
#[cfg(target_os = "linux")]
mod frame;
#[cfg(target_os = "linux")]
mod ladder;
#[cfg(target_os = "linux")]
mod process;
#[cfg(target_os = "linux")]
mod recycle;
#[cfg(all(target_os = "linux", feature = "test-util"))]
#[doc(hidden)]
pub mod testing;

pub use body::{Body, Link, LinkError};
pub use budget::MemoryBudget;
#[cfg(target_os = "linux")]
pub use child::{Entry, entry, is_entry_open, is_worker_process, serve};
pub use config::{InvalidConfig, MAX_BLOB_BYTES, MAX_WORKERS, PoolConfig};
pub use death::{Death, signal_name};
pub use message::{PackError, pack, unpack};
pub use metrics::PoolMetrics;
pub use printed::printed;
#[cfg(target_os = "linux")]
pub use process::ProcessPool;
pub use profile::Profile;
pub use program::Program;
pub use relay::{Answering, NoRelay, Relay};
pub use thread::ThreadPool;
pub use work::{
    Ended, Failed, Force, LogLine, Panicked, Progress, StartError, Stop, StopReason, Usage, Work,
};
pub use workers::{Later, Order, Workers};
