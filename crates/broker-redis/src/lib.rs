//! The Redis broker: at least once with fencing, at the speed of Redis.
//!
//! Each step of the contract of `aqueduct-broker-api` is one Lua script, so that it is done wholly or
//! not at all, can be repeated when its reply is lost, and goes by the clock of Redis. `docs/REDIS.md`
//! has the keys, the bounds and what is lost when. Depend on `aqueduct` with its feature `redis`
//! instead, unless you need this broker alone.

mod admin;
mod broker;
mod check;
mod clock;
mod config;
mod decode;
mod ends;
mod enqueue;
mod held;
mod items;
mod keyed;
mod keys;
mod lifeline;
mod link;
mod listing;
mod pace;
mod requeue;
mod schedules;
mod script;
mod search;
mod settlements;
mod side;
#[cfg(feature = "test-util")]
#[doc(hidden)]
pub mod testing;
mod unreadable;
mod wake;
mod whole;

pub use config::{ConfigError, MAX_CONNECTIONS, RedisConfig, Retention, Secret, Tls};

use std::fmt;
use std::sync::Arc;

use aqueduct_broker_api::{BrokerError, BrokerErrorKind};
use aqueduct_core::QueuedTask;

use clock::ServerClock;
use held::Ledgers;
use keys::Keys;
use lifeline::Lifeline;
use link::{Args, Link, LinkError, Reply, Use};
use script::{Script, Scripts};
use unreadable::SetAside;
use wake::{Bells, Changes, Endings};

/// A broker in Redis; clones are the same broker.
///
/// ```no_run
/// use aqueduct_broker_redis::RedisBroker;
///
/// # async fn open() -> Result<(), Box<dyn std::error::Error>> {
/// let broker = RedisBroker::from_url("redis://localhost:6379?namespace=shop").await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct RedisBroker(Arc<Shared>);

struct Shared {
    config: Arc<RedisConfig>,
    keys: Arc<Keys>,
    link: Link,
    scripts: Scripts,
    lifeline: Arc<Lifeline>,
    bells: Bells,
    changes: Changes,
    endings: Endings,
    clock: ServerClock,
    ledgers: Ledgers,
    unreadable: SetAside,
}

impl RedisBroker {
    /// Opens the broker that a URL names; see [`RedisConfig::from_url`].
    ///
    /// # Errors
    ///
    /// Returns an error if the URL is wrong, the server cannot be reached, or it lacks something.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future closes what it opened.
    pub async fn from_url(url: &str) -> Result<Self, BrokerError> {
        let config = RedisConfig::from_url(url).map_err(|error| {
            BrokerError::new(BrokerErrorKind::Config, OPEN, "the configuration is wrong")
                .with_source(error)
        })?;
        Self::open(config).await
    }

    /// Opens a broker, and checks that the server can be one.
    ///
    /// # Errors
    ///
    /// Returns an error if the server cannot be reached, or lacks something; the message says what to set.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future closes what it opened.
    pub async fn open(config: RedisConfig) -> Result<Self, BrokerError> {
        let keys = Arc::new(Keys::new(config.namespace()));
        let link = Link::open(&config, keys.slot(), Use::Scripts, config.connections()).await;
        let link = link.map_err(|error| error.at_start(&config.address()))?;
        let scripts = Scripts::new(&config);
        check::server(&link, &config, &scripts, &keys).await?;
        let config = Arc::new(config);
        let lifeline = Lifeline::start(Arc::clone(&config), Arc::clone(&keys));
        let lifeline = Arc::new(lifeline.map_err(|error| {
            BrokerError::new(
                BrokerErrorKind::Unexpected,
                OPEN,
                "a thread cannot be started",
            )
            .with_source(error)
        })?);
        Ok(Self(Arc::new(Shared {
            scripts,
            bells: Bells::new(Arc::clone(&lifeline)),
            changes: Changes::new(Arc::clone(&lifeline)),
            endings: Endings::new(Arc::clone(&lifeline)),
            clock: ServerClock::new(),
            ledgers: Ledgers::default(),
            unreadable: SetAside::default(),
            lifeline,
            link,
            keys,
            config,
        })))
    }

    /// Asks the server for a sign of life.
    ///
    /// # Errors
    ///
    /// Returns an error if the server did not answer.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future changes nothing.
    pub async fn ping(&self) -> Result<(), BrokerError> {
        self.command("ping", "PING", Args::default())
            .await
            .map(drop)
    }

