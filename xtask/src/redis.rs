//! `cargo xtask redis`: throw-away servers, and what installs `redis-server` where it is missing.

use std::io::Read;
use std::process::Command;

use anyhow::Context;
use aqueduct_redis_server::{HOW_TO_INSTALL, RedisCluster, RedisSentinels, RedisServer, installed};

use crate::shell;

/// Starts servers, says their URL, and keeps them until the input ends or Ctrl-C.
pub(crate) fn run(kind: &str) -> anyhow::Result<()> {
    require()?;
    let servers = Servers::start(kind)?;
    println!("{}", servers.url());
    println!("nothing is kept; all ends with Ctrl-C or the end of the input");
    // Only the end matters, not what is typed.
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
    Ok(())
}

/// Throw-away servers of one kind.
pub(crate) enum Servers {
    One(RedisServer),
    Cluster(RedisCluster),
    Sentinels(RedisSentinels),
}

impl Servers {
    pub(crate) fn start(kind: &str) -> anyhow::Result<Self> {
        Ok(match kind {
            "standalone" => Self::One(RedisServer::start()?),
            "cluster" => Self::Cluster(RedisCluster::start()?),
            "sentinel" => Self::Sentinels(RedisSentinels::start()?),
            _ => anyhow::bail!("say standalone, sentinel or cluster"),
        })
    }

    pub(crate) fn url(&self) -> String {
        match self {
            Self::One(server) => server.url(),
            Self::Cluster(cluster) => cluster.url(),
            Self::Sentinels(sentinels) => sentinels.url(),
        }
    }
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
