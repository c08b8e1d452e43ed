//! Whatever a task does, its run ends as documented and its neighbours go on.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::{Mutex, mpsc};
use std::time::Duration;

use aqueduct::run::CancelAnswer;
use aqueduct::{App, Broker, RunState, RunningApp, State, TaskContext, TaskError, task, tasks};
use integration::Watcher;
use tokio::sync::Notify;

#[derive(Default)]
struct Shared {
    attempts: Mutex<u32>,
    go: Notify,
}

#[task]
async fn fine() -> &'static str {
    "fine"
}

#[task(retry(max = 5, backoff = "1ms"))]
async fn third_time(shared: State<Shared>) -> Result<(), TaskError> {
    let mut attempts = shared.attempts.lock().unwrap();
    *attempts += 1;
    if *attempts < 3 {
        return Err(TaskError::msg("not yet"));
    }
    Ok(())
}

#[task(retry(max = 2, backoff = "1ms"))]
async fn never_works() -> Result<(), TaskError> {
    Err(TaskError::msg("it never works"))
}

#[task]
async fn fatal() -> Result<(), TaskError> {
    Err(TaskError::fatal(std::io::Error::other("the disk is gone")))
}

#[task(retry = none)]
async fn panics(how: String) {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("panicked in Drop");
        }
    }
    match how.as_str() {
        "text" => panic!("plain text"),
        "other" => std::panic::panic_any(7_u8),
        _ => drop(Bomb),
    }
}

#[task(retry = none, timeout = "20ms")]
async fn never_ends() {
    std::future::pending::<()>().await;
}

#[task(retry = none, timeout = "20ms")]
async fn ignores_cancellation(shared: State<Shared>) {
    loop {
        shared.go.notified().await;
    }
}

/// Blocks its thread until the test lets it go, and keeps looking away from its cancellation.
#[task(retry = none, timeout = "20ms")]
async fn blocks_its_thread(gate: State<Gate>) {
    let _ = gate.0.lock().unwrap().recv();
}

struct Gate(Mutex<mpsc::Receiver<()>>);

#[task]
async fn waits_for_cancellation(ctx: TaskContext) -> Result<(), TaskError> {
    ctx.cancelled().await;
    ctx.check_cancelled()
}

#[task]
async fn ends_itself() -> Result<(), TaskError> {
    Err(TaskError::cancel("not needed any more"))
}

#[task]
async fn snoozes(ctx: TaskContext, shared: State<Shared>) -> Result<u32, TaskError> {
    let mut attempts = shared.attempts.lock().unwrap();
    *attempts += 1;
    match *attempts {
        1 => Err(TaskError::snooze(Duration::from_millis(1))),
        _ => Ok(ctx.run().tally.failures),
    }
}

#[task(retry = none, keep_result = "1m")]
async fn cannot_be_encoded() -> Vec<Stubborn> {
    vec![Stubborn]
}

#[derive(serde::Deserialize)]
struct Stubborn;

impl serde::Serialize for Stubborn {
    fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(serde::ser::Error::custom("it does not want to"))
    }
}

async fn start() -> (RunningApp, Watcher) {
    let (watcher, observer) = Watcher::new();
    let app = App::new(Broker::memory())
        .tasks(tasks![
            fine,
            third_time,
            never_works,
            fatal,
            panics,
            never_ends,
            ignores_cancellation,
            waits_for_cancellation,
            ends_itself,
            snoozes,
            cannot_be_encoded
        ])
        .state(Shared::default())
        .consumer(|consumer| consumer.concurrency(2))
        .observe(observer);
    (app.start().await.unwrap(), watcher)
}

/// The places of the consumer are free again: more runs than places end.
async fn still_works(app: RunningApp, mut watcher: Watcher) {
    for _ in 0..5 {
        let run = fine::queue(app.task_manager()).await.unwrap();
        assert_eq!(watcher.end_of(run.id()).await, RunState::Succeeded);
    }
    let summary = app.stop().await.unwrap();
    assert_eq!(summary.consumer.unwrap().unsettled, 0);
}

#[tokio::test]
async fn an_error_is_retried_until_it_works() {
    let (app, mut watcher) = start().await;
    let run = third_time::queue(app.task_manager()).await.unwrap().id();
    assert_eq!(watcher.end_of(run).await, RunState::Succeeded);
    let states = watcher.states_of(run);
    assert_eq!(
        states,
        [RunState::Retrying, RunState::Retrying, RunState::Succeeded]
    );
    still_works(app, watcher).await;
}

#[tokio::test]
async fn retries_are_used_up() {
    let (app, mut watcher) = start().await;
    let run = never_works::queue(app.task_manager()).await.unwrap().id();
    assert_eq!(watcher.end_of(run).await, RunState::Failed);
    assert_eq!(
        watcher.states_of(run).len(),
        3,
        "the first attempt and two more"
    );
    assert!(watcher.failure_of(run).contains("it never works"));
    still_works(app, watcher).await;
}