    /// Sets the time of a broker with a test clock, and wakes whoever waits.
    ///
    /// # Errors
    ///
    /// Returns an error if the server did not answer.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future may leave the clock set or not.
    #[cfg(feature = "test-util")]
    pub async fn set_clock(&self, now: aqueduct_core::Timestamp) -> Result<(), BrokerError> {
        let mut args = Args::default();
        args.text(&self.0.keys.name("clock"))
            .number(now.as_millis());
        self.command("set the clock", "SET", args).await?;
        self.0.bells.ring_here();
        Ok(())
    }

    /// Returns the digest that a script is called by, so that tests can disturb its calls.
    #[cfg(feature = "test-util")]
    #[must_use]
    pub fn digest_of(&self, script: &str) -> Option<&str> {
        let scripts = &self.0.scripts;
        let script = match script {
            "checkpoint" => &scripts.checkpoint,
            "claim" => &scripts.claim,
            "enqueue" => &scripts.enqueue,
            "enqueue_whole" => &scripts.enqueue_whole,
            "extend" => &scripts.extend,
            "fire" => &scripts.schedule_fire,
            "peek" => &scripts.peek,
            "reclaim" => &scripts.reclaim,
            "wait_ended" => &scripts.wait_ended,
            _ => return None,
        };
        Some(script.sha())
    }

    /// Runs a script for an operation.
    async fn step(
        &self,
        operation: &'static str,
        script: &Script,
        args: Args,
    ) -> Result<Reply, BrokerError> {
        let reply = self.0.link.script(script, args).await;
        reply.map_err(|error| error.during(operation))
    }

    /// Runs a script for an operation of a consumer, on connections that nothing in the application holds up.
    async fn work(
        &self,
        operation: &'static str,
        script: &Script,
        args: Args,
    ) -> Result<Reply, BrokerError> {
        run_on(self.0.lifeline.work().await, operation, script, args).await
    }

    /// Runs a script for an operation of the heartbeat, on a connection that nothing else uses.
    async fn beat(
        &self,
        operation: &'static str,
        script: &Script,
        args: Args,
    ) -> Result<Reply, BrokerError> {
        run_on(self.0.lifeline.beats().await, operation, script, args).await
    }

    /// Runs a command for an operation.
    async fn command(
        &self,
        operation: &'static str,
        name: &'static str,
        args: Args,
    ) -> Result<Reply, BrokerError> {
        let reply = self.0.link.command(name, args).await;
        reply.map_err(|error| error.during(operation))
    }

    /// Begins the arguments of a script that may end runs: how long those are kept.
    fn args_with_retention(&self, capacity: usize) -> Args {
        let retention = self.0.config.retention();
        let mut args = self.0.keys.args(capacity + 3);
        args.number(items::millis(retention.failed))
            .number(items::millis(retention.ended))
            .number(retention.max_kept);
        args
    }

    /// Returns the limits of the queues of some tasks, as `lib/admit.lua` reads them.
    fn limits_of<'t>(&self, tasks: impl IntoIterator<Item = &'t QueuedTask>) -> Vec<u8> {
        let limits = self.0.config.queue_limits();
        let mut bytes = Vec::new();
        let mut last = None;
        for queue in tasks.into_iter().map(|task| &task.queue) {
            if last == Some(queue) || limits.is_empty() {
                continue;
            }
            last = Some(queue);
            if let Some(most) = limits.of(queue) {
                items::push_six(&mut bytes, most.min(MOST_RUNS));
                bytes.push(u8::try_from(queue.as_str().len()).unwrap_or(u8::MAX));
                bytes.extend_from_slice(queue.as_str().as_bytes());
            }
        }
        bytes
    }
}

/// Runs a script for an operation, if there is a connection.
async fn run_on(
    link: Result<&Link, LinkError>,
    operation: &'static str,
    script: &Script,
    args: Args,
) -> Result<Reply, BrokerError> {
    let reply = match link {
        Ok(link) => link.script(script, args).await,
        Err(error) => Err(error),
    };
    reply.map_err(|error| error.during(operation))
}

impl fmt::Debug for RedisBroker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RedisBroker").field(&self.0.config).finish()
    }
}

/// What six bytes hold: more runs than any server.
const MOST_RUNS: u64 = (1 << 48) - 1;

/// The operation of opening, for errors.
const OPEN: &str = "open";
