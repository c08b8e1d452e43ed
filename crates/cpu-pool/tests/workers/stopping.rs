//! The stop ladder, on real workers.

use std::sync::Arc;

use aqueduct_cpu_pool::{Ended, Force};
use libtest_mimic::Trial;
use rustix::process::{Pid, Signal, kill_process};

use crate::orphans::gone;
use crate::support::{Pool, Watched, start, text, trial, work};

pub(crate) fn tests() -> Vec<Trial> {
    vec![
        trial("r12_what_does_not_listen_is_terminated", || climbs("block")),
        trial("r12_what_spins_is_terminated", || climbs("spin")),
        trial(
            "r13_what_listens_ends_by_itself_and_its_worker_stays",
            listens,
        ),
        trial("r14_a_stop_races_the_end", races),
        trial("r24_programs_that_a_task_starts_die_with_it", grandchildren),
        trial("r30_sigterm_to_a_busy_worker_lets_it_finish", sigterm),
        trial("work_that_waits_for_a_place_can_be_stopped", waits),
        trial("a_dropped_run_is_killed", dropped),
    ]
}

fn alone(pool: Arc<Pool>) -> Pool {
    Arc::into_inner(pool).unwrap()
}

async fn climbs(act: &str) {
    let pool = Arc::new(Pool::new());
    for force in [Force::Ladder, Force::Kill] {
        let mut watched = Watched::new(work(act, ""));
        let running = start(&pool, &mut watched);
        watched.reported().await;
        watched.stop(force);
        assert_eq!(running.await.unwrap(), Ended::Stopped { by_force: true });
    }
    alone(pool).still_works().await;
}

async fn listens() {
    let pool = Arc::new(Pool::new());
    let pid = text(pool.run("pid", "").await);
    for force in [Force::Ask, Force::Ladder] {
        let mut watched = Watched::new(work("poll", ""));
        let running = start(&pool, &mut watched);
        watched.reported().await;
        watched.stop(force);
        let Ended::Failed(failed) = running.await.unwrap() else {
            panic!("it ends by itself");
        };
        assert_eq!(failed.message, "ends because of: requested: a test");
    }
    assert_eq!(text(pool.run("pid", "").await), pid, "the worker stays");
    alone(pool).still_works().await;
}

async fn races() {
    let pool = Arc::new(Pool::new());
    for _ in 0..1000 {
        let mut watched = Watched::new(work("echo", "x"));
        let running = start(&pool, &mut watched);
        tokio::task::yield_now().await;
        watched.stop(Force::Ladder);
        let ended = running.await.unwrap();
        let stopped = Ended::Stopped { by_force: false };
        assert!(ended == stopped || text(ended) == "x");
    }
    alone(pool).still_works().await;
}

async fn grandchildren() {
    let pool = Arc::new(Pool::new());
    for how in ["die", "block"] {
        let mut watched = Watched::new(work("grandchild", how));
        let running = start(&pool, &mut watched);
        let pids = watched.reported().await.text;
        watched.stop(Force::Ladder);
        running.await.unwrap();
        gone(&pids).await;
    }
    alone(pool).still_works().await;
}

async fn sigterm() {
    let pool = Arc::new(Pool::new());
    let mut watched = Watched::new(work("poll", ""));
    let running = start(&pool, &mut watched);
    let pid = watched.reported().await.text;
    let process = Pid::from_raw(pid.parse().unwrap()).unwrap();
    kill_process(process, Signal::TERM).unwrap();
    kill_process(process, Signal::INT).unwrap();
    kill_process(process, Signal::HUP).unwrap();
    watched.stop(Force::Ask);
    let ended = running.await.unwrap();
    // The stop may be seen before the signal, which then ends the work.
    let ended_well = matches!(ended, Ended::Failed(_) | Ended::Stopped { by_force: true });
    assert!(ended_well, "{ended:?}");
    // It leaves as soon as it has seen the signal, which may be one piece of work later.
    while text(pool.run("pid", "").await) == pid {}
    alone(pool).still_works().await;
}

async fn waits() {
    let mut config = crate::support::config();
    config.workers = 1;
    let pool = Arc::new(Pool::with(config));
    let mut first = Watched::new(work("poll", ""));
    let first_runs = start(&pool, &mut first);
    first.reported().await;
    let mut second = Watched::new(work("echo", "x"));
    let second_waits = start(&pool, &mut second);
    second.stop(Force::Ask);
    assert_eq!(
        second_waits.await.unwrap(),
        Ended::Stopped { by_force: false }
    );
    first.stop(Force::Ask);
    assert!(matches!(first_runs.await.unwrap(), Ended::Failed(_)));
    alone(pool).still_works().await;
}

async fn dropped() {
    let pool = Arc::new(Pool::new());
    let mut watched = Watched::new(work("grandchild", "block"));
    let running = start(&pool, &mut watched);
    let pids = watched.reported().await.text;
    running.abort();
    gone(&pids).await;
    assert!(running.await.is_err());
    alone(pool).still_works().await;
}
