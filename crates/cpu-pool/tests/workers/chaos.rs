//! Whatever happens in whatever order: every run ends once, and no place and no worker is lost.

use std::sync::Arc;
use std::time::Duration;

use aqueduct_core::testing::{SEED_VARIABLE, drawn_seed};
use aqueduct_cpu_pool::{Ended, Force, Workers};
use libtest_mimic::Trial;
use rustix::process::{Pid, Signal, kill_process};

use crate::support::{Pool, Watched, config, start, trial, work};

pub(crate) fn tests() -> Vec<Trial> {
    vec![trial("r38_any_order_of_frames_exits_and_stops", any_order)]
}

/// So many runs, four at a time.
const RUNS: usize = 400;

/// What a worker may be asked to do; those behind `ENDLESS` end only when something is done to them.
const ACTS: [(&str, &str); 12] = [
    ("echo", "x"),
    ("fail", "x"),
    ("request", "3"),
    ("log", ""),
    ("panic", "text"),
    ("abort", ""),
    ("exit", "3"),
    ("grandchild", "return"),
    ("garbage", "magic"),
    ("poll", ""),
    ("block", ""),
    ("grandchild", "block"),
];

const ENDLESS: usize = 9;

/// What happens to a run.
#[derive(Clone, Copy, Debug)]
enum Fate {
    Nothing,
    Stopped(Force),
    StoppedTwice,
    Killed(Signal),
    Dropped,
}

async fn any_order() {
    let seed = drawn_seed();
    println!("{SEED_VARIABLE}={seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let mut config = config();
    config.max_runs = Some(7);
    config.cancel_grace = Duration::from_millis(20);
    config.term_grace = Duration::from_millis(20);
    let pool = Arc::new(Pool::with(config));
    let mut ended = 0;
    for _ in 0..RUNS / 4 {
        let mut four = [(); 4].map(|()| plan(&mut random));
        let runs = four.each_mut().map(|(act, fate)| one(&pool, *act, *fate));
        let [a, b, c, d] = runs;
        let all = tokio::join!(a, b, c, d);
        ended += [all.0, all.1, all.2, all.3].into_iter().sum::<u64>();
    }
    // A run that was stopped before it began is none of the pool's.
    let metrics = pool.0.metrics();
    assert!(metrics.runs > 0 && metrics.runs <= ended, "{metrics:?}");
    // Both places are there: two that wait for a word run at the same time.
    let (mut first, mut second) = (
        Watched::new(work("poll", "")),
        Watched::new(work("poll", "")),
    );
    let running = [start(&pool, &mut first), start(&pool, &mut second)];
    first.reported().await;
    second.reported().await;
    first.stop(Force::Ask);
    second.stop(Force::Ask);
    for run in running {
        assert!(matches!(run.await.unwrap(), Ended::Failed(_)));
    }
    Arc::into_inner(pool).unwrap().still_works().await;
}

fn plan(random: &mut fastrand::Rng) -> (usize, Fate) {
    let act = random.usize(..ACTS.len());
    let fates = [
        Fate::Stopped(Force::Ladder),
        Fate::Stopped(Force::Kill),
        Fate::StoppedTwice,
        Fate::Killed(Signal::KILL),
        Fate::Killed(Signal::ABORT),
        Fate::Dropped,
        Fate::Nothing,
    ];
    let count = if act < ENDLESS {
        fates.len()
    } else {
        fates.len() - 1
    };
    (act, fates[random.usize(..count)])
}

/// Lets one run meet its fate; returns how often it ended for somebody who waited.
async fn one(pool: &Arc<Pool>, act: usize, fate: Fate) -> u64 {
    let (name, params) = ACTS[act];
    let mut watched = Watched::new(work(name, params));
    let mut running = start(pool, &mut watched);
    let is_endless = act >= ENDLESS;
    let mut reported = String::new();
    if is_endless {
        reported = tokio::select! {
            biased;
            progress = watched.reported() => progress.text,
            ended = &mut running => panic!("{name} has ended before it was done to: {ended:?}"),
        };
    }
    match fate {
        Fate::Nothing => {}
        Fate::Stopped(force) => watched.stop(force),
        Fate::StoppedTwice => {
            watched.stop(Force::Ask);
            watched.stop(Force::Kill);
        }
        Fate::Killed(signal) => {
            if let Some(pid) = reported.split(' ').next().and_then(|it| it.parse().ok()) {
                kill(pid, signal);
            }
        }
        Fate::Dropped => running.abort(),
    }
    match running.await {
        Ok(_ended) => 1,
        Err(_dropped) => 0,
    }
}

/// Kills a worker that may be gone already.
fn kill(pid: i32, signal: Signal) {
    let _ = kill_process(Pid::from_raw(pid).unwrap(), signal);
}
