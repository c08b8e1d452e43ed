//! What is checked of a server.

use super::{problem_of, warning_of};
use crate::config::RedisConfig;

fn config(url: &str) -> RedisConfig {
    RedisConfig::from_url(url).unwrap()
}

#[test]
fn an_old_server_is_refused() {
    let problem = problem_of("redis_version:6.2.14\r\n", &config("redis://localhost")).unwrap();
    assert!(problem.contains("6.2.14"), "{problem}");
    assert_eq!(
        problem_of("redis_version:7.0.0\r\n", &config("redis://localhost")),
        None
    );
    assert!(problem_of("", &config("redis://localhost")).is_some());
}

#[test]
fn a_server_that_evicts_is_refused_unless_it_is_accepted() {
    let info = "redis_version:7.4.1\r\nmaxmemory_policy:allkeys-lru\r\n";
    let problem = problem_of(info, &config("redis://localhost")).unwrap();
    assert!(problem.contains("noeviction"), "{problem}");
    assert_eq!(
        problem_of(info, &config("redis://localhost?accept_eviction=yes")),
        None
    );
}

#[test]
fn missing_persistence_is_a_warning() {
    assert!(warning_of("aof_enabled:0\r\nrdb_last_save_time:17\r\n").is_some());
    assert!(warning_of("aof_enabled:1\r\nrdb_last_save_time:17\r\n").is_none());
}
