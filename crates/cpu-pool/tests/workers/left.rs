//! What work leaves behind, and what a worker may use.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use aqueduct_cpu_pool::{Ended, Force, MemoryBudget, Profile, Workers};
use libtest_mimic::Trial;

use crate::orphans::gone;
use crate::support::{Pool, Watched, config, death, start, text, trial, work};

pub(crate) fn tests() -> Vec<Trial> {
    vec![
        trial("r24_what_work_leaves_behind_ends_before_it", left_behind),
        trial("r24_what_has_left_the_group_stays", escaped),
        trial("programs_of_the_state_stay", state_stays),
        trial("a_worker_over_its_share_of_memory_is_killed", over_budget),
        trial("workers_are_polite", polite),
        trial(
            "r02_done_counts_although_the_worker_is_killed_behind_it",
            killed_behind,
        ),
        trial(
            "work_for_a_worker_that_is_gone_goes_to_another",
            gone_between,
        ),
    ]
}

fn lives(pid: &str) -> bool {
    Path::new("/proc").join(pid).exists()
}

async fn left_behind() {
    let pool = Pool::new();
    let worker = text(pool.run("pid", "").await);
    for command in ["sleep 1000", "sh -c 'sleep 1000; sleep 1000'"] {
        let left = text(pool.run("leave behind", command).await);
        assert!(!lives(&left), "{left} goes on");
    }
    assert_eq!(text(pool.run("pid", "").await), worker, "the worker stays");
    pool.still_works().await;
}

async fn escaped() {
    let pool = Pool::new();
    let left = text(pool.run("escape", "").await);
    pool.still_works().await;
    assert!(lives(&left), "a daemon is nobody's business");
    let pid = rustix::process::Pid::from_raw(left.parse().unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
}

async fn state_stays() {
    let pool = Pool::new();
    let mut profile = Profile::default();
    profile
        .env
        .insert("PREPARE".to_owned(), "helper".to_owned());
    let worker = text(pool.run_in(profile.clone(), "pid").await);
    let children = children_of(&worker);
    assert_eq!(children.len(), 1, "{children:?}");
    let mut order = aqueduct_cpu_pool::Order::plain(work("leave behind", "sleep 1000"));
    order.profile = Arc::new(profile.clone());
    let left = text(pool.0.run(order).await);
    assert!(!lives(&left));
    assert_eq!(text(pool.run_in(profile, "pid").await), worker);
    assert_eq!(children_of(&worker), children, "the helper stays");
    pool.close().await;
    gone(&children.join(" ")).await;
}

/// Returns the children of a process.
fn children_of(pid: &str) -> Vec<String> {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task"))
        .unwrap()
        .flatten();
    let lists = tasks.filter_map(|it| std::fs::read_to_string(it.path().join("children")).ok());
    let all: Vec<String> = lists.collect();
    all.iter()
        .flat_map(|list| list.split_whitespace().map(str::to_owned))
        .collect()
}

async fn over_budget() {
    let mut config = config();
    config.memory_budget = MemoryBudget::Bytes(200 * 1024 * 1024);
    let pool = Pool::with(config);
    let death = death(pool.run("hog and block", "150000000").await);
    let used = death.strip_prefix("out of memory: ").unwrap();
    let (used, rest) = used.split_once(' ').unwrap();
    assert!(used.parse::<u64>().unwrap() >= 100, "{death}");
    assert_eq!(rest, "MiB in use, and the share of a worker is 100 MiB");
    assert_eq!(pool.0.metrics().died, 1);
    pool.still_works().await;
}

async fn polite() {
    let pool = Pool::new();
    let nice = |stat: String| {
        stat.rsplit(')')
            .next()
            .unwrap()
            .split(' ')
            .nth(17)
            .map(str::to_owned)
    };
    let own = nice(std::fs::read_to_string("/proc/self/stat").unwrap()).unwrap();
    let own: i32 = own.parse().unwrap();
    let worker = text(pool.run("pid", "").await);
    let its = nice(std::fs::read_to_string(format!("/proc/{worker}/stat")).unwrap());
    assert_eq!(its, Some((own + 10).min(19).to_string()));
    let mut equal = Profile::default();
    equal.nice = Some(0);
    let worker = text(pool.run_in(equal, "pid").await);
    let its = nice(std::fs::read_to_string(format!("/proc/{worker}/stat")).unwrap());
    assert_eq!(its, Some(own.to_string()));
    pool.still_works().await;
}

async fn killed_behind() {
    for is_stopped in [false, true] {
        let pool = Arc::new(Pool::new());
        let mut watched = Watched::new(work("done, then killed", ""));
        let running = start(&pool, &mut watched);
        let worker = watched.reported().await.text;
        if is_stopped {
            watched.stop(Force::Ask);
        }
        let Ended::Done { result, .. } = running.await.unwrap() else {
            panic!("it is done");
        };
        assert_eq!(result, b"late");
        // It has said that it is done before it was: so it must not be given more.
        gone(&worker).await;
        Arc::into_inner(pool).unwrap().still_works().await;
    }
}

async fn gone_between() {
    let mut config = config();
    config.idle_timeout = Duration::from_hours(1);
    let pool = Pool::with(config);
    for _ in 0..50 {
        let worker = text(pool.run("pid", "").await);
        let pid = rustix::process::Pid::from_raw(worker.parse().unwrap()).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
        // Its pipe is closed, which the pool may not have noticed yet.
        gone(&worker).await;
        assert_ne!(text(pool.run("pid", "").await), worker);
    }
    pool.still_works().await;
}
