//! Many at once, on several threads.

use std::collections::HashSet;

use aqueduct_broker_api::{Fire, Fired, ScheduleDefinition, ScheduleStore, Settled};
use aqueduct_core::{RunState, Schedule};
use tokio::task::JoinSet;

use crate::fixture::{Bench, named, succeed, task_name};

const CONSUMERS: usize = 8;
const RUNS: usize = 2000;

/// Consumers that claim at the same time share the runs: none is held twice, none is lost.
pub async fn no_run_is_held_twice_and_none_is_lost(bench: Bench) {
    let mut lost = HashSet::with_capacity(RUNS);
    for _ in 0..RUNS / 500 {
        let tasks: Vec<_> = (0..500).map(|_| named("a")).collect();
        lost.extend(tasks.iter().map(|task| task.id));
        bench.queue(tasks).await;
    }
    let mut consumers = JoinSet::new();
    for _ in 0..CONSUMERS {
        let mut consumer = bench.consumer();
        consumers.spawn(async move {
            let mut mine = Vec::new();
            while mine.len() <= RUNS {
                let leases = consumer.claim(7).await;
                if leases.is_empty() {
                    break;
                }
                mine.extend(leases.iter().map(|lease| lease.run().id));
                let items = leases
                    .into_iter()
                    .map(|lease| lease.settle(succeed()))
                    .collect();
                for settled in consumer.settle_items(items).await {
                    assert_eq!(settled, Settled::Applied(RunState::Succeeded));
                }
                tokio::task::yield_now().await;
            }
            mine
        });
    }
    let mut seen = HashSet::with_capacity(RUNS);
    for run in consumers.join_all().await.concat() {
        assert!(seen.insert(run), "run {run} was claimed twice");
        assert!(lost.remove(&run), "run {run} was claimed, never queued");
    }
    if let Some(run) = lost.iter().min() {
        let count = lost.len();
        panic!("{count} of {RUNS} runs were lost, the oldest is {run}");
    }
}

/// Schedulers that fire the same tick at the same time enqueue one run.
pub async fn a_tick_fires_once_for_many(bench: Bench) {
    let schedule = Schedule::cron("* * * * *").unwrap();
    let definition = ScheduleDefinition::new("s".parse().unwrap(), schedule, task_name("a"));
    bench
        .schedules()
        .upsert(std::slice::from_ref(&definition))
        .await
        .unwrap();
    for _ in 0..20 {
        let tick = definition.schedule.next_after(bench.now()).unwrap();
        bench.advance(tick.saturating_since(bench.now())).await;
        let mut schedulers = JoinSet::new();
        for _ in 0..CONSUMERS {
            let (store, fire) = (bench.schedules().clone(), Fire::tick(&definition, tick));
            schedulers.spawn(async move { store.fire(&fire).await.unwrap() });
        }
        let fired = schedulers.join_all().await;
        let winners = fired
            .iter()
            .filter(|fired| matches!(fired, Fired::Fired(_)))
            .count();
        assert_eq!(winners, 1, "{fired:?}");
    }
    assert_eq!(bench.consumer().claim(99).await.len(), 20);
}
