//! Whatever can be said crosses the pipe as it was.

use std::fmt::Debug;

use aqueduct_core::run::TaskRun;
use aqueduct_core::task::InvalidParams;
use aqueduct_cpu_pool::{pack, unpack};
use serde::de::DeserializeOwned;

use super::*;

const SECOND: Duration = Duration::from_secs(1);
const AT: Timestamp = Timestamp::from_millis(1_767_225_600_000);

/// What arrives at the other side.
fn crossed<T: Serialize + DeserializeOwned>(said: &T) -> T {
    unpack(&pack(said).unwrap()).unwrap()
}

/// Holds that each of them arrives as it was.
fn assert_cross<T, W>(all: &[T], of: impl Fn(T) -> W, back: impl Fn(W) -> T)
where
    T: Clone + Debug + PartialEq,
    W: Serialize + DeserializeOwned,
{
    for one in all {
        assert_eq!(&back(crossed(&of(one.clone()))), one);
    }
}

fn task() -> QueuedTask {
    let mut task = QueuedTask::new(
        RunId::generate(AT),
        TaskName::from_static("reports.make"),
        Payload::encode(&(7, "seven")).unwrap(),
    );
    task.queue = QueueName::from_static("reports");
    task.lane = Lane::Cpu;
    task.priority = Priority::High;
    task.expires_in = Some(SECOND);
    task.input = Some(Payload::encode(&[1, 2, 3]).unwrap());
    task.with_previous = true;
    let mut options = RunOptions::default();
    options.keep_result = Some(SECOND * 60);
    options.total_timeout = Some(SECOND * 90);
    task.options = Some(Box::new(options));
    task
}

#[test]
fn a_task_crosses_whole_but_for_its_lineage() {
    let root = RunId::generate(AT);
    for due in [Due::Now, Due::After(SECOND), Due::At(AT)] {
        let mut sent = task();
        sent.due = due;
        let arrived = crossed(&Queued::of(sent.clone()));
        sent.lineage = Lineage::root_of(root);
        assert_eq!(arrived.into_task(sent.lineage).unwrap(), sent);
    }
}

#[test]
fn a_task_with_parameters_that_are_none_is_refused() {
    let mut queued = Queued::of(task());
    queued.payload = vec![0xc1];
    let refused = queued.into_task(Lineage::root_of(RunId::generate(AT)));
    assert_eq!(refused.unwrap_err().kind(), QueueErrorKind::InvalidParams);
}

#[test]
fn every_answer_to_a_queued_task_crosses() {
    let run = RunId::generate(AT);
    let all = [
        Enqueued::Accepted(RunState::Queued),
        Enqueued::Accepted(RunState::Scheduled),
        Enqueued::Duplicate(run),
        Enqueued::Replaced(run),
        Enqueued::KeyTaken(run),
        Enqueued::QueueFull { limit: Some(9) },
        Enqueued::QueueFull { limit: None },
    ];
    assert_cross(&all, Answer::of, Answer::into_enqueued);
}

#[test]
fn every_answer_to_a_cancel_crosses() {
    let all = [
        CancelAnswer::Cancelled,
        CancelAnswer::Requested,
        CancelAnswer::AlreadyEnded(RunState::Expired),
        CancelAnswer::Unknown,
    ];
    assert_cross(&all, Cancelled::of, Cancelled::into_answer);
}

#[test]
fn every_answer_to_a_wait_crosses() {
    let ended = TaskRun::accept(task(), AT);
    let all = [
        WaitAnswer::Ended(Box::new(ended)),
        WaitAnswer::NotYet,
        WaitAnswer::Unknown,
    ];
    let of = |answer| Waited::of(answer).unwrap();
    assert_cross(&all, of, |answer| answer.into_answer().unwrap());
}

#[test]
fn every_kind_of_error_crosses() {
    let all = [
        QueueErrorKind::UnknownTask,
        QueueErrorKind::InvalidParams,
        QueueErrorKind::LimitExceeded,
        QueueErrorKind::Contradiction,
        QueueErrorKind::QueueFull,
        QueueErrorKind::KeyTaken,
        QueueErrorKind::NotSupported,
        QueueErrorKind::Unavailable,
        QueueErrorKind::Refused,
    ];
    assert_cross(&all, Problem::of, Problem::kind);
    let all = [
        CheckpointErrorKind::InvalidValue,
        CheckpointErrorKind::LeaseLost,
        CheckpointErrorKind::NotSupported,
        CheckpointErrorKind::Full,
        CheckpointErrorKind::Unavailable,
        CheckpointErrorKind::Refused,
    ];
    assert_cross(&all, NotKept::of, NotKept::kind);
}

#[test]
fn what_the_error_of_a_task_asks_for_crosses() {
    let no = || anyhow::Error::msg("no");
    let all: [fn(anyhow::Error) -> TaskError; 7] = [
        TaskError::new,
        |no| TaskError::retry_after(SECOND, no),
        |no| TaskError::retry_key_after(SECOND, no),
        TaskError::fatal,
        |_| TaskError::cancel("enough"),
        |_| TaskError::snooze(SECOND),
        |no| TaskErrorKind::InvalidResult(no).into(),
    ];
    for error in all {
        let (asked, message) = Asked::of(error(no()));
        let arrived = crossed(&asked).into_error(message).unwrap();
        assert_eq!(shown(&arrived), shown(&error(no())));
    }
}

#[test]
fn parameters_that_do_not_fit_are_no_error_of_the_task() {
    let wrong = Payload::from_bytes(&[0xc1]).unwrap_err();
    let wrong = InvalidParams::new(TaskName::from_static("reports.make"), &wrong, &[]);
    let (asked, message) = Asked::of(TaskErrorKind::InvalidParams(wrong).into());
    assert!(crossed(&asked).into_error(message).is_none());
}

/// The kind of an error and what it carries; not whence it comes, which stands on the lines below.
fn shown(error: &TaskError) -> String {
    let all = format!("{:?}", error.kind());
    all.lines().next().unwrap_or_default().to_owned()
}
