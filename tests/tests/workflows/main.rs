//! Workflows: on the in-memory broker, and in Redis.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod cases;
mod work;

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use aqueduct::broker_api::{BrokerHandle, QueueLimits};
use aqueduct::memory::{MemoryBroker, MemoryConfig};
use aqueduct::redis::{RedisBroker, RedisConfig};
use aqueduct::{Admin, App, Broker, RunningApp, TaskManager};
use aqueduct_core::Clock;
use aqueduct_redis_server::RedisServer;

use work::{Notes, all};

/// Where brokers come from: the same store for all that one test opens.
#[derive(Debug)]
enum Store {
    Memory(BrokerHandle),
    /// A namespace of its own, and the length limit of its queues.
    Redis(String, Option<u64>),
}

fn limits(max_queue_length: Option<u64>) -> QueueLimits {
    let none = QueueLimits::none();
    max_queue_length.map_or(none.clone(), |most| none.with_default(most))
}

impl Store {
    fn memory(max_queue_length: Option<u64>) -> Self {
        let mut config = MemoryConfig::default();
        config.queue_limits = limits(max_queue_length);
        let broker = MemoryBroker::with_config(config, Clock::system());
        Self::Memory(BrokerHandle::new(broker))
    }

    fn redis(max_queue_length: Option<u64>) -> Self {
        static SERVER: OnceLock<RedisServer> = OnceLock::new();
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let server = SERVER.get_or_init(|| RedisServer::start().unwrap());
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let url = format!("{}?namespace=workflows-{number}", server.url());
        Self::Redis(url, max_queue_length)
    }

    /// Opens a broker: in Redis another client, as another process has.
    async fn open(&self) -> Broker {
        match self {
            Self::Memory(handle) => Broker::from(handle.clone()),
            Self::Redis(url, max_queue_length) => {
                let config = RedisConfig::from_url(url).unwrap();
                let config = config.with_queue_limits(limits(*max_queue_length));
                Broker::new(RedisBroker::open(config).await.unwrap())
            }
        }
    }

    /// Starts an application that consumes.
    async fn app(&self, notes: &Notes) -> RunningApp {
        let app = App::new(self.open().await).tasks(all()).without_scheduler();
        app.state(notes.clone()).start().await.unwrap()
    }

    async fn admin(&self) -> Admin {
        self.open().await.admin().unwrap()
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
    values_go_down_a_chain,
    a_failure_ends_the_rest,
    a_chain_takes_what_it_is_given,
    values_of_a_group_come_in_order,
    what_runs_anyway_is_told_of_failures,
    groups_of_chains_and_chains_of_groups,
    cancelling_a_workflow_ends_all_of_it,
    a_full_queue_takes_all_or_nothing,
    wrong_workflows_are_refused,
    a_task_queues_a_workflow,
    people_see_a_family_and_what_is_waited_for,
    a_mended_step_goes_on_with_its_chain,
    inline_it_is_the_same,
    by_name_it_is_checked_when_queued,
];
