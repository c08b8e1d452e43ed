//! Parameters, results, requests, output: what goes over the pipes.

use std::sync::Arc;

use aqueduct_cpu_pool::{Ended, Order, Workers};
use libtest_mimic::Trial;
use rustix::process::{Pid, Signal, kill_process};

use crate::support::{Pool, Watched, alone, config, death, start, text, trial, work};

pub(crate) fn tests() -> Vec<Trial> {
    vec![
        trial("work_runs_in_another_process", another_process),
        trial("a_failure_comes_back_with_its_detail", failure),
        trial("r09_garbage_on_the_pipe_is_a_protocol_violation", garbage),
        trial("r10_whatever_a_task_prints_it_ends_well", prints),
        trial("r11_a_task_that_reads_stdin_gets_its_end", stdin),
        trial("r26_64_mib_both_ways", large),
        trial("r26_one_byte_too_many_is_a_failure_not_a_death", too_large),
        trial(
            "r33_requests_are_answered_refused_and_ten_thousand_are_fine",
            requests,
        ),
        trial(
            "r33_a_worker_that_dies_while_it_awaits_an_answer",
            dies_asking,
        ),
        trial("what_is_printed_before_there_is_work_is_logged", || {
            alone("parent-early-prints")
        }),
        trial("logs_arrive_with_their_fields", logs),
    ]
}

async fn another_process() {
    let pool = Pool::new();
    let pid = text(pool.run("pid", "").await);
    assert_ne!(pid, std::process::id().to_string());
    assert_eq!(
        text(pool.run("pid", "").await),
        pid,
        "workers are used again"
    );
    pool.still_works().await;
}

async fn failure() {
    let pool = Pool::new();
    let Ended::Failed(failed) = pool.run("fail", "detail").await else {
        panic!("it fails");
    };
    assert_eq!(
        (failed.message.as_str(), failed.detail.as_slice()),
        ("it failed", b"detail".as_slice())
    );
    pool.still_works().await;
}

async fn garbage() {
    let pool = Pool::new();
    let kinds = [
        ("magic", "no frame begins here"),
        ("length", "a blob of 4294967295 bytes"),
        ("unknown kind", "unknown kind 0x77"),
        ("wrong direction", "Work in the middle of work"),
        ("wrong time", "Ready in the middle of work"),
        ("bad map", "a map that does not fit"),
    ];
    for (what, problem) in kinds {
        let death = death(pool.run("garbage", what).await);
        assert!(
            death.starts_with("protocol violation") && death.contains(problem),
            "{death}"
        );
    }
    let death = death(pool.run("garbage", "truncated").await);
    assert!(death.contains("SIGABRT"), "{death}");
    pool.still_works().await;
}

async fn prints() {
    let pool = Pool::new();
    for what in ["lines", "binary", "no newline"] {
        assert_eq!(text(pool.run("print", what).await), "printed");
    }
    assert!(
        pool.0.metrics().lines_dropped > 100_000,
        "{:?}",
        pool.0.metrics()
    );
    pool.close().await;
    let pool = Pool::new();
    let mut watched = Watched::new(work("print", "lines"));
    assert_eq!(text(pool.0.run(watched.order()).await), "printed");
    let lines = watched.probe.lines.lock().unwrap().clone();
    let told = lines.iter().filter(|line| line.contains("left out"));
    assert_eq!(told.count(), 1, "what is missing is told once");
    pool.close().await;
    let pool = Pool::new();
    let mut watched = Watched::new(work("print", "hello"));
    assert_eq!(text(pool.0.run(watched.order()).await), "printed");
    let lines = watched.probe.lines.lock().unwrap().clone();
    assert!(lines.contains(&"hello, on stderr".to_owned()), "{lines:?}");
    pool.still_works().await;
}

async fn stdin() {
    let pool = Pool::new();
    assert_eq!(text(pool.run("stdin", "").await), "");
    pool.still_works().await;
}

async fn large() {
    let pool = Pool::new();
    let params = vec![b'x'; 64 * 1024 * 1024];
    let Ended::Done { result, .. } = pool.run("echo", params.clone()).await else {
        panic!("it is done");
    };
    assert!(result == params);
    pool.still_works().await;
}

async fn too_large() {
    let mut config = config();
    config.max_payload = 1000;
    let pool = Pool::with(config);
    let pid = text(pool.run("pid", "").await);
    for act in ["zeros", "detail"] {
        let Ended::Failed(failed) = pool.run(act, "1001").await else {
            panic!("it fails");
        };
        assert!(
            failed.message.contains("1001 bytes; at most 1000"),
            "{}",
            failed.message
        );
    }
    let Ended::Failed(failed) = pool.run("echo", vec![0; 1001]).await else {
        panic!("it is refused");
    };
    assert!(
        failed.message.contains("the parameters have 1001 bytes"),
        "{}",
        failed.message
    );
    assert_eq!(text(pool.run("pid", "").await), pid, "the worker lives on");
    pool.still_works().await;
}

async fn requests() {
    let pool = Pool::new();
    let mut watched = Watched::new(work("request", "abc"));
    assert_eq!(text(pool.0.run(watched.order()).await), "cba");
    let mut watched = Watched::new(work("request", "10000"));
    assert_eq!(text(pool.0.run(watched.order()).await), "00001");
    let mut watched = Watched::new(work("request", "refuse"));
    let Ended::Failed(failed) = pool.0.run(watched.order()).await else {
        panic!("it is refused");
    };
    assert_eq!(failed.message, "as you wish");
    let unanswered = pool.0.run(Order::plain(work("request", "x"))).await;
    assert!(matches!(unanswered, Ended::Failed(_)));
    assert_eq!(pool.0.metrics().relayed, 10_003);
    pool.still_works().await;
}

async fn dies_asking() {
    let pool = Arc::new(Pool::new());
    let mut watched = Watched::new(work("request, then abort", ""));
    let running = start(&pool, &mut watched);
    let pid = watched.reported().await.text;
    assert_eq!(watched.reported().await.text, "asked");
    kill_process(Pid::from_raw(pid.parse().unwrap()).unwrap(), Signal::ABORT).unwrap();
    let death = death(running.await.unwrap());
    assert!(death.starts_with("killed by signal 6"), "{death}");
    assert_eq!(pool.0.metrics().relayed, 1);
    Arc::into_inner(pool).unwrap().still_works().await;
}

async fn logs() {
    let pool = Pool::new();
    let mut watched = Watched::new(work("log", ""));
    assert_eq!(text(pool.0.run(watched.order()).await), "");
    let logs = watched.probe.logs.lock().unwrap().clone();
    assert_eq!(logs.len(), 1);
    assert_eq!((logs[0].level, logs[0].message.as_str()), (2, "careful"));
    assert_eq!(logs[0].fields, [("size".to_owned(), "7".to_owned())]);
    pool.still_works().await;
}
