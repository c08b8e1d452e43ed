//! How a Redis broker is reached and what it keeps: typed, checked once.

mod error;
mod secret;
mod tls;
mod url;

pub use error::ConfigError;
pub use secret::Secret;
pub use tls::Tls;

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use aqueduct_broker_api::QueueLimits;

/// How a Redis broker is reached and what it keeps.
///
/// Made from a URL, then changed where a URL has no word for it.
///
/// ```
/// use aqueduct_broker_redis::RedisConfig;
///
/// let config = RedisConfig::from_url("redis://app:secret@localhost:6379/2?namespace=shop")?;
/// assert_eq!((config.namespace(), config.database()), ("shop", 2));
/// assert!(!format!("{config:?}").contains("secret"));
/// # Ok::<(), aqueduct_broker_redis::ConfigError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RedisConfig {
    topology: Topology,
    user: Option<String>,
    password: Option<Secret>,
    database: u8,
    tls: Option<Tls>,
    namespace: String,
    connections: usize,
    command_timeout: Duration,
    connect_timeout: Duration,
    accept_eviction: bool,
    functions: bool,
    retention: Retention,
    queue_limits: QueueLimits,
    #[cfg(feature = "test-util")]
    test_clock: bool,
}

/// Where the servers are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Topology {
    Standalone {
        host: Host,
    },
    Unix {
        path: PathBuf,
    },
    Sentinel {
        sentinels: Vec<Host>,
        service: String,
        user: Option<String>,
        password: Option<Secret>,
    },
    Cluster {
        hosts: Vec<Host>,
    },
}

/// A host and its port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Host {
    pub(crate) name: String,
    pub(crate) port: u16,
}

/// How much is kept, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Retention {
    /// How long failed runs are kept. Default: 7 days.
    pub failed: Duration,
    /// How long cancelled and expired runs are kept. Default: one hour.
    pub ended: Duration,
    /// The most ended runs that are kept, results included. Default: 100,000.
    pub max_kept: u64,
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            failed: Duration::from_hours(7 * 24),
            ended: Duration::from_hours(1),
            max_kept: 100_000,
        }
    }
}

/// The most connections for scripts.
pub const MAX_CONNECTIONS: usize = 64;

impl RedisConfig {
    /// Reads a configuration from a URL.
    ///
    /// | URL | server |
    /// |---|---|
    /// | `redis://[user[:password]@]host[:port][/database]` | one server; `rediss` for TLS |
    /// | `redis+unix:///path/of/socket` | one server, by a Unix socket |
    /// | `redis-sentinel://host[:port],…/service[/database]` | the primary that sentinels know; `rediss-sentinel` |
    /// | `redis-cluster://host[:port],…` | a cluster; `rediss-cluster` |
    ///
    /// Options: `namespace`, `connections`, `timeout` and `connect_timeout` (as `5s` or `500ms`),
    /// `scripts=functions` (or `eval`), `accept_eviction=yes`, `max_queue_length` (as `10000`, or
    /// `max_queue_length.mail=500` for the queue `mail`), `database`, `sentinel_user`, `sentinel_password`;
    /// with TLS also `ca` (trust only the authorities in this PEM file), `cert` and `key` (the own certificate).
    ///
    /// # Errors
    ///
    /// Returns an error that names the wrong part, and never shows the password.
    pub fn from_url(url: &str) -> Result<Self, ConfigError> {
        url::parse(url)
    }

    pub(crate) fn new(topology: Topology) -> Self {
        Self {
            topology,
            user: None,
            password: None,
            database: 0,
            tls: None,
            namespace: "aqueduct".to_owned(),
            connections: 1,
            command_timeout: Duration::from_secs(5),
            connect_timeout: Duration::from_secs(2),
            accept_eviction: false,
            functions: false,
            retention: Retention::default(),
            queue_limits: QueueLimits::none(),
            #[cfg(feature = "test-util")]
            test_clock: false,
        }
    }

    /// Sets the namespace: brokers of one namespace share their runs, others do not see them.
    ///
    /// # Errors
    ///
    /// Returns an error unless it has 1 to 64 letters, digits, `_`, `-`, `.` or `:`.
    pub fn with_namespace(mut self, namespace: impl Into<String>) -> Result<Self, ConfigError> {
        self.namespace = namespace.into();
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.:".contains(&byte);
        if matches!(self.namespace.len(), 1..=64) && self.namespace.bytes().all(fits) {
            return Ok(self);
        }
        Err(ConfigError::new(
            "namespace",
            "use 1 to 64 ASCII letters, digits, `_`, `-`, `.`, `:`",
        ))
    }

