//! A throw-away cluster: three primaries, each with a replica.

use std::io;
use std::process::Command;

use crate::server::{RedisServer, ServerOptions, free_port};

/// A running cluster, which ends when the value is dropped.
#[derive(Debug)]
pub struct RedisCluster {
    nodes: Vec<RedisServer>,
}

const PRIMARIES: usize = 3;

impl RedisCluster {
    /// Starts a cluster with nothing in it.
    ///
    /// # Errors
    ///
    /// Returns an error if a server does not start, or they do not find each other.
    pub fn start() -> io::Result<Self> {
        let nodes: Vec<RedisServer> = (0..PRIMARIES * 2)
            .map(|_| node())
            .collect::<io::Result<_>>()?;
        let addresses = nodes
            .iter()
            .map(|node| format!("127.0.0.1:{}", node.port()));
        let output = Command::new("redis-cli")
            .args(["--cluster", "create"])
            .args(addresses)
            .args(["--cluster-replicas", "1", "--cluster-yes"])
            .output()?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stdout).into_owned();
            return Err(io::Error::other(said));
        }
        let cluster = Self { nodes };
        cluster.wait_until_whole()?;
        Ok(cluster)
    }

    /// Returns the URL of the cluster.
    #[must_use]
    pub fn url(&self) -> String {
        let hosts: Vec<String> = self
            .nodes
            .iter()
            .map(|node| format!("127.0.0.1:{}", node.port()))
            .collect();
        format!("redis-cluster://{}", hosts.join(","))
    }

    /// Returns the primary that serves the slot of a key.
    ///
    /// # Errors
    ///
    /// Returns an error if no node answers, or none serves it.
    pub fn primary_of(&mut self, key: &str) -> io::Result<&mut RedisServer> {
        let node = self
            .nodes
            .iter_mut()
            .find(|node| node.command(&["GET", key]).is_ok_and(|_| is_primary(node)));
        node.ok_or_else(|| io::Error::other("no primary serves the key"))
    }

    /// Waits until every node knows all others, and each replica its primary.
    fn wait_until_whole(&self) -> io::Result<()> {
        for node in &self.nodes {
            loop {
                let info = node.command(&["CLUSTER", "INFO"])?;
                let is_linked = is_primary(node)
                    || node
                        .command(&["INFO", "replication"])?
                        .contains("master_link_status:up");
                if info.contains("cluster_state:ok") && is_linked {
                    break;
                }
                std::thread::yield_now();
            }
        }
        Ok(())
    }
}

fn node() -> io::Result<RedisServer> {
    let bus = free_port()?.to_string();
    let timeout = ["--cluster-node-timeout", "1500"];
    let settings = ["--cluster-enabled", "yes", "--cluster-port", &bus];
    let options = ServerOptions::with_settings(&[&settings[..], &timeout].concat());
    RedisServer::start_with(&options)
}

fn is_primary(node: &RedisServer) -> bool {
    node.command(&["ROLE"])
        .is_ok_and(|role| role.starts_with("master"))
}
