//! A proxy in front of a Redis server that understands the protocol, and fails on demand.
//!
//! It can lose the reply to the n-th call of a script after the server has done it, lose, double or hold
//! back the request, cut connections, go silent, or lead to another server.

mod connection;
mod frame;
mod rules;

pub use rules::{Fault, Rule};

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::task::JoinSet;

use rules::{Pace, Rules};

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
        Self::start_with(Rules::new(target, true)).await
    }

    /// Starts a proxy that carries any protocol, such as that of replicas: it can be cut, go silent and
    /// lead elsewhere, and knows no calls.
    ///
    /// # Panics
    ///
    /// Panics if no port is free.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future starts nothing.
    pub async fn tunnel(target: u16) -> Self {
        Self::start_with(Rules::new(target, false)).await
    }

    async fn start_with(rules: Rules) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .expect("a free port");
        let port = listener.local_addr().expect("it listens").port();
        let rules = Arc::new(rules);
        let mut accepting = JoinSet::new();
        accepting.spawn(accept(listener, Arc::clone(&rules)));
        Self {
            port,
            rules,
            _accepting: accepting,
        }
    }

    /// Returns the port that it listens on.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Leads new connections to another port, and closes the others.
    pub fn lead_to(&self, target: u16) {
        self.rules.set_target(target);
        self.rules.cut_all();
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
        self.rules.read(|state| state.injected)
    }

    /// Waits until there were so many faults.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future changes nothing.
    pub async fn has_injected(&self, count: usize) {
        self.rules.until(|state| state.injected >= count).await;
    }

    /// Lets bytes through only so many at a time from now on, with a pause behind each, both ways.
    pub fn trickle(&self, bytes: usize, pause: Duration) {
        let bytes = bytes.max(1);
        self.rules.set_pace(Some(Pace { bytes, pause }));
    }

    /// Lets bytes through as they come again.
    pub fn flow(&self) {
        self.rules.set_pace(None);
    }

    /// Waits until so many requests are held back.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future changes nothing.
    pub async fn holds(&self, count: usize) {
        self.rules.until(|state| state.held >= count).await;
    }

    /// Lets the requests go that are held back.
    pub fn release(&self) {
        self.rules.release();
    }

    /// Returns how many calls of a command, or of the script with a digest, were answered.
    #[must_use]
    pub fn answered(&self, call: &str) -> usize {
        self.rules.read(|state| state.answers(call))
    }

    /// Waits until so many calls were answered.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future changes nothing.
    pub async fn has_answered(&self, call: &str, times: usize) {
        self.rules.until(|state| state.answers(call) >= times).await;
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
        self.rules.read(|state| state.connections)
    }
}

async fn accept(listener: TcpListener, rules: Arc<Rules>) {
    let mut connections = JoinSet::new();
    while let Ok((client, _)) = listener.accept().await {
        rules.count_connection();
        connections.spawn(connection::serve(client, Arc::clone(&rules)));
        while connections.try_join_next().is_some() {}
    }
}