    /// Sets how many connections scripts are spread over.
    ///
    /// # Errors
    ///
    /// Returns an error unless it is between 1 and [`MAX_CONNECTIONS`].
    pub fn with_connections(mut self, connections: usize) -> Result<Self, ConfigError> {
        self.connections = connections;
        if (1..=MAX_CONNECTIONS).contains(&connections) {
            return Ok(self);
        }
        Err(ConfigError::new(
            "connections",
            format!("use 1 to {MAX_CONNECTIONS}"),
        ))
    }

    /// Calls functions of a library instead of scripts, for a server where scripts are not allowed.
    ///
    /// The library is loaded if this user may; otherwise an operator loads
    /// [`RedisConfig::function_library`], again with each release.
    #[must_use]
    pub fn with_functions(mut self) -> Self {
        self.functions = true;
        self
    }

    /// Returns the library that a broker with functions calls: the text for `FUNCTION LOAD REPLACE`.
    #[must_use]
    pub fn function_library() -> String {
        crate::script::Scripts::library_text()
    }

    /// Encrypts the connections, and sets which certificates they go by.
    #[must_use]
    pub fn with_tls(mut self, tls: Tls) -> Self {
        self.tls = Some(tls);
        self
    }

    /// Sets how much is kept, and for how long.
    #[must_use]
    pub fn with_retention(mut self, retention: Retention) -> Self {
        self.retention = retention;
        self
    }

    /// Sets how many unfinished runs each queue may have; further ones are refused.
    #[must_use]
    pub fn with_queue_limits(mut self, limits: QueueLimits) -> Self {
        self.queue_limits = limits;
        self
    }

    /// Makes the broker go by a clock that tests set.
    #[cfg(feature = "test-util")]
    #[must_use]
    pub fn with_test_clock(mut self) -> Self {
        self.test_clock = true;
        self
    }

    /// Returns the namespace.
    #[must_use]
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// Returns the number of the database.
    #[must_use]
    pub fn database(&self) -> u8 {
        self.database
    }

    /// Returns the user's name, if one is given.
    #[must_use]
    pub fn user(&self) -> Option<&str> {
        self.user.as_deref()
    }

    /// Returns whether the connections are encrypted.
    #[must_use]
    pub fn uses_tls(&self) -> bool {
        self.tls.is_some()
    }

    pub(crate) fn tls(&self) -> Option<&Tls> {
        self.tls.as_ref()
    }

    /// Returns how many connections scripts are spread over.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.connections
    }

    /// Returns how long an answer may take.
    #[must_use]
    pub fn command_timeout(&self) -> Duration {
        self.command_timeout
    }

    /// Returns how long opening a connection may take.
    #[must_use]
    pub fn connect_timeout(&self) -> Duration {
        self.connect_timeout
    }

    /// Returns how much is kept, and for how long.
    #[must_use]
    pub fn retention(&self) -> Retention {
        self.retention
    }

    /// Returns how many unfinished runs each queue may have.
    #[must_use]
    pub fn queue_limits(&self) -> &QueueLimits {
        &self.queue_limits
    }

    /// Returns whether a server that evicts keys is accepted.
    #[must_use]
    pub fn accepts_eviction(&self) -> bool {
        self.accept_eviction
    }

    pub(crate) fn calls_functions(&self) -> bool {
        self.functions
    }

    /// Returns where the servers are, for messages: hosts and ports, and whether TLS is spoken there.
    pub(crate) fn address(&self) -> String {
        let address = match &self.topology {
            Topology::Unix { path } => path.display().to_string(),
            Topology::Standalone { host } => host.to_string(),
            Topology::Sentinel { sentinels, .. } => list(sentinels),
            Topology::Cluster { hosts } => list(hosts),
        };
        if self.uses_tls() {
            address + ", which must speak TLS,"
        } else {
            address
        }
    }

    pub(crate) fn topology(&self) -> &Topology {
        &self.topology
    }

    pub(crate) fn password(&self) -> Option<&str> {
        self.password.as_ref().map(Secret::expose)
    }

    #[cfg(feature = "test-util")]
    pub(crate) fn has_test_clock(&self) -> bool {
        self.test_clock
    }

    #[cfg(not(feature = "test-util"))]
    #[expect(clippy::unused_self, reason = "tests have one that looks")]
    pub(crate) fn has_test_clock(&self) -> bool {
        false
    }
}

fn list(hosts: &[Host]) -> String {
    let hosts: Vec<String> = hosts.iter().map(Host::to_string).collect();
    hosts.join(", ")
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.name, self.port)
    }
}
