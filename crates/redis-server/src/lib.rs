//! Throw-away Redis servers for tests and measurements: started in a moment, gone when dropped.
//!
//! Not published. Only tests, benches and `xtask` depend on it. A server listens on a free port of the
//! loopback interface and on a Unix socket, keeps its files in a temporary folder, and ends with the
//! value, or with the process that made it, however that ends.

mod cluster;
mod command;
mod sentinel;
mod server;
mod watch;

pub use cluster::RedisCluster;
pub use sentinel::RedisSentinels;
pub use server::{RedisServer, ServerOptions};

use std::path::PathBuf;

/// What to do where there is no `redis-server`.
pub const HOW_TO_INSTALL: &str = "redis-server is not installed; as root: \
     apt-get update && apt-get install -y redis-server (or set AQUEDUCT_REDIS_SERVER to its path)";

/// Returns the `redis-server` of this machine: of `AQUEDUCT_REDIS_SERVER`, or of the search path.
#[must_use]
pub fn installed() -> Option<PathBuf> {
    if let Some(path) = std::env::var_os("AQUEDUCT_REDIS_SERVER") {
        return Some(PathBuf::from(path)).filter(|path| path.is_file());
    }
    let paths = std::env::var_os("PATH")?;
    std::env::split_paths(&paths)
        .map(|folder| folder.join("redis-server"))
        .find(|path| path.is_file())
}
