//! `cargo xtask redis`: a throw-away server, and what installs `redis-server` where it is missing.

use std::io::Read;
use std::process::Command;

use anyhow::Context;
use aqueduct_redis_server::{HOW_TO_INSTALL, RedisServer, installed};

use crate::shell;

/// Starts a server, says its URL, and keeps it until the input ends or Ctrl-C.
pub(crate) fn run() -> anyhow::Result<()> {
    require()?;
    let server = RedisServer::start()?;
    println!(
        "{} (Unix socket: {})",
        server.url(),
        server.socket().display()
    );
    println!("it keeps nothing, and ends with Ctrl-C or the end of the input");
    // Only the end matters, not what is typed.
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
    Ok(())
}

/// Makes sure that there is a `redis-server`: installs it where that is possible, and says so.
pub(crate) fn require() -> anyhow::Result<()> {
    if installed().is_some() {
        return Ok(());
    }
    println!("redis-server is not installed: installing it with apt-get");
    let apt = |words: &[&str]| {
        let mut command = Command::new("apt-get");
        command.args(words).env("DEBIAN_FRONTEND", "noninteractive");
        shell::run(&mut command)
    };
    apt(&["update", "--quiet"])
        .and_then(|()| apt(&["install", "--quiet", "--yes", "redis-server"]))
        .context(HOW_TO_INSTALL)?;
    anyhow::ensure!(installed().is_some(), "{HOW_TO_INSTALL}");
    Ok(())
}
