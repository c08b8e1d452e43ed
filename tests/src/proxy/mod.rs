//! A proxy in front of a Redis server that understands the protocol, and fails on demand.
//!
//! It can lose the reply to the n-th call of a script after the server has done it, lose or double the
//! request, cut connections, or go silent.

mod connection;
mod frame;
mod rules;

pub use rules::{Fault, Rule};

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::task::JoinSet;

use rules::Rules;

/// A proxy that ends with the value.
#[derive(Debug)]
pub struct FaultProxy {
    port: u16,
    rules: Arc<Rules>,
    _accepting: JoinSet<()>,
}

impl FaultProxy {
    /// Starts a proxy in front of the server on a port of the loopback interface.
    ///
    /// # Panics
    ///
    /// Panics if no port is free.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future starts nothing.
    pub async fn start(target: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .expect("a free port");
        let port = listener.local_addr().expect("it listens").port();
        let rules = Arc::new(Rules::default());
        let mut accepting = JoinSet::new();
        accepting.spawn(accept(listener, target, Arc::clone(&rules)));
        Self {
            port,
            rules,
            _accepting: accepting,
        }
    }

    /// Returns the URL that leads through the proxy.
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Adds a fault.
    pub fn add(&self, rule: Rule) {
        self.rules.add(rule);
    }

    /// Lets nothing fail any more; silent connections stay silent.
    pub fn heal(&self) {
        self.rules.clear();
    }

    /// Returns how many faults there were.
    #[must_use]
    pub fn injected(&self) -> usize {
        self.rules.injected()
    }

    /// Closes every connection at once.
    pub fn cut_all(&self) {
        self.rules.cut_all();
    }

    /// Holds back every reply from now on, and every new connection, or stops to.
    ///
    /// A connection that was silent once never speaks again.
    pub fn set_silent(&self, is_silent: bool) {
        self.rules.set_silent(is_silent);
    }

    /// Returns how many connections were made.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.rules.connections()
    }
}

async fn accept(listener: TcpListener, target: u16, rules: Arc<Rules>) {
    let mut connections = JoinSet::new();
    let target = SocketAddr::from((Ipv4Addr::LOCALHOST, target));
    while let Ok((client, _)) = listener.accept().await {
        rules.count_connection();
        connections.spawn(connection::serve(client, target, Arc::clone(&rules)));
        while connections.try_join_next().is_some() {}
    }
}
