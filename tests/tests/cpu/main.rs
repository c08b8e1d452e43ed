//! CPU tasks in real worker processes, behind the whole application.
#![cfg(target_os = "linux")]
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test fails by panicking; one task prints"
)]

use std::time::Duration;

use aqueduct::cpu::{CpuSettings, PoolConfig};
use aqueduct::observe::{RunEvent, RunEventKind};
use aqueduct::{App, Broker, RunState, RunningApp, tasks};
use integration::{Watcher, soon};
use tokio::sync::mpsc;

mod rows;
mod work;

use work::{
    all, asynchronous, crashes, ends_in_time, exits, fails, fatal, ignores, io, listens, moves_on,
    panics, pid, queues, queues_blocking, reports, snoozes, stalls, too_hungry, waits,
    waits_blocking, with_another, with_state,
};

aqueduct::cpu_worker!(all());

fn settings() -> CpuSettings {
    settings_of(Duration::from_millis(100))
}

/// Settings with so long for a task that was told to end.
fn settings_of(cancel_grace: Duration) -> CpuSettings {
    let mut pool = PoolConfig::default();
    pool.program = cpu_worker();
    pool.workers = 2;
    pool.cancel_grace = cancel_grace;
    pool.term_grace = Duration::from_millis(100);
    CpuSettings::processes(pool)
}

async fn start() -> (RunningApp, Watcher) {
    start_on(Broker::memory()).await
}

async fn start_on(broker: Broker) -> (RunningApp, Watcher) {
    let (watcher, observer) = Watcher::new();
    let app = App::new(broker)
        .tasks(all())
        .consumer(|consumer| consumer.cpu(settings()).lease(Duration::from_secs(2)))
        .observe(observer);
    (app.start().await.unwrap(), watcher)
}

/// The workers do what they are for; afterwards none is left.
async fn still_works(app: RunningApp, mut watcher: Watcher) {
    for _ in 0..5 {
        let run = pid::queue(app.task_manager()).await.unwrap();
        assert_eq!(watcher.end_of(run.id()).await, RunState::Succeeded);
    }
    let metrics = app.metrics().unwrap().clone();
    let summary = app.stop().await.unwrap();
    assert_eq!(summary.consumer.unwrap().unsettled, 0);
    assert_eq!(metrics.cpu().unwrap().workers, 0);
}

async fn result_of<T: serde::de::DeserializeOwned>(app: &RunningApp, run: aqueduct::RunId) -> T {
    let kept = app.task_manager().find(run).await.unwrap().unwrap();
    kept.record.unwrap().result.unwrap().decode().unwrap()
}

#[tokio::test]
async fn cpu_tasks_run_in_other_processes() {
    let (app, mut watcher) = start().await;
    let manager = app.task_manager();
    let run = pid::queue(manager).await.unwrap().id();
    assert_eq!(watcher.end_of(run).await, RunState::Succeeded);
    assert_ne!(result_of::<u32>(&app, run).await, std::process::id());
    let run = asynchronous::queue(manager, 1).await.unwrap().id();
    assert_eq!(watcher.end_of(run).await, RunState::Succeeded);
    assert_eq!(
        result_of::<String>(&app, run).await,
        "attempt 1 in time: true"
    );
    let run = with_state::queue(manager).await.unwrap().id();
    assert_eq!(watcher.end_of(run).await, RunState::Succeeded);
    assert!(
        result_of::<bool>(&app, run).await,
        "state is made in the worker"
    );
    still_works(app, watcher).await;
}

#[tokio::test]
async fn errors_and_panics_are_what_they_are_elsewhere() {
    let (app, mut watcher) = start().await;
    let manager = app.task_manager();
    let run = fails::queue(manager).await.unwrap().id();
    assert_eq!(watcher.end_of(run).await, RunState::Failed);
    assert_eq!(
        watcher.states_of(run),
        [RunState::Retrying, RunState::Failed]
    );
    assert_eq!(watcher.failure_of(run), "Error: it never works");
    let run = fatal::queue(manager).await.unwrap().id();
    assert_eq!(watcher.end_of(run).await, RunState::Failed);
    assert_eq!(watcher.failure_of(run), "Fatal: the disk is gone");
    let run = panics::queue(manager).await.unwrap().id();
    assert_eq!(watcher.end_of(run).await, RunState::Failed);
    let failure = watcher.failure_of(run);
    assert!(
        failure.starts_with("Panic: what now, at tests/tests/cpu/work.rs:"),
        "{failure}"
    );
    let run = snoozes::queue(manager).await.unwrap().id();
    assert_eq!(watcher.end_of(run).await, RunState::Succeeded);
    assert_eq!(
        result_of::<u32>(&app, run).await,
        0,
        "a snooze is no failure"
    );
    still_works(app, watcher).await;
}

