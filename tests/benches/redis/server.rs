//! The server that is measured, and what it says of itself.

use std::time::Instant;

use aqueduct::Broker;
use aqueduct_redis_server::RedisServer;

/// A server, and a connection for questions.
#[derive(Debug)]
pub(crate) struct Measured {
    server: RedisServer,
}

/// What a server has used up.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Usage {
    /// Processor time, in microseconds.
    pub(crate) cpu: f64,
    /// Commands on the wire: those in scripts are not counted.
    pub(crate) commands: f64,
    /// Reads of sockets.
    pub(crate) reads: f64,
    /// Bytes of memory.
    pub(crate) memory: f64,
}

impl Measured {
    pub(crate) fn start() -> anyhow::Result<Self> {
        Ok(Self {
            server: RedisServer::start()?,
        })
    }

    pub(crate) async fn broker(&self) -> anyhow::Result<Broker> {
        Ok(Broker::from_url(&self.server.url()).await?)
    }

    pub(crate) fn url(&self) -> String {
        self.server.url()
    }

    /// Returns what the server has used up until now.
    pub(crate) fn usage(&self) -> anyhow::Result<Usage> {
        let info = self.ask("INFO all")?;
        let field = |name: &str| {
            let line = info
                .lines()
                .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
            line.and_then(|value| value.trim().parse::<f64>().ok())
                .ok_or_else(|| anyhow::anyhow!("INFO has no {name}"))
        };
        Ok(Usage {
            cpu: (field("used_cpu_user")? + field("used_cpu_sys")?) * 1e6,
            commands: WIRE.iter().map(|name| calls(&info, name)).sum(),
            reads: field("total_reads_processed")?,
            memory: field("used_memory")?,
        })
    }

    /// Empties the server.
    pub(crate) fn flush(&self) -> anyhow::Result<()> {
        self.ask("FLUSHALL").map(drop)
    }

    /// Sends one command, words apart by spaces, and returns its reply.
    pub(crate) fn ask(&self, command: &str) -> anyhow::Result<String> {
        let words: Vec<&str> = command.split(' ').collect();
        Ok(self.server.command(&words)?)
    }

    /// Sends one command, and returns its reply.
    pub(crate) fn ask_words(&self, words: &[&str]) -> anyhow::Result<String> {
        Ok(self.server.command(words)?)
    }
}

/// The commands that the broker sends by itself, not from a script.
const WIRE: [&str; 6] = ["evalsha", "eval", "blpop", "xread", "ping", "hgetall"];

fn calls(info: &str, command: &str) -> f64 {
    let prefix = format!("cmdstat_{command}:calls=");
    let number = info
        .lines()
        .find_map(|line| line.strip_prefix(prefix.as_str())?.split(',').next());
    number.and_then(|number| number.parse().ok()).unwrap_or(0.0)
}

impl std::ops::Sub for Usage {
    type Output = Self;

    fn sub(self, before: Self) -> Self {
        Self {
            cpu: self.cpu - before.cpu,
            commands: self.commands - before.commands,
            reads: self.reads - before.reads,
            memory: self.memory - before.memory,
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "this measures real time")]
pub(crate) fn now() -> Instant {
    Instant::now()
}
