//! Workers as processes: the parent's side.

mod actor;
mod alarm;
mod busy;
mod connection;
mod descriptor;
mod output;
mod pool;
mod shared;
mod spawner;
mod steps;
mod worker;

pub use pool::ProcessPool;
