//! Waiting for the value of a run, from anywhere: on the in-memory broker, and in Redis.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod cases;
mod work;

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use aqueduct::broker_api::BrokerHandle;
use aqueduct::memory::{MemoryBroker, MemoryConfig};
use aqueduct::redis::{RedisBroker, RedisConfig, Retention};
use aqueduct::{App, Broker, RunningApp, TaskManager};
use aqueduct_core::Clock;
use aqueduct_redis_server::RedisServer;

use work::{Signals, all};

/// Where brokers come from: the same store for all that one test opens.
#[derive(Debug)]
enum Store {
    Memory(BrokerHandle),
    /// A namespace of its own.
    Redis(String, u64),
}

impl Store {
    fn memory(max_kept: usize) -> Self {
        let mut config = MemoryConfig::default();
        config.max_kept = max_kept;
        let broker = MemoryBroker::with_config(config, Clock::system());
        Self::Memory(BrokerHandle::new(broker))
    }

    fn redis(max_kept: usize) -> Self {
        static SERVER: OnceLock<RedisServer> = OnceLock::new();
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let server = SERVER.get_or_init(|| RedisServer::start().unwrap());
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let url = format!("{}?namespace=waiting-{number}", server.url());
        Self::Redis(url, max_kept as u64)
    }

    /// Opens a broker: in Redis another client, as another process has.
    async fn open(&self) -> Broker {
        match self {
            Self::Memory(handle) => Broker::from(handle.clone()),
            Self::Redis(url, max_kept) => {
                let mut retention = Retention::default();
                retention.max_kept = *max_kept;
                let config = RedisConfig::from_url(url).unwrap();
                let config = config.with_retention(retention);
                Broker::new(RedisBroker::open(config).await.unwrap())
            }
        }
    }

    /// Starts an application that consumes.
    async fn app(&self, signals: &Signals) -> RunningApp {
        let app = App::new(self.open().await).tasks(all()).without_scheduler();
        app.state(signals.clone()).start().await.unwrap()
    }

    /// Returns a manager of a process that only queues.
    async fn manager(&self) -> TaskManager {
        let app = App::new(self.open().await).tasks(all());
        let app = app.without_consumer().without_scheduler();
        app.into_task_manager().unwrap()
    }
}

/// Makes each case a test on both brokers.
macro_rules! on_both_brokers {
    ($($case:ident),* $(,)?) => {
        mod memory {
            $(#[tokio::test]
            async fn $case() {
                super::cases::$case(super::Store::memory).await;
            })*
        }

        mod redis {
            $(#[tokio::test]
            async fn $case() {
                super::cases::$case(super::Store::redis).await;
            })*
        }
    };
}

on_both_brokers![
    a_value_comes_to_whoever_waits,
    the_final_state_counts_not_the_first_attempt,
    an_end_without_a_value_is_a_typed_error,
    what_cannot_be_waited_for_says_what_to_do,
    a_wait_has_a_limit,
    a_task_waits_for_its_child,
    an_evicted_value_still_comes_to_whoever_waited,
    many_waits_at_once,
    a_handle_cancels,
    a_total_limit_ends_all_attempts,
];
