//! Workflows in the test kit.

use std::time::Duration;

use aqueduct::testing::{self, assert_not_queued, assert_queued};
use aqueduct::{RunState, chain, group, task, tasks};

const HOUR: Duration = Duration::from_hours(1);

#[task]
async fn number(value: u64) -> u64 {
    value
}

#[task]
async fn sum(#[input] values: Vec<u64>, more: u64) -> u64 {
    values.iter().sum::<u64>() + more
}

#[test]
fn what_follows_is_queued_at_once_and_runs_in_virtual_time() {
    testing::run(async |kit| {
        let app = kit.app().tasks(tasks![number, sum]).start().await.unwrap();
        let members = [number::with(1), number::with(2).delay(HOUR)];
        let all = group(members).then(sum::after(3).delay(HOUR));
        let all = all.keep_result(HOUR * 24);
        let handle = all.queue(app.task_manager()).await.unwrap();
        assert_queued!(kit, number, value = 2);
        assert_queued!(kit, sum, more = 3);
        assert_not_queued!(kit, sum, more = 4);
        kit.drain().await;
        let run = kit.find(handle.id()).await.unwrap();
        assert_eq!(run.state, RunState::Scheduled);
        let before = kit.now();
        assert_eq!(handle.wait().await.unwrap(), 6);
        let took = kit.now().saturating_since(before);
        assert_eq!(took, HOUR * 2, "its delay counts from the end of both");
        app.stop().await.unwrap();
    });
}

#[test]
fn a_crash_holds_up_what_follows() {
    testing::run(async |kit| {
        let app = || kit.app().tasks(tasks![number, sum]).start();
        let first = app().await.unwrap();
        let all = chain(number::with(1)).then(number::with(2).delay(HOUR));
        let all = all.keep_result(HOUR * 24);
        let handle = all.queue(first.task_manager()).await.unwrap();
        kit.crash(first);
        let second = app().await.unwrap();
        let handle = number::handle(second.task_manager(), handle.id());
        assert_eq!(handle.wait().await.unwrap(), 2);
        second.stop().await.unwrap();
    });
}
