//! Every death has a name, and its neighbours go on.

use std::sync::Arc;
use std::time::Duration;

use aqueduct_cpu_pool::{Ended, Order, Panicked, Profile, Workers};
use libtest_mimic::Trial;
use rustix::process::{Pid, Signal, kill_process};

use crate::support::{Pool, Watched, config, death, start, text, trial, work};

pub(crate) fn tests() -> Vec<Trial> {
    vec![
        trial("r01_sigkill_in_the_middle", sigkill),
        trial("r03_an_allocation_beyond_the_limit", out_of_memory),
        trial(
            "r05_stack_overflow_here_and_in_another_thread",
            stack_overflow,
        ),
        trial("r06_panics_of_every_kind", panics),
        trial("r08_abort_segfault_exit", abort_segfault_exit),
        trial("cpu_time_is_limited", cpu_time),
        trial("r15_a_stopped_worker_is_hung", hung),
        trial("r16_a_spinning_task_has_heartbeats", heartbeats),
    ]
}

async fn sigkill() {
    let pool = Arc::new(Pool::new());
    let mut watched = Watched::new(work("block", ""));
    let running = start(&pool, &mut watched);
    let pid = watched.reported().await.text.parse().unwrap();
    kill_process(Pid::from_raw(pid).unwrap(), Signal::KILL).unwrap();
    let death = death(running.await.unwrap());
    assert!(
        death.starts_with("killed by signal 9 (SIGKILL); was the system out of memory?"),
        "{death}"
    );
    Arc::into_inner(pool).unwrap().still_works().await;
}

async fn out_of_memory() {
    let pool = Pool::new();
    let mut profile = Profile::default();
    profile.memory_limit = Some(100 * 1024 * 1024);
    let mut order = Order::plain(work("hog", "400000000"));
    order.profile = Arc::new(profile);
    let death = death(pool.0.run(order).await);
    assert_eq!(
        death,
        "out of memory: an allocation of 400000000 bytes failed"
    );
    pool.still_works().await;
}

async fn stack_overflow() {
    let pool = Pool::new();
    let here = death(pool.run("overflow", "").await);
    assert!(
        here.starts_with("stack overflow in thread `cpu-work`"),
        "{here}"
    );
    let there = death(pool.run("overflow elsewhere", "").await);
    assert!(
        there.starts_with("stack overflow in thread `other`"),
        "{there}"
    );
    pool.still_works().await;
}

async fn panics() {
    let pool = Pool::new();
    for (how, message) in [
        ("text", "a text"),
        ("string", "a string of 6"),
        ("other", "not text"),
        ("bomb", "not text"),
    ] {
        let before = text(pool.run("pid", "").await);
        let Ended::Panicked(Panicked {
            message: said,
            location,
            thread,
            ..
        }) = pool.run("panic", how).await
        else {
            panic!("it panics");
        };
        assert!(said.contains(message), "{said}");
        assert!(location.contains("tests/workers/body.rs:"), "{location}");
        assert_eq!(thread, "cpu-work");
        assert_ne!(
            text(pool.run("pid", "").await),
            before,
            "the worker was replaced"
        );
    }
    assert_eq!(text(pool.run("panic elsewhere", "").await), "true");
    assert_eq!(pool.0.metrics().recycled, 4);
    pool.still_works().await;
}

async fn abort_segfault_exit() {
    let pool = Pool::new();
    for (act, params, name) in [
        ("abort", "", "killed by signal 6 (SIGABRT)"),
        ("signal", "11", "killed by signal 11 (SIGSEGV)"),
        ("signal", "7", "killed by signal 7 (SIGBUS)"),
        ("exit", "0", "the task called exit(0)"),
        ("exit", "7", "the task called exit(7)"),
    ] {
        let death = death(pool.run(act, params).await);
        assert!(death.starts_with(name), "{death}");
    }
    assert_eq!(pool.0.metrics().died, 5);
    pool.still_works().await;
}

async fn cpu_time() {
    let pool = Pool::new();
    let limited = work("spin", "").with_cpu_time(Some(Duration::from_millis(100)));
    let death = death(pool.0.run(Order::plain(limited)).await);
    assert_eq!(death, "the CPU time limit has passed (SIGXCPU)");
    pool.still_works().await;
}

async fn hung() {
    let mut config = config();
    config.heartbeat = Duration::from_millis(50);
    config.hang_timeout = Duration::from_millis(400);
    let pool = Pool::with(config);
    let death = death(pool.run("signal", "19").await);
    assert_eq!(death, "hung: no sign of life for 400ms");
    pool.still_works().await;
}

async fn heartbeats() {
    let mut config = config();
    config.heartbeat = Duration::from_millis(20);
    config.hang_timeout = Duration::from_millis(300);
    let pool = Pool::with(config);
    let limited = work("spin", "").with_cpu_time(Some(Duration::from_millis(900)));
    let death = death(pool.0.run(Order::plain(limited)).await);
    assert_eq!(death, "the CPU time limit has passed (SIGXCPU)", "not hung");
    pool.still_works().await;
}
