//! A primary and its replica, which has not heard of everything when it takes over.

use aqueduct_redis_server::RedisServer;

use crate::proxy::FaultProxy;
use crate::redis::server;
use crate::soon;

/// A primary, a replica behind a tunnel, and an address that leads to either.
#[derive(Debug)]
#[non_exhaustive]
pub struct Replicated {
    /// The one that takes over.
    pub replica: RedisServer,
    primary: RedisServer,
    tunnel: FaultProxy,
    front: FaultProxy,
}

impl Replicated {
    /// Starts both.
    ///
    /// # Panics
    ///
    /// Panics if they do not start.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future ends what it started.
    pub async fn new() -> Self {
        let primary = server(&["--repl-diskless-sync-delay", "0"]);
        let tunnel = FaultProxy::tunnel(primary.port()).await;
        let port = tunnel.port().to_string();
        Self {
            replica: server(&["--replicaof", "127.0.0.1", &port]),
            front: FaultProxy::start(primary.port()).await,
            primary,
            tunnel,
        }
    }

    /// Returns the URL that leads to the one that is the primary.
    #[must_use]
    pub fn url(&self) -> String {
        self.front.url()
    }

    /// Waits until the replica has everything that the primary has now.
    ///
    /// # Panics
    ///
    /// Panics if it does not catch up.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future changes nothing.
    pub async fn replicated(&self) {
        let wanted = offset(&self.primary, "master_repl_offset:").expect("an offset");
        let caught_up = async {
            while offset(&self.replica, "slave_repl_offset:").is_none_or(|it| it < wanted) {
                tokio::task::yield_now().await;
            }
        };
        soon("the replica does not catch up", caught_up).await;
    }

    /// Lets the replica hear of nothing any more.
    pub fn cut_off(&self) {
        self.tunnel.set_silent(true);
    }

    /// Kills the primary, and leads everybody to the replica.
    ///
    /// # Panics
    ///
    /// Panics if one of them does not do what it is told.
    pub fn fail_over(&mut self) {
        self.primary.kill().expect("it is killed");
        self.tunnel.cut_all();
        let promoted = self.replica.command(&["REPLICAOF", "NO", "ONE"]);
        promoted.expect("it is promoted");
        self.front.lead_to(self.replica.port());
    }
}

fn offset(server: &RedisServer, field: &str) -> Option<u64> {
    let info = server.command(&["INFO", "replication"]).expect("an answer");
    let mut lines = info.lines();
    lines.find_map(|line| line.strip_prefix(field)?.trim().parse().ok())
}