#[tokio::test]
async fn a_worker_waits_through_its_consumer() {
    let (app, watcher) = start().await;
    let manager = app.task_manager();
    let wait = waits::queue_and_wait(manager).into_future();
    let waited = soon("nobody is told", wait).await.unwrap();
    assert_eq!(waited, ("awaited".to_owned(), true));
    let wait = waits_blocking::queue_and_wait(manager).into_future();
    let (child, failed) = soon("nobody is told", wait).await.unwrap();
    assert_ne!(child, std::process::id());
    assert_eq!(
        failed,
        "the run failed after 2 attempts: error: it never works"
    );
    still_works(app, watcher).await;
}

#[tokio::test]
async fn a_run_that_kills_its_workers_is_stopped_and_its_neighbours_are_not() {
    let (app, mut watcher) = start().await;
    let manager = app.task_manager();
    let killer = crashes::queue(manager).await.unwrap().id();
    let neighbour = asynchronous::queue(manager, 50).await.unwrap().id();
    assert_eq!(watcher.end_of(killer).await, RunState::Failed);
    assert_eq!(watcher.states_of(killer).len(), 3, "the crash budget");
    let failure = watcher.failure_of(killer);
    assert!(
        failure.starts_with("Crash: killed by signal 6 (SIGABRT)"),
        "{failure}"
    );
    let kept = manager.find(killer).await.unwrap().unwrap();
    assert_eq!((kept.tally.failures, kept.tally.crashes), (0, 3));
    assert_eq!(watcher.end_of(neighbour).await, RunState::Succeeded);
    let run = exits::queue(manager).await.unwrap().id();
    assert_eq!(watcher.attempt_of(run).await, RunState::Retrying);
    assert!(
        watcher
            .failure_of(run)
            .starts_with("Crash: the task called exit(3)")
    );
    manager.cancel(run, "seen enough").await.unwrap();
    let run = too_hungry::queue(manager).await.unwrap().id();
    assert_eq!(watcher.attempt_of(run).await, RunState::Retrying);
    let failure = watcher.failure_of(run);
    assert!(
        // Which allocation is refused first is chance: another thread may want a few bytes just then.
        failure.contains("out of memory: an allocation of"),
        "{failure}"
    );
    manager.cancel(run, "seen enough").await.unwrap();
    still_works(app, watcher).await;
}

#[tokio::test]
async fn time_limits_and_cancellation_reach_workers() {
    let (app, mut watcher) = start().await;
    let manager = app.task_manager();
    let run = ignores::queue(manager).await.unwrap().id();
    assert_eq!(watcher.end_of(run).await, RunState::Failed);
    assert!(
        watcher.failure_of(run).starts_with("Timeout: "),
        "{}",
        watcher.failure_of(run)
    );
    let run = ends_in_time::queue(manager).await.unwrap().id();
    assert_eq!(watcher.end_of(run).await, RunState::Failed);
    assert_eq!(
        watcher.failure_of(run),
        "Timeout: the task took longer than its limit of 50ms"
    );
    let limited = ignores::with().total_timeout(Duration::from_millis(50));
    let run = limited.queue(manager).await.unwrap().id();
    assert_eq!(watcher.end_of(run).await, RunState::Failed);
    let failure = watcher.failure_of(run);
    assert!(failure.contains("total time limit"), "{failure}");
    let run = listens::queue(manager).await.unwrap().id();
    watcher.start_of(run).await;
    let answer = manager.cancel(run, "no longer wanted").await.unwrap();
    assert!(answer.is_accepted());
    assert_eq!(watcher.end_of(run).await, RunState::Cancelled);
    still_works(app, watcher).await;
}

#[tokio::test]
async fn a_task_that_reports_no_progress_has_timed_out() {
    let (app, mut watcher) = start().await;
    let manager = app.task_manager();
    let stalls = stalls::queue(manager).await.unwrap().id();
    let moves_on = moves_on::queue(manager).await.unwrap().id();
    assert_eq!(watcher.end_of(stalls).await, RunState::Failed);
    assert_eq!(
        watcher.failure_of(stalls),
        "Timeout: the task has reported no progress for 1s"
    );
    assert_eq!(watcher.end_of(moves_on).await, RunState::Succeeded);
    still_works(app, watcher).await;
}

#[tokio::test]
async fn a_stop_gives_back_what_a_worker_runs() {
    let (app, mut watcher) = start().await;
    let run = listens::queue(app.task_manager()).await.unwrap().id();
    watcher.start_of(run).await;
    let manager = app.task_manager().clone();
    let report = app.stop().await.unwrap().consumer.unwrap();
    assert_eq!((report.released, report.unsettled), (1, 0));
    let kept = manager.find(run).await.unwrap().unwrap();
    assert_eq!((kept.state, kept.tally.failures), (RunState::Queued, 0));
}

