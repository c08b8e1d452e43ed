//! The server that is measured, and what it says of itself.

use aqueduct::Broker;
use aqueduct_redis_server::RedisServer;

/// A server that keeps nothing on disk, and a connection for questions.
#[derive(Debug)]
pub struct Measured {
    server: RedisServer,
}

/// What a server has used up.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Usage {
    /// Processor time, in microseconds.
    pub cpu: f64,
    /// Commands on the wire: those in scripts are not counted.
    pub commands: f64,
    /// Reads of sockets.
    pub reads: f64,
    /// Bytes of memory.
    pub memory: f64,
}

impl Measured {
    /// Starts a server.
    ///
    /// # Errors
    ///
    /// Returns an error if there is no `redis-server`, or it does not start.
    pub fn start() -> anyhow::Result<Self> {
        Ok(Self {
            server: RedisServer::start()?,
        })
    }

    /// Opens a broker there.
    ///
    /// # Errors
    ///
    /// Returns an error if the server does not answer.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future closes what it opened.
    pub async fn broker(&self) -> anyhow::Result<Broker> {
        Ok(Broker::from_url(&self.server.url()).await?)
    }

    /// Returns the URL of the server.
    #[must_use]
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// Returns the port on the loopback interface.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.server.port()
    }

    /// Returns what the server has used up until now.
    ///
    /// # Errors
    ///
    /// Returns an error if the server does not say.
    pub fn usage(&self) -> anyhow::Result<Usage> {
        Usage::of(&self.server)
    }

    /// Empties the server.
    ///
    /// # Errors
    ///
    /// Returns an error if the server does not answer.
    pub fn flush(&self) -> anyhow::Result<()> {
        self.ask("FLUSHALL").map(drop)
    }

    /// Sends one command, words apart by spaces, and returns its reply.
    ///
    /// # Errors
    ///
    /// Returns an error if the server does not answer, or with an error.
    pub fn ask(&self, command: &str) -> anyhow::Result<String> {
        let words: Vec<&str> = command.split(' ').collect();
        self.ask_words(&words)
    }

    /// Sends one command, and returns its reply.
    ///
    /// # Errors
    ///
    /// Returns an error if the server does not answer, or with an error.
    pub fn ask_words(&self, words: &[&str]) -> anyhow::Result<String> {
        Ok(self.server.command(words)?)
    }
}

impl Usage {
    /// Returns what a server has used up until now.
    ///
    /// # Errors
    ///
    /// Returns an error if the server does not say.
    pub fn of(server: &RedisServer) -> anyhow::Result<Self> {
        let info = server.command(&["INFO", "all"])?;
        let field = |name: &str| {
            let line = info
                .lines()
                .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
            line.and_then(|value| value.trim().parse::<f64>().ok())
                .ok_or_else(|| anyhow::anyhow!("INFO has no {name}"))
        };
        Ok(Self {
            cpu: (field("used_cpu_user")? + field("used_cpu_sys")?) * 1e6,
            commands: WIRE.iter().map(|name| calls(&info, name)).sum(),
            reads: field("total_reads_processed")?,
            memory: field("used_memory")?,
        })
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
