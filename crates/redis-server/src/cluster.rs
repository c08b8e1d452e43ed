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

    /// Returns the nodes that are primaries now.
    pub fn primaries(&self) -> impl Iterator<Item = &RedisServer> {
        self.nodes.iter().filter(|node| is_primary(node))
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

    /// Moves the slot of a key, with all that is in it, to another primary, key by key, and waits until every
    /// node knows.
    ///
    /// # Errors
    ///
    /// Returns an error if a node does not answer, or refuses a step.
    pub fn move_slot_of(&self, key: &str) -> io::Result<()> {
        let primaries: Vec<&RedisServer> = self.primaries().collect();
        let owns = |node: &&&RedisServer| node.command(&["GET", key]).is_ok();
        let none = || io::Error::other("no primary serves the key, or all do");
        let from = *primaries.iter().find(owns).ok_or_else(none)?;
        let other = |node: &&&RedisServer| node.port() != from.port();
        let to = *primaries.iter().find(other).ok_or_else(none)?;
        let slot = from.command(&["CLUSTER", "KEYSLOT", key])?;
        let (from_id, to_id) = (id_of(from)?, id_of(to)?);
        to.command(&["CLUSTER", "SETSLOT", &slot, "IMPORTING", &from_id])?;
        from.command(&["CLUSTER", "SETSLOT", &slot, "MIGRATING", &to_id])?;
        let port = to.port().to_string();
        loop {
            let keys = from.command(&["CLUSTER", "GETKEYSINSLOT", &slot, "1"])?;
            let Some(key) = keys.lines().next().filter(|key| !key.is_empty()) else {
                break;
            };
            from.command(&["MIGRATE", "127.0.0.1", &port, key, "0", "5000"])?;
        }
        // The new owner first: until somebody owns it, nobody may answer.
        let others = primaries.iter().filter(|it| it.port() != to.port());
        for node in std::iter::once(&to).chain(others) {
            node.command(&["CLUSTER", "SETSLOT", &slot, "NODE", &to_id])?;
        }
        // Before the next move every node must have heard of this one, or they never agree again.
        for node in &self.nodes {
            while !owner_of(node, &slot)?.contains(&port) {
                std::thread::yield_now();
            }
        }
        Ok(())
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

/// Returns the line of the node that has a slot, as another node knows it.
fn owner_of(node: &RedisServer, slot: &str) -> io::Result<String> {
    let number: u32 = slot.parse().map_err(io::Error::other)?;
    let has = |range: &str| {
        let (from, to) = range.split_once('-').unwrap_or((range, range));
        let bounds = (from.parse::<u32>(), to.parse::<u32>());
        matches!(bounds, (Ok(from), Ok(to)) if (from..=to).contains(&number))
    };
    let nodes = node.command(&["CLUSTER", "NODES"])?;
    let mut lines = nodes.lines();
    let owner = lines.find(|line| line.split(' ').skip(8).any(has));
    Ok(owner.unwrap_or_default().to_owned())
}

fn id_of(node: &RedisServer) -> io::Result<String> {
    node.command(&["CLUSTER", "MYID"])
}

fn is_primary(node: &RedisServer) -> bool {
    node.command(&["ROLE"])
        .is_ok_and(|role| role.starts_with("master"))
}