#[tokio::test]
async fn a_worker_queues_finds_and_cancels_through_its_consumer() {
    let (app, mut watcher) = start().await;
    let manager = app.task_manager();
    for run in [
        queues::queue(manager).await.unwrap().id(),
        queues_blocking::queue(manager).await.unwrap().id(),
    ] {
        assert_eq!(
            watcher.end_of(run).await,
            RunState::Succeeded,
            "{}",
            watcher.failure_of(run)
        );
    }
    let ends = watcher.ends_of_task("io", 2).await;
    assert!(ends.values().all(|state| *state == RunState::Succeeded));
    still_works(app, watcher).await;
}

#[tokio::test]
async fn progress_of_a_worker_reaches_observers() {
    let (heard, mut reports_heard) = mpsc::channel(100);
    let observer = move |event: RunEvent| {
        if let RunEventKind::Progress(progress) = event.kind {
            heard
                .try_send((progress.done, progress.total, progress.text))
                .unwrap();
        }
    };
    let app = App::new(Broker::memory())
        .tasks(all())
        .consumer(|consumer| consumer.cpu(settings()))
        .observe(observer);
    let app = app.start().await.unwrap();
    reports::queue(app.task_manager()).await.unwrap();
    assert_eq!(
        reports_heard.recv().await.unwrap(),
        (3, 3, "done".to_owned())
    );
    app.stop().await.unwrap();
}

#[tokio::test]
async fn io_runs_never_wait_behind_cpu_runs_nor_the_other_way_round() {
    let (app, mut watcher) = start().await;
    let manager = app.task_manager();
    let mut busy = Vec::new();
    for _ in 0..6 {
        busy.push(listens::queue(manager).await.unwrap().id());
    }
    watcher.start_of(busy[0]).await;
    for _ in 0..20 {
        let run = io::queue(manager, "fast".to_owned()).await.unwrap().id();
        assert_eq!(watcher.end_of(run).await, RunState::Succeeded);
    }
    let (mut running, mut waiting) = (Vec::new(), 0);
    for run in busy {
        match manager.find(run).await.unwrap().unwrap().state {
            RunState::Running => running.push(run),
            state => waiting += usize::from(state == RunState::Queued),
        }
        manager.cancel(run, "enough").await.unwrap();
    }
    assert_eq!(
        (running.len(), waiting),
        (2, 4),
        "as many are claimed as there are workers"
    );
    for run in running {
        assert_eq!(watcher.end_of(run).await, RunState::Cancelled);
    }
    still_works(app, watcher).await;
}

#[tokio::test]
async fn on_threads_the_same_tasks_run_here() {
    let (mut watcher, observer) = Watcher::new();
    let app = App::new(Broker::memory())
        .tasks(all())
        .consumer(|consumer| consumer.cpu(CpuSettings::threads()))
        .observe(observer);
    let app = app.start().await.unwrap();
    let run = pid::queue(app.task_manager()).await.unwrap().id();
    assert_eq!(watcher.end_of(run).await, RunState::Succeeded);
    assert_eq!(result_of::<u32>(&app, run).await, std::process::id());
    for run in [
        queues::queue(app.task_manager()).await.unwrap().id(),
        with_state::queue(app.task_manager()).await.unwrap().id(),
    ] {
        assert_eq!(
            watcher.end_of(run).await,
            RunState::Succeeded,
            "{}",
            watcher.failure_of(run)
        );
    }
    let run = panics::queue(app.task_manager()).await.unwrap().id();
    assert_eq!(watcher.end_of(run).await, RunState::Failed);
    app.stop().await.unwrap();
}

#[tokio::test]
async fn cpu_tasks_are_ordinary_functions_and_run_inline() {
    assert_eq!(pid(), std::process::id());
    let manager = App::new(Broker::memory())
        .tasks(all())
        .into_task_manager()
        .unwrap();
    assert!(manager.run(with_state::with()).await.unwrap());
}

#[tokio::test]
async fn on_the_redis_broker_it_is_the_same() {
    let server = integration::redis::server(&[]);
    let (app, mut watcher) = start_on(Broker::from_url(&server.url()).await.unwrap()).await;
    let manager = app.task_manager();
    let run = queues::queue(manager).await.unwrap().id();
    assert_eq!(
        watcher.end_of(run).await,
        RunState::Succeeded,
        "{}",
        watcher.failure_of(run)
    );
    let killer = crashes::queue(manager).await.unwrap().id();
    assert_eq!(watcher.end_of(killer).await, RunState::Failed);
    let kept = manager.find(killer).await.unwrap().unwrap();
    assert_eq!((kept.tally.failures, kept.tally.crashes), (0, 3));
    still_works(app, watcher).await;
}

#[tokio::test]
async fn state_of_a_worker_is_checked_when_the_app_is_built() {
    let app = App::new(Broker::memory()).tasks(tasks![with_state, with_another]);
    let problem = app.start().await.unwrap_err().to_string();
    assert!(
        problem.contains("two functions make `State<") && problem.contains("load_another"),
        "{problem}"
    );
}
