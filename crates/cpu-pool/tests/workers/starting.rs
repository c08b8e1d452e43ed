//! Starts that fail, and what a worker is started with.

use std::time::Duration;

use aqueduct_cpu_pool::{Ended, PoolConfig, ProcessPool, Profile, Program, StartError, Workers};
use libtest_mimic::Trial;

use crate::support::{Pool, config, text, trial};

pub(crate) fn tests() -> Vec<Trial> {
    vec![
        trial("r17_a_program_that_cannot_be_executed", not_executable),
        trial(
            "r18_the_file_of_the_program_is_moved_deleted_replaced",
            file_is_gone,
        ),
        trial("r19_a_worker_that_lacks_a_task_is_refused", skew),
        trial("r20_a_main_without_the_hook_is_never_ready", no_hook),
        trial(
            "r20_a_program_that_ends_at_once_is_never_ready",
            ends_at_once,
        ),
        trial("r21_a_program_that_a_worker_starts_is_ordinary", nested),
        trial(
            "r22_state_that_fails_panics_or_hangs_costs_no_run",
            init_fails,
        ),
        trial("the_breaker_opens_and_closes", breaker),
        trial("profiles_have_workers_of_their_own", profiles),
        trial(
            "r29_the_pool_is_created_from_a_thread_that_ends",
            short_lived_thread,
        ),
    ]
}

fn with(program: Program) -> Pool {
    let mut config = config();
    config.program = program;
    config.ready_timeout = Duration::from_millis(300);
    Pool::with(config)
}

async fn problem(pool: &Pool) -> StartError {
    match pool.run("echo", "x").await {
        Ended::NotStarted(error) => error,
        other => panic!("no start: {other:?}"),
    }
}

async fn not_executable() {
    for path in ["/nowhere/at/all", "/etc/passwd", "/"] {
        let pool = with(Program::at(path));
        let error = problem(&pool).await;
        assert_eq!(error.stage(), "spawn", "{error}");
        assert_eq!(pool.0.open_places(), 0, "no start is tried for a while");
        pool.close().await;
    }
}

async fn file_is_gone() {
    let folder = std::env::temp_dir().join(format!("aqueduct-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let copy = folder.join("program");
    for (act, new) in [
        ("moved", Some("elsewhere")),
        ("deleted", None),
        ("replaced", None),
    ] {
        std::fs::copy("/proc/self/exe", &copy).unwrap();
        let mut program = std::process::Command::new(&copy);
        program.arg("parent-on-demand").env("ACT", act);
        program
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped());
        let mut running = tokio::task::block_in_place(|| crate::orphans::Parent::start(program));
        match new {
            Some(new) => std::fs::rename(&copy, folder.join(new)).unwrap(),
            None => std::fs::remove_file(&copy).unwrap(),
        }
        if act == "replaced" {
            std::fs::copy("/bin/false", &copy).unwrap();
        }
        let said = tokio::task::block_in_place(|| running.go_on());
        assert_eq!(said, "it works", "{act}");
    }
    std::fs::remove_dir_all(&folder).unwrap();
}

async fn skew() {
    let names = vec!["echo".to_owned(), "other".to_owned()];
    let pool = Pool(ProcessPool::new(config(), names).unwrap());
    let error = problem(&pool).await;
    assert_eq!(error.stage(), "handshake");
    assert!(error.to_string().contains("does not know other"), "{error}");
    pool.close().await;
}

async fn no_hook() {
    let pool = with(Program::at("/bin/cat"));
    let error = problem(&pool).await;
    assert_eq!(error.stage(), "hook");
    assert!(error.to_string().contains("#[aqueduct::main]"), "{error}");
    pool.close().await;
}

async fn ends_at_once() {
    let pool = with(Program::at("/bin/sh").with_args(["-c", "echo usage: none >&2; exit 3"]));
    let error = problem(&pool).await;
    assert_eq!(error.stage(), "hook");
    let text = error.to_string();
    assert!(
        text.contains("ended with code 3") && text.contains("usage: none"),
        "{text}"
    );
    pool.close().await;
}

async fn nested() {
    let pool = Pool::new();
    assert_eq!(text(pool.run("nested", "").await), "an ordinary program\n");
    pool.still_works().await;
}

async fn init_fails() {
    for (how, what) in [
        ("fail", "the model is missing"),
        ("panic", "panicked: the model is broken"),
        ("hang", "its state was not made"),
    ] {
        let mut config = config();
        if how == "hang" {
            config.ready_timeout = Duration::from_millis(500);
        }
        let pool = Pool::with(config);
        let mut profile = Profile::default();
        profile.env.insert("PREPARE".to_owned(), how.to_owned());
        match pool.run_in(profile, "echo").await {
            Ended::NotStarted(error) => assert!(error.to_string().contains(what), "{error}"),
            other => panic!("no start: {other:?}"),
        }
        assert_eq!(pool.0.metrics().runs, 0);
        pool.close().await;
    }
}

async fn breaker() {
    let mut config = config();
    config.restart_limit = 2;
    let pool = Pool::with(config);
    assert_eq!(pool.0.open_places(), 2);
    let mut broken = Profile::default();
    broken.env.insert("PREPARE".to_owned(), "fail".to_owned());
    for _ in 0..2 {
        pool.0.reopened().await;
        let ended = pool.run_in(broken.clone(), "echo").await;
        assert!(matches!(ended, Ended::NotStarted(_)), "{ended:?}");
    }
    assert!(pool.0.metrics().is_degraded);
    assert_eq!(pool.0.open_places(), 0);
    pool.close().await;
}

async fn profiles() {
    let pool = Pool::new();
    let mut fast = Profile::default();
    fast.env.insert("MODE".to_owned(), "fast".to_owned());
    fast.nice = Some(3);
    fast.cores = vec![0];
    let plain = text(pool.run("pid", "").await);
    let special = text(pool.run_in(fast.clone(), "pid").await);
    assert_ne!(plain, special);
    assert_eq!(text(pool.run_in(fast.clone(), "pid").await), special);
    assert_eq!(text(pool.run("pid", "").await), plain);
    let status = text(pool.run_in(fast, "status").await);
    let cores = status
        .lines()
        .find(|line| line.starts_with("Cpus_allowed_list"));
    assert_eq!(cores.unwrap().split_whitespace().last(), Some("0"));
    let limits = text(pool.run("limits", "").await);
    let core = limits
        .lines()
        .find(|line| line.starts_with("Max core file size"));
    assert_eq!(core.unwrap().split_whitespace().nth(4), Some("0"));
    assert_eq!(text(pool.run("env", "RAYON_NUM_THREADS").await), "1");
    pool.still_works().await;
}

async fn short_lived_thread() {
    let runtime = tokio::runtime::Handle::current();
    let thread = std::thread::spawn(move || {
        let _entered = runtime.enter();
        let pool = Pool::with(PoolConfig::default());
        let pid = runtime.block_on(async { text(pool.run("pid", "").await) });
        (pool, pid)
    });
    let (pool, pid) = tokio::task::block_in_place(|| thread.join().unwrap());
    assert_eq!(text(pool.run("pid", "").await), pid, "its worker lives on");
    pool.still_works().await;
}
