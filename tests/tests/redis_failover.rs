//! Primaries that are demoted or die: scenarios C2, C3 and C6.

use aqueduct_redis_server::{RedisCluster, RedisSentinels};
use integration::redis::{Ledger, app, broker, note, queue_notes, server};

/// A primary that is demoted and promoted again while consumers block: READONLY ends no loop.
#[tokio::test]
async fn c2_a_demoted_primary_is_waited_for() {
    let server = server(&[]);
    let (mut ledger, writer) = Ledger::new();
    let app = app(broker(&server.url()).await, writer).await;
    for number in 0..5 {
        queue_notes(&app, [number]).await;
        ledger.all_of([number]).await;
        server.command(&["REPLICAOF", "127.0.0.1", "1"]).unwrap();
        let manager = app.task_manager().clone();
        let queued = async { while note::queue(&manager, number + 100).await.is_err() {} };
        let promoted = async { server.command(&["REPLICAOF", "NO", "ONE"]).unwrap() };
        tokio::join!(queued, promoted);
        ledger.all_of([number + 100]).await;
    }
    app.stop().await.unwrap();
}

/// The primary dies; sentinels promote a replica; work goes on there.
#[tokio::test]
#[ignore = "slow: cargo xtask chaos"]
async fn c3_a_dead_primary_is_replaced_by_sentinels() {
    let mut sentinels = RedisSentinels::start().unwrap();
    let (mut ledger, writer) = Ledger::new();
    let app = app(broker(&sentinels.url()).await, writer).await;
    queue_notes(&app, 0..20).await;
    ledger.all_of(0..20).await;
    sentinels.primary().unwrap().kill().unwrap();
    let manager = app.task_manager().clone();
    while note::queue(&manager, 100).await.is_err() {}
    queue_notes(&app, 101..120).await;
    ledger.all_of(100..120).await;
    app.stop().await.unwrap();
}

/// The primary of the namespace's slot dies; its replica takes over; work goes on there.
#[tokio::test]
#[ignore = "slow: cargo xtask chaos"]
async fn c6_a_dead_primary_is_replaced_in_a_cluster() {
    let mut cluster = RedisCluster::start().unwrap();
    let (mut ledger, writer) = Ledger::new();
    let app = app(broker(&cluster.url()).await, writer).await;
    queue_notes(&app, 0..20).await;
    ledger.all_of(0..20).await;
    cluster
        .primary_of("{aqueduct}:none")
        .unwrap()
        .kill()
        .unwrap();
    let manager = app.task_manager().clone();
    while note::queue(&manager, 100).await.is_err() {}
    queue_notes(&app, 101..120).await;
    ledger.all_of(100..120).await;
    app.stop().await.unwrap();
}
