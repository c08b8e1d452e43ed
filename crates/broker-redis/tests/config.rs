//! What a Redis URL means, and what is said of a wrong one.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use aqueduct_broker_redis::{ConfigError, RedisConfig};

fn wrong(url: &str) -> ConfigError {
    RedisConfig::from_url(url).unwrap_err()
}

#[test]
fn every_form_is_read() {
    let config = RedisConfig::from_url("redis://localhost").unwrap();
    assert_eq!(
        (config.namespace(), config.database(), config.user()),
        ("aqueduct", 0, None)
    );
    let config =
        RedisConfig::from_url("rediss://app:p%40ss@[::1]:6380/3?namespace=shop&timeout=500ms")
            .unwrap();
    assert_eq!(
        (config.namespace(), config.database(), config.user()),
        ("shop", 3, Some("app"))
    );
    assert!(config.uses_tls());
    assert_eq!(config.command_timeout(), Duration::from_millis(500));
    for url in [
        "redis+unix:///run/redis.sock?database=2&connections=4",
        "redis-sentinel://a,b:26380/main/1?sentinel_user=s&sentinel_password=x",
        "rediss-sentinel://a/main",
        "redis-cluster://a:1,b:2,c:3",
        "rediss-cluster://:secret@a",
    ] {
        assert!(RedisConfig::from_url(url).is_ok(), "{url}");
    }
}

#[test]
fn a_wrong_part_is_named() {
    for (url, part) in [
        ("localhost:6379", "scheme"),
        ("http://localhost", "scheme"),
        ("rediss+unix:///run/redis.sock", "scheme"),
        ("redis://", "host"),
        ("redis://localhost:0", "port"),
        ("redis://localhost:70000", "port"),
        ("redis://localhost/first", "database"),
        ("redis://localhost/256", "database"),
        ("redis-cluster://a/1", "database"),
        ("redis-sentinel://a:26379", "service"),
        ("redis+unix://", "path"),
        ("redis://localhost?namespace=", "namespace"),
        ("redis://localhost?namespace=a%20b", "namespace"),
        ("redis://localhost?connections=0", "connections"),
        ("redis://localhost?timeout=5", "timeout"),
        ("redis://localhost?timeout=1ms", "timeout"),
        ("redis://localhost?colour=red", "options"),
        ("redis://localhost?ca=/ca.pem", "options"),
        ("rediss://localhost?cert=/cert.pem", "options"),
        ("redis://localhost?scripts=python", "scripts"),
        ("redis://localhost?sentinel_user=a", "options"),
        ("redis://a:%zz@localhost", "password"),
    ] {
        assert_eq!(wrong(url).part(), part, "{url}");
    }
}

#[test]
fn no_message_shows_a_password() {
    for url in [
        "redis://app:hunter2@localhost:port",
        "redis://app:hunter2@",
        "redis://app:hunter2%@localhost",
        "redis://app:hun/ter2@localhost/x?hunter2=1",
        "redis-sentinel://localhost?sentinel_password=hunter2",
        "hunter2://app:hunter2@localhost",
    ] {
        let error = wrong(url);
        assert!(
            !format!("{error} {error:?}").contains("hunter2"),
            "{url}: {error}"
        );
    }
    let config =
        RedisConfig::from_url("redis-sentinel://u:hunter2@a/s?sentinel_password=hunter2").unwrap();
    assert!(!format!("{config:?}").contains("hunter2"));
}

#[test]
fn an_option_that_is_not_known_is_named() {
    let error = RedisConfig::from_url("redis://localhost?namespce=shop&timeout=2s").unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains("`namespce` is not known; known are namespace,"),
        "{text}"
    );
}

#[test]
fn the_length_of_queues_is_an_option() {
    let url = "redis://localhost?max_queue_length=100&max_queue_length.mail=5";
    let config = RedisConfig::from_url(url).unwrap();
    let of = |queue: &str| config.queue_limits().of(&queue.parse().unwrap());
    assert_eq!((of("default"), of("mail")), (Some(100), Some(5)));
    for wrong in [
        "max_queue_length=0",
        "max_queue_length=many",
        "max_queue_length.9=5",
        "max_queue_length.",
    ] {
        let error = RedisConfig::from_url(&format!("redis://localhost?{wrong}")).unwrap_err();
        assert!(
            error.to_string().contains("max_queue_length.mail=500"),
            "{wrong}: {error}"
        );
    }
    assert!(RedisConfig::from_url("redis://localhost?max_queue_lengths=5").is_err());
}