#[tokio::test]
async fn a_fatal_error_is_not_retried() {
    let (app, mut watcher) = start().await;
    let run = fatal::queue(app.task_manager()).await.unwrap().id();
    assert_eq!(watcher.end_of(run).await, RunState::Failed);
    assert_eq!(watcher.states_of(run).len(), 1);
    assert_eq!(watcher.failure_of(run), "Fatal: the disk is gone");
    still_works(app, watcher).await;
}

#[tokio::test]
async fn panics_are_caught() {
    let (app, mut watcher) = start().await;
    for (how, message) in [
        ("text", "plain text"),
        ("drop", "panicked in Drop"),
        ("other", ""),
    ] {
        let run = panics::queue(app.task_manager(), how.to_owned())
            .await
            .unwrap()
            .id();
        assert_eq!(watcher.end_of(run).await, RunState::Failed);
        let failure = watcher.failure_of(run);
        assert!(
            failure.starts_with("Panic: ") && failure.contains(message),
            "{failure}"
        );
    }
    still_works(app, watcher).await;
}

#[tokio::test]
async fn time_limits_end_attempts() {
    let (app, mut watcher) = start().await;
    let never = never_ends::queue(app.task_manager()).await.unwrap().id();
    let ignores = ignores_cancellation::queue(app.task_manager())
        .await
        .unwrap()
        .id();
    for run in [never, ignores] {
        assert_eq!(watcher.end_of(run).await, RunState::Failed);
        assert!(watcher.failure_of(run).starts_with("Timeout: "));
    }
    still_works(app, watcher).await;
}

#[tokio::test]
async fn cancellation_reaches_waiting_and_running_runs() {
    let (app, mut watcher) = start().await;
    let manager = app.task_manager();
    let running = waits_for_cancellation::queue(manager).await.unwrap().id();
    watcher.start_of(running).await;
    let answer = manager.cancel(running, "no longer wanted").await.unwrap();
    assert_eq!(answer, CancelAnswer::Requested);
    assert_eq!(watcher.end_of(running).await, RunState::Cancelled);
    let waiting = fine::queue(manager)
        .delay(Duration::from_hours(1))
        .await
        .unwrap()
        .id();
    let answer = manager.cancel(waiting, "no longer wanted").await.unwrap();
    assert_eq!(answer, CancelAnswer::Cancelled);
    let answer = manager.cancel(waiting, "again").await.unwrap();
    assert_eq!(answer, CancelAnswer::AlreadyEnded(RunState::Cancelled));
    still_works(app, watcher).await;
}

#[tokio::test]
async fn a_task_can_end_itself_or_come_back_later() {
    let (app, mut watcher) = start().await;
    let ended = ends_itself::queue(app.task_manager()).await.unwrap().id();
    assert_eq!(watcher.end_of(ended).await, RunState::Cancelled);
    let run = snoozes::queue(app.task_manager())
        .keep_result(Duration::from_mins(1))
        .await
        .unwrap();
    assert_eq!(watcher.end_of(run.id()).await, RunState::Succeeded);
    let kept = app.task_manager().find(run.id()).await.unwrap().unwrap();
    assert_eq!(
        (kept.tally.failures, kept.tally.crashes),
        (0, 0),
        "a snooze is no failure"
    );
    still_works(app, watcher).await;
}

#[tokio::test]
async fn a_value_that_cannot_be_encoded_is_a_failure() {
    let (app, mut watcher) = start().await;
    let run = cannot_be_encoded::queue(app.task_manager())
        .await
        .unwrap()
        .id();
    assert_eq!(watcher.end_of(run).await, RunState::Failed);
    assert!(
        watcher.failure_of(run).contains("it does not want to"),
        "{}",
        watcher.failure_of(run)
    );
    still_works(app, watcher).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_task_that_blocks_its_thread_is_given_up_and_its_neighbours_go_on() {
    let (release, gate) = mpsc::channel();
    let (mut watcher, observer) = Watcher::new();
    let app = App::new(Broker::memory())
        .tasks(tasks![fine, blocks_its_thread])
        .state(Gate(Mutex::new(gate)))
        .consumer(|consumer| consumer.concurrency(2).lease(Duration::from_secs(2)))
        .observe(observer);
    let app = app.start().await.unwrap();
    let blocked = blocks_its_thread::queue(app.task_manager())
        .await
        .unwrap()
        .id();
    assert_eq!(watcher.end_of(blocked).await, RunState::Failed);
    assert!(watcher.failure_of(blocked).starts_with("Timeout: "));
    for _ in 0..5 {
        let run = fine::queue(app.task_manager()).await.unwrap();
        assert_eq!(watcher.end_of(run.id()).await, RunState::Succeeded);
    }
    drop(release);
    app.stop().await.unwrap();
}
