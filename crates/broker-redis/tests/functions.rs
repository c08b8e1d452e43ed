//! Functions instead of scripts, on a server that allows no scripts.

use aqueduct_broker_api::{BrokerError, BrokerErrorKind, BrokerExt};
use aqueduct_broker_redis::{RedisBroker, RedisConfig};
use aqueduct_core::{Payload, QueuedTask, RunId, TaskName, Timestamp};
use aqueduct_redis_server::RedisServer;

fn task() -> QueuedTask {
    let id = RunId::generate(Timestamp::MIN);
    QueuedTask::new(id, TaskName::from_static("a"), Payload::empty())
}

async fn open(server: &RedisServer, options: &str) -> Result<RedisBroker, BrokerError> {
    let url = format!("redis://guest:secret@127.0.0.1:{}?{options}", server.port());
    RedisBroker::from_url(&url).await
}

#[tokio::test]
async fn an_operator_loads_the_library_where_scripts_are_not_allowed() {
    let server = RedisServer::start().unwrap();
    let user = [
        "ACL",
        "SETUSER",
        "guest",
        "on",
        ">secret",
        "~*",
        "+@all",
        "-eval",
        "-evalsha",
        "-function",
    ];
    server.command(&user).unwrap();
    let refused = open(&server, "").await.unwrap_err();
    assert_eq!(refused.kind(), BrokerErrorKind::Config);
    let refused = open(&server, "scripts=functions").await.unwrap_err();
    assert_eq!(
        refused.kind(),
        BrokerErrorKind::Config,
        "the library is not there yet"
    );
    let library = RedisConfig::function_library();
    server
        .command(&["FUNCTION", "LOAD", "REPLACE", &library])
        .unwrap();
    let broker = open(&server, "scripts=functions").await.unwrap();
    broker.queue_task(task()).await.unwrap();
    assert_eq!(
        broker.queue_length().await.unwrap().values().sum::<u64>(),
        1
    );
}

#[tokio::test]
async fn a_library_is_loaded_on_demand_and_again_when_it_is_gone() {
    let server = RedisServer::start().unwrap();
    let broker = RedisBroker::from_url(&format!("{}?scripts=functions", server.url()))
        .await
        .unwrap();
    for _ in 0..3 {
        server.command(&["FUNCTION", "FLUSH"]).unwrap();
        broker.queue_task(task()).await.unwrap();
    }
    assert_eq!(
        broker.queue_length().await.unwrap().values().sum::<u64>(),
        3
    );
}
