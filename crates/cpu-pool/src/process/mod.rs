//! Workers as processes: the parent's side.

mod actor;
mod busy;
mod connection;
mod output;
mod pool;
mod shared;
mod spawner;
mod worker;

pub use pool::ProcessPool;
