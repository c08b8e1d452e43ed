//! How long workers live, and that nothing piles up.

use std::time::Duration;

use aqueduct_cpu_pool::{Ended, Workers};
use libtest_mimic::Trial;

use crate::support::{Pool, Watched, alone, config, open_files, start, text, trial, work};

pub(crate) fn tests() -> Vec<Trial> {
    vec![
        trial(
            "r23_descriptors_stay_flat_over_runs_recycles_and_crashes",
            || alone("parent-descriptors"),
        ),
        trial("r32_a_worker_for_each_run", one_run_each),
        trial("r32_memory_that_was_freed_does_not_count", memory),
        trial("idle_workers_above_the_minimum_leave", idle),
        trial("the_first_workers_are_started_at_once", warm_up),
        trial("r31_a_dropped_pool_leaves_nothing", dropped),
        trial("r31_a_dropped_runtime_leaves_nothing", || {
            runtime_ends(false)
        }),
        trial("r31_a_panic_of_the_owner_leaves_nothing", || {
            runtime_ends(true)
        }),
    ]
}

/// In a process of its own: other tests open and close descriptors meanwhile.
pub(crate) async fn descriptors_here() {
    let mut config = config();
    config.max_runs = Some(50);
    let pool = Pool::with(config);
    let files = |text: String| text.parse::<usize>().unwrap();
    let in_worker = files(text(pool.run("files", "").await));
    let before = open_files();
    for _ in 0..1000 {
        text(pool.run("echo", "x").await);
    }
    for _ in 0..100 {
        assert!(matches!(pool.run("abort", "").await, Ended::Died(_)));
    }
    text(pool.run("echo", "x").await);
    assert_eq!(files(text(pool.run("files", "").await)), in_worker);
    // One worker was there before and one is there now; another may just be leaving.
    assert!(
        open_files() <= before + 6,
        "{} before, {} now",
        before,
        open_files()
    );
    pool.close().await;
}

async fn one_run_each() {
    let mut config = config();
    config.max_runs = Some(1);
    let pool = Pool::with(config);
    let mut pids = std::collections::BTreeSet::new();
    for _ in 0..100 {
        pids.insert(text(pool.run("pid", "").await));
    }
    assert_eq!(pids.len(), 100);
    assert_eq!(pool.0.metrics().recycled, 100);
    pool.close().await;
}

async fn memory() {
    let mut config = config();
    config.max_memory = Some(200 * 1024 * 1024);
    let pool = Pool::with(config);
    let pid = text(pool.run("pid", "").await);
    assert_eq!(text(pool.run("hog", "300000000").await), "300000000");
    assert_eq!(text(pool.run("pid", "").await), pid, "it was freed");
    pool.close().await;
}

async fn idle() {
    let mut config = config();
    config.workers = 3;
    config.idle_timeout = Duration::from_millis(20);
    let pool = Pool::with(config);
    let runs = tokio::join!(
        pool.run("pid", ""),
        pool.run("pid", ""),
        pool.run("pid", "")
    );
    assert_ne!(text(runs.0), text(runs.1));
    while pool.0.metrics().workers > 1 {
        tokio::task::yield_now().await;
    }
    pool.still_works().await;
}

async fn warm_up() {
    let mut config = config();
    config.min_workers = 2;
    let pool = Pool::with(config);
    pool.0.warm_up().await.unwrap();
    let metrics = pool.0.metrics();
    assert_eq!((metrics.workers, metrics.started, metrics.runs), (2, 2, 0));
    pool.still_works().await;
}

async fn dropped() {
    let pool = Pool::new();
    let pid = text(pool.run("pid", "").await);
    let busy = text(pool.run("grandchild", "return").await);
    drop(pool);
    crate::orphans::gone(&format!("{pid} {busy}")).await;
}

/// The runtime of a busy pool goes away: it is dropped, or its owner panics.
async fn runtime_ends(by_panic: bool) {
    let (say, said) = std::sync::mpsc::channel();
    let owner = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build();
        let runtime = runtime.unwrap();
        let pool = std::sync::Arc::new(runtime.block_on(async { Pool::new() }));
        let idle = text(runtime.block_on(pool.run("pid", "")));
        let mut watched = Watched::new(work("grandchild", "block"));
        let pids = runtime.block_on(async {
            let _running = start(&pool, &mut watched);
            watched.reported().await.text
        });
        say.send(format!("{idle} {pids}")).unwrap();
        assert!(!by_panic, "a panic on purpose");
        drop(runtime);
        pool
    });
    let pids = said.recv().unwrap();
    crate::orphans::gone(&pids).await;
    // A pool without its runtime is dropped like any other.
    let ended = tokio::task::block_in_place(|| owner.join().is_err());
    assert_eq!(ended, by_panic);
}
