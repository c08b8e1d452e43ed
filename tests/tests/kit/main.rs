//! The test kit: virtual time, drains, assertions, faults; and the same order for the same seed.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod crashes;
mod faults;
mod order;
mod time;
mod workflows;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use aqueduct::testing::{self, TestKit, assert_not_queued, assert_queued};
use aqueduct::{QueueName, RunState, State, TaskContext, TaskError, cpu_task, task, tasks};

const HOUR: Duration = Duration::from_hours(1);
const MILLISECOND: Duration = Duration::from_millis(1);

/// Fails twice, with an hour in between.
#[task(retry(max = 5, backoff = "1h", kind = fixed, jitter = none))]
async fn fails_twice(ctx: TaskContext) -> Result<(), TaskError> {
    if ctx.attempt() < 3 {
        return Err(TaskError::msg("not yet"));
    }
    Ok(())
}

#[task]
async fn sends(to: String, copies: u8, note: Option<String>) {
    let _ = (to, copies, note);
}

#[task]
async fn sleeps(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

struct Table(u32);

fn make_table() -> Table {
    Table(7)
}

#[cpu_task(init = make_table)]
fn looks_up(ctx: TaskContext, table: State<Table>) -> Result<(), TaskError> {
    assert_eq!(table.0, 7);
    sends::queue(&ctx, "nobody".to_owned(), 1, None).blocking()?;
    Ok(())
}

#[cpu_task(retry = none)]
fn waits_for_a_child(ctx: TaskContext) -> Result<(), TaskError> {
    answers::queue_and_wait(&ctx).blocking()?;
    Ok(())
}

#[task]
async fn answers() -> u32 {
    42
}

#[test]
fn a_drain_ends_what_is_due_and_moves_no_time() {
    testing::run(async |kit| {
        let app = kit
            .app()
            .tasks(tasks![sends, fails_twice])
            .start()
            .await
            .unwrap();
        let manager = app.task_manager();
        let before = kit.now();
        for number in 0..600 {
            sends::queue(manager, number.to_string(), 1, None)
                .await
                .unwrap();
        }
        let later = sends::queue(manager, "later".to_owned(), 1, None).delay(HOUR);
        let later = later.await.unwrap().id();
        let retried = fails_twice::queue(manager).await.unwrap().id();
        assert_eq!(kit.drain().await, 601);
        assert_eq!(kit.now(), before);
        assert_eq!(kit.states_of(retried), [RunState::Retrying]);
        assert_eq!(kit.failure_of(retried).unwrap().message(), "not yet");
        assert_eq!(kit.end_of(later), None);
        assert_eq!(kit.drain().await, 0);
        app.stop().await.unwrap();
    });
}

#[test]
fn a_drain_of_all_goes_through_retries_and_delays() {
    testing::run(async |kit| {
        let app = kit
            .app()
            .tasks(tasks![sends, fails_twice])
            .start()
            .await
            .unwrap();
        let manager = app.task_manager();
        kit.set_patience(HOUR / 2); // which is for what is due, not for what waits for its time
        let before = kit.now();
        sends::queue(manager, "later".to_owned(), 1, None)
            .delay(HOUR * 5)
            .await
            .unwrap();
        let retried = fails_twice::queue(manager).await.unwrap().id();
        assert_eq!(kit.drain_all().await, 4);
        assert_eq!(kit.now().saturating_since(before), HOUR * 5);
        assert_eq!(
            kit.states_of(retried),
            [RunState::Retrying, RunState::Retrying, RunState::Succeeded]
        );
        app.stop().await.unwrap();
    });
}

#[test]
fn a_drain_waits_for_tasks_that_wait() {
    testing::run(async |kit| {
        let app = kit.app().tasks(tasks![sleeps]).start().await.unwrap();
        let run = sleeps::queue(app.task_manager(), 45).await.unwrap().id();
        let before = kit.now();
        assert_eq!(kit.drain().await, 1);
        assert_eq!(kit.now().saturating_since(before).as_secs(), 45);
        assert_eq!(kit.end_of(run), Some(RunState::Succeeded));
        // Its time limit is a minute.
        let run = sleeps::queue(app.task_manager(), 61).await.unwrap().id();
        kit.drain().await;
        assert_eq!(kit.states_of(run), [RunState::Retrying]);
        app.stop().await.unwrap();
    });
}

#[test]
fn a_drain_without_a_consumer_says_so() {
    let drain = async |kit: TestKit| {
        const NOWHERE: QueueName = QueueName::from_static("nowhere");
        let app = kit.app().tasks(tasks![answers]).start().await.unwrap();
        answers::queue(app.task_manager())
            .queue_name(NOWHERE)
            .await
            .unwrap();
        kit.drain().await;
    };
    let failed = catch_unwind(AssertUnwindSafe(|| testing::run(drain))).unwrap_err();
    let message = failed.downcast_ref::<String>().unwrap();
    assert!(
        message.contains("nothing has ended for 86400s"),
        "{message}"
    );
    assert!(message.contains("queued: 1"), "{message}");
}

#[test]
fn assertions_compare_the_parameters_that_are_named() {
    testing::run(async |kit| {
        let manager = kit
            .app()
            .tasks(tasks![sends, answers])
            .into_task_manager()
            .unwrap();
        sends::queue(&manager, "ann".to_owned(), 2, Some("hi".to_owned()))
            .await
            .unwrap();
        sends::queue(&manager, "bob".to_owned(), 1, None)
            .await
            .unwrap();
        assert_queued!(kit, sends);
        assert_queued!(kit, sends, to = "ann", copies = 2, note = "hi");
        assert_queued!(kit, self::sends, to = "bob", note = None::<String>);
        assert_not_queued!(kit, sends, to = "ann", copies = 1);
        assert_not_queued!(kit, sends, to = "ann", note = None::<String>);
        assert_not_queued!(kit, answers);
        let missing = || assert_queued!(kit, sends, to = "eve");
        let message = catch_unwind(AssertUnwindSafe(missing)).unwrap_err();
        let message = message.downcast_ref::<String>().unwrap();
        assert!(message.contains("`sends(to = \"eve\")`"), "{message}");
        assert!(
            message.contains("sends(copies = 2, note = \"hi\", to = \"ann\")"),
            "{message}"
        );
        let there = || assert_not_queued!(kit, sends, copies = 2);
        assert!(catch_unwind(AssertUnwindSafe(there)).is_err());
        let misspelt = || assert_not_queued!(kit, sends, copeis = 2);
        let message = catch_unwind(AssertUnwindSafe(misspelt)).unwrap_err();
        let message = message.downcast_ref::<String>().unwrap();
        assert!(message.contains("no parameter `copeis`"), "{message}");
    });
}

#[test]
fn what_the_broker_did_not_accept_was_not_queued() {
    use aqueduct::run::Unique;
    testing::run(async |kit| {
        let manager = kit
            .app()
            .tasks(tasks![answers])
            .into_task_manager()
            .unwrap();
        let key = Unique::key("one").unwrap();
        for _ in 0..2 {
            answers::queue(&manager).unique(key.clone()).await.unwrap();
        }
        assert_eq!(kit.queued().len(), 1);
    });
}

#[test]
fn cpu_tasks_run_in_the_test_with_state_of_their_own() {
    testing::run(async |kit| {
        let app = kit
            .app()
            .tasks(tasks![looks_up, sends])
            .start()
            .await
            .unwrap();
        let run = looks_up::queue(app.task_manager()).await.unwrap().id();
        kit.drain().await;
        assert_eq!(
            kit.end_of(run),
            Some(RunState::Succeeded),
            "{:?}",
            kit.failure_of(run)
        );
        assert_queued!(kit, sends, to = "nobody");
        app.stop().await.unwrap();
    });
}

#[test]
fn a_cpu_task_that_would_wait_for_ever_fails() {
    testing::run(async |kit| {
        let app = kit
            .app()
            .tasks(tasks![waits_for_a_child, answers])
            .start()
            .await
            .unwrap();
        let run = waits_for_a_child::queue(app.task_manager())
            .await
            .unwrap()
            .id();
        kit.drain().await;
        assert_eq!(kit.end_of(run), Some(RunState::Failed));
        let message = kit.failure_of(run).unwrap().message().to_owned();
        assert!(message.contains("one thread"), "{message}");
        app.stop().await.unwrap();
    });
}

#[test]
fn a_value_can_be_waited_for() {
    testing::run(async |kit| {
        let app = kit.app().tasks(tasks![answers]).start().await.unwrap();
        let value = answers::queue_and_wait(app.task_manager()).await.unwrap();
        assert_eq!(value, 42);
        let delayed = answers::with()
            .delay(HOUR)
            .queue_and_wait(app.task_manager());
        let before = kit.now();
        assert_eq!(delayed.await.unwrap(), 42);
        assert_eq!(kit.now().saturating_since(before), HOUR);
        app.stop().await.unwrap();
    });
}

#[test]
fn two_applications_share_the_work_and_both_stop() {
    testing::run(async |kit| {
        let app = || {
            kit.app()
                .tasks(tasks![sleeps])
                .consumer(|it| it.concurrency(1))
        };
        let (first, second) = (app().start().await.unwrap(), app().start().await.unwrap());
        for _ in 0..4 {
            sleeps::queue(first.task_manager(), 10).await.unwrap();
        }
        let before = kit.now();
        kit.drain().await;
        assert_eq!(
            kit.now().saturating_since(before).as_secs(),
            20,
            "two at a time"
        );
        for app in [first, second] {
            let report = app.stop().await.unwrap().consumer.unwrap();
            assert_eq!(report.metrics.succeeded, 2);
        }
    });
}
