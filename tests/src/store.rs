//! The same cases on the in-memory broker and in Redis.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use aqueduct::broker_api::{BrokerHandle, QueueLimits};
use aqueduct::memory::{MemoryBroker, MemoryConfig};
use aqueduct::redis::{RedisBroker, RedisConfig, Retention};
use aqueduct::{App, Broker, RunningApp, TaskList, TaskManager};
use aqueduct_core::Clock;
use aqueduct_redis_server::RedisServer;

use crate::redis::{broker, server};

/// Where brokers come from: the same store for all that one test opens.
#[derive(Debug)]
#[non_exhaustive]
pub enum Store {
    /// In this process.
    Memory(BrokerHandle),
    /// A namespace of its own, on a server that the tests of a program share.
    Redis(Box<RedisConfig>),
}

/// Makes a store with these bounds; tests of [`on_both_brokers!`](crate::on_both_brokers) are given one.
pub type Make = fn(Bounds) -> Store;

/// What bounds a store, where its defaults do not.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Bounds {
    /// The most ended runs that are kept.
    pub max_kept: Option<u64>,
    /// How many runs each queue may have.
    pub max_queue_length: Option<u64>,
}

/// Makes each function of the module `cases` a test on both brokers; it is given a [`Make`].
#[macro_export]
macro_rules! on_both_brokers {
    ($($case:ident),* $(,)?) => {
        mod memory {
            $(#[tokio::test]
            async fn $case() {
                super::cases::$case($crate::store::Store::memory).await;
            })*
        }

        mod redis {
            $(#[tokio::test]
            async fn $case() {
                super::cases::$case($crate::store::Store::redis).await;
            })*
        }
    };
}

/// Returns a broker in this process, and one in Redis with its server, for tests that look into that.
///
/// # Panics
///
/// Panics if no server can be started.
///
/// # Cancel safety
///
/// Dropping the future ends what it started.
pub async fn both() -> [(BrokerHandle, Option<RedisServer>); 2] {
    let server = server(&[]);
    let redis = BrokerHandle::new(broker(&server.url()).await);
    [
        (BrokerHandle::new(MemoryBroker::new()), None),
        (redis, Some(server)),
    ]
}

impl Bounds {
    /// Keeps no more ended runs than that.
    #[must_use]
    pub fn keeping(max_kept: u64) -> Self {
        let max_kept = Some(max_kept);
        Self {
            max_kept,
            ..Self::default()
        }
    }

    /// Takes no more runs a queue than that.
    #[must_use]
    pub fn taking(max_queue_length: u64) -> Self {
        let max_queue_length = Some(max_queue_length);
        Self {
            max_queue_length,
            ..Self::default()
        }
    }

    fn queue_limits(self) -> QueueLimits {
        let none = QueueLimits::none();
        self.max_queue_length
            .map_or(none.clone(), |most| none.with_default(most))
    }
}

impl Store {
    /// Makes a store in this process.
    ///
    /// # Panics
    ///
    /// Panics if no store can keep so many runs.
    #[must_use]
    pub fn memory(bounds: Bounds) -> Self {
        let mut config = MemoryConfig::default();
        config.queue_limits = bounds.queue_limits();
        if let Some(most) = bounds.max_kept {
            config.max_kept = usize::try_from(most).expect("a number that fits");
        }
        let broker = MemoryBroker::with_config(config, Clock::system());
        Self::Memory(BrokerHandle::new(broker))
    }

    /// Makes a store in Redis.
    ///
    /// # Panics
    ///
    /// Panics if no server can be started.
    #[must_use]
    pub fn redis(bounds: Bounds) -> Self {
        static SERVER: OnceLock<RedisServer> = OnceLock::new();
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let server = SERVER.get_or_init(|| RedisServer::start().expect("a server"));
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let url = format!("{}?namespace=store-{number}", server.url());
        let config = RedisConfig::from_url(&url).expect("a URL");
        let mut retention = Retention::default();
        retention.max_kept = bounds.max_kept.unwrap_or(retention.max_kept);
        let config = config.with_retention(retention);
        Self::Redis(Box::new(config.with_queue_limits(bounds.queue_limits())))
    }

    /// Opens a broker: in Redis another client, as another process has.
    ///
    /// # Panics
    ///
    /// Panics if the server does not answer.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future closes the client.
    pub async fn open(&self) -> Broker {
        match self {
            Self::Memory(handle) => Broker::from(handle.clone()),
            Self::Redis(config) => {
                let broker = RedisBroker::open(config.as_ref().clone()).await;
                Broker::new(broker.expect("a client"))
            }
        }
    }

    /// Opens the manager of a process that only queues.
    ///
    /// # Panics
    ///
    /// Panics if the server does not answer, or the tasks contradict each other.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future closes the client.
    pub async fn manager(&self, tasks: TaskList) -> TaskManager {
        let app = App::new(self.open().await).tasks(tasks);
        let app = app.without_consumer().without_scheduler();
        app.into_task_manager().expect("tasks that fit")
    }
    /// Starts an application that consumes, whose tasks share a state.
    ///
    /// # Panics
    ///
    /// Panics if the server does not answer, or the tasks contradict each other.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future stops what has begun.
    pub async fn app<S>(&self, tasks: TaskList, state: &S) -> RunningApp
    where
        S: Clone + Send + Sync + 'static,
    {
        let app = App::new(self.open().await)
            .tasks(tasks)
            .state(state.clone());
        app.without_scheduler().start().await.expect("an app")
    }
}
