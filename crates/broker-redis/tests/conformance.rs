//! The Redis broker passes the suite that every broker must pass, against a real server.
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock};
use std::time::Duration;

use aqueduct_broker_conformance::{Fixture, Harness, START, TestClock, conformance};
use aqueduct_broker_redis::{RedisBroker, RedisConfig};
use aqueduct_core::Timestamp;
use aqueduct_redis_server::RedisServer;

#[derive(Debug)]
struct Redis;

/// The clock of a broker, kept in Redis.
#[derive(Debug)]
struct RedisClock {
    broker: RedisBroker,
    now: Mutex<Timestamp>,
}

/// One server a process, with a namespace a case; or the servers that the environment names.
fn url() -> String {
    static SERVER: OnceLock<RedisServer> = OnceLock::new();
    std::env::var("AQUEDUCT_REDIS_URL").unwrap_or_else(|_| {
        SERVER
            .get_or_init(|| RedisServer::start().expect("a redis-server"))
            .url()
    })
}

impl Harness for Redis {
    async fn fixture(&self) -> Fixture {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let scripts = std::env::var("AQUEDUCT_REDIS_SCRIPTS").unwrap_or_else(|_| "eval".to_owned());
        let process = std::process::id();
        let url = format!(
            "{}?scripts={scripts}&namespace=case-{process}-{number}",
            url()
        );
        let config = RedisConfig::from_url(&url)
            .expect("the URL is valid")
            .with_test_clock();
        let broker = RedisBroker::open(config)
            .await
            .expect("the server is there");
        broker.set_clock(START).await.expect("the server is there");
        Fixture::new(
            broker.clone(),
            RedisClock {
                broker,
                now: Mutex::new(START),
            },
        )
    }
}

impl TestClock for RedisClock {
    fn now(&self) -> Timestamp {
        *self.now.lock().expect("nobody panics with it")
    }

    fn advance(&self, by: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async move {
            let now = {
                let mut now = self.now.lock().expect("nobody panics with it");
                *now = now.saturating_add(by);
                *now
            };
            self.broker
                .set_clock(now)
                .await
                .expect("the server is there");
        })
    }
}

conformance!(Redis);
