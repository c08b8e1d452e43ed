//! Waking whoever waits: every path into ready, without polling.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use aqueduct_broker_api::{Broker, BrokerAdmin, PauseScope, Settlement, WaitRequest};
use aqueduct_core::Lane;
use aqueduct_core::queue::Due;

use super::limits::{at_once, limited, rate};
use crate::fixture::{Bench, PAST_LEASE, fail, named, queue_name, succeed, within};

/// A wait that no case reaches the end of: if it does, the wake-up was lost.
const AT_MOST: Duration = Duration::from_mins(1);

fn wait(bench: &Bench) -> impl Future<Output = ()> + Send + 'static {
    let queues = Arc::from([queue_name("default")]);
    let request = WaitRequest::new(vec![Lane::Io], queues, AT_MOST);
    let broker = bench.broker.clone();
    async move {
        within("the wake-up was lost", broker.wait_ready(&request))
            .await
            .unwrap();
    }
}

/// Waits, does something meanwhile, and claims what that made ready.
async fn woken_by(bench: &Bench, change: impl Future<Output = ()>) {
    tokio::join!(wait(bench), change);
    assert_eq!(bench.consumer().claim(9).await.len(), 1);
}

/// An enqueue wakes.
pub async fn an_enqueue_wakes(bench: Bench) {
    woken_by(&bench, async {
        let _ = bench.queue_one("a").await;
    })
    .await;
}

/// A run that becomes due wakes.
pub async fn a_due_run_wakes(bench: Bench) {
    let mut later = named("a");
    later.due = Due::After(Duration::from_secs(9));
    bench.queue([later]).await;
    woken_by(&bench, bench.advance(Duration::from_secs(9))).await;
}

/// A run that is given back wakes.
pub async fn a_release_wakes(bench: Bench) {
    bench.queue_one("a").await;
    let mut consumer = bench.consumer();
    let lease = consumer.claim_one().await;
    woken_by(&bench, async {
        let _ = consumer.settle(lease, Settlement::Release).await;
    })
    .await;
}

/// A place that gets free wakes whoever can take what waits for it.
pub async fn a_freed_place_wakes(bench: Bench) {
    bench
        .queue(["a", "b"].map(|name| limited(name, [at_once("k", 1)])))
        .await;
    let mut consumer = bench.consumer();
    let lease = consumer.claim_one().await;
    assert!(bench.consumer().claim(9).await.is_empty());
    woken_by(&bench, async {
        let _ = consumer.settle(lease, succeed()).await;
    })
    .await;
}

/// A rate limit that lets the next run start wakes.
pub async fn an_opened_rate_wakes(bench: Bench) {
    let per = Duration::from_secs(9);
    bench
        .queue(["a", "b"].map(|name| limited(name, [rate("k", 1, per)])))
        .await;
    assert_eq!(bench.consumer().claim(9).await.len(), 1);
    woken_by(&bench, bench.advance(per)).await;
}

/// A run that is taken back from a dead consumer wakes.
pub async fn a_reclaim_wakes(bench: Bench) {
    bench.queue_one("a").await;
    let _lost = bench.consumer().claim_one().await;
    bench.beat().await;
    woken_by(&bench, async {
        let _ = bench.advance_in_beats(PAST_LEASE).await;
    })
    .await;
}

/// A requeued run wakes.
pub async fn a_requeue_wakes(bench: Bench) {
    let id = bench.queue_one("a").await;
    let mut consumer = bench.consumer();
    let lease = consumer.claim_one().await;
    consumer.settle(lease, fail()).await;
    woken_by(&bench, async {
        let _ = bench.admin().requeue(&[id]).await;
    })
    .await;
}

/// A resumed queue wakes.
pub async fn a_resumed_queue_wakes(bench: Bench) {
    bench.queue_one("a").await;
    let scope = PauseScope::Queue(queue_name("default"));
    bench.admin().set_paused(&scope, true).await.unwrap();
    woken_by(&bench, async {
        let _ = bench.admin().set_paused(&scope, false).await;
    })
    .await;
}

/// A waiter that is dropped when it was about to wake takes nothing with it.
pub async fn a_dropped_waiter_loses_nothing(bench: Bench) {
    for _ in 0..20 {
        let first = wait(&bench);
        let second = wait(&bench);
        let change = async {
            let mut queue = pin!(bench.queue_one("a"));
            let is_queued = tokio::select! {
                biased;
                () = first => false,
                _ = &mut queue => true,
            };
            if !is_queued {
                queue.await;
            }
        };
        tokio::join!(second, change);
        assert_eq!(bench.consumer().claim(9).await.len(), 1);
    }
}

/// Nobody waits while there is something to claim.
pub async fn ready_runs_do_not_wait(bench: Bench) {
    bench.queue_one("a").await;
    wait(&bench).await;
    wait(&bench).await;
}
