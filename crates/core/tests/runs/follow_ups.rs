//! Runs that wait for others: until when, and what is known of what they wait for.

use aqueduct_core::RunState::{self, Cancelled, Expired, Failed, Queued, Scheduled, Succeeded};
use aqueduct_core::run::{Follows, Reason, Takes, Unsuccessful};
use aqueduct_core::{TaskRun, Timestamp};

use crate::{MILLISECOND, NOW, SECOND, ended, failure, id, later, payload, reason, run, task};

/// A run that waits for run 1 alone, and takes this from it.
fn follow_up(takes: Takes) -> TaskRun {
    following(Follows::new(vec![id(1)], takes))
}

fn following(follows: Follows) -> TaskRun {
    let mut task = task(2);
    task.options_mut().follows = Some(follows);
    TaskRun::accept(task, NOW)
}

#[test]
fn a_follow_up_waits_until_it_is_released() {
    let follows = Follows::new(vec![id(1)], Takes::Value);
    let mut run = following(follows.clone());
    assert!(run.is_in_workflow());
    assert_eq!(run.waits_for(), Some(&follows));
    assert!(run.release(Some(payload(&7)), later(SECOND)));
    assert_eq!(run.waits_for(), None);
    assert_eq!((run.queued_at, run.due_at), (later(SECOND), later(SECOND)));
    assert_eq!(run.input, Some(payload(&7)));
    assert_eq!(run.state, Scheduled);
    assert!(run.is_in_workflow());
}

#[test]
fn only_what_is_scheduled_for_the_end_of_time_waits_for_others() {
    let mut cancelled = follow_up(Takes::Value);
    cancelled.state = Cancelled;
    assert_eq!(cancelled.waits_for(), None);
    let mut delayed = follow_up(Takes::Value);
    delayed.due_at = later(SECOND);
    assert_eq!(delayed.waits_for(), None);
    let mut plain = run(1);
    (plain.state, plain.due_at) = (Scheduled, Timestamp::MAX);
    assert_eq!(plain.waits_for(), None);
}

#[test]
fn a_delay_and_the_total_time_count_from_the_release() {
    let mut follows = Follows::new(vec![id(1)], Takes::Nothing);
    follows.delay = Some(MILLISECOND);
    let mut run = following(follows);
    run.options.as_mut().unwrap().total_timeout = Some(5 * SECOND);
    assert!(!run.release(None, later(SECOND)));
    assert_eq!(run.queued_at, later(SECOND));
    assert_eq!(run.due_at, later(SECOND + MILLISECOND));
    assert_eq!(run.ends_by(), Some(later(6 * SECOND)));
    assert_eq!(run.input, None);
}

#[test]
fn a_run_that_waits_again_is_due_at_the_end_of_time_and_has_no_record() {
    let mut run = follow_up(Takes::Value);
    run.due_at = NOW;
    run.record_mut().ended_at = Some(NOW);
    run.await_again();
    assert_eq!((run.ended_at(), run.due_at), (None, Timestamp::MAX));
    assert!(run.waits_for().is_some());
}

#[test]
fn a_run_that_takes_values_lacks_its_input_until_it_has_one() {
    for (takes, lacks_input) in [
        (Takes::Nothing, false),
        (Takes::Value, true),
        (Takes::Values, true),
    ] {
        let mut run = follow_up(takes);
        assert_eq!(run.lacks_input(), lacks_input, "{takes:?}");
        run.input = Some(payload(&7));
        assert!(!run.lacks_input(), "{takes:?}");
    }
}

#[test]
fn the_first_run_that_does_not_succeed_is_why_a_follow_up_does_not_run() {
    let cases = [
        (Failed, "failed"),
        (Cancelled, "was cancelled"),
        (Expired, "has expired"),
        (Queued, "was removed"),
    ];
    for takes in [Takes::Nothing, Takes::Value, Takes::Values] {
        let follows = Follows::new(vec![id(1)], takes);
        for (state, words) in cases {
            let why = follows.part_of(&ended(1, state)).unwrap_err();
            let run = id(1);
            let expected = format!("it follows `send` (run {run}), which {words}");
            assert_eq!(why, Reason::new(expected));
        }
        assert!(follows.part_of(&ended(1, Succeeded)).is_ok());
        let anyway = follows.anyway();
        for state in RunState::ALL {
            assert!(anyway.part_of(&ended(1, state)).is_ok(), "{state}");
        }
    }
}

#[test]
fn how_a_run_ended_is_told_with_its_failure_or_its_reason() {
    let told = |run: &TaskRun| Unsuccessful::of(run).to_string();
    assert_eq!(told(&ended(1, Expired)), "`send` has expired");
    assert_eq!(told(&ended(1, Succeeded)), "`send` succeeded");
    let mut failed = ended(1, Failed);
    failed.record_mut().failure = Some(failure("refused"));
    assert_eq!(told(&failed), "`send` failed: error: refused");
    let mut cancelled = ended(1, Cancelled);
    cancelled.record_mut().reason = Some(reason());
    assert_eq!(told(&cancelled), "`send` was cancelled: not needed");
    // The attempt before had failed: that is not why it was cancelled.
    cancelled.record_mut().failure = Some(failure("refused"));
    assert_eq!(told(&cancelled), "`send` was cancelled: not needed");
}

#[test]
fn a_run_that_was_removed_counts_as_cancelled() {
    let mut removed = run(1);
    removed.record_mut().failure = Some(failure("refused"));
    for state in [Scheduled, Queued, RunState::Running, RunState::Retrying] {
        removed.state = state;
        let told = Unsuccessful::of(&removed);
        assert_eq!(told.state, Cancelled);
        assert_eq!(told.failure, Some(failure("refused")));
        let words = "`send` was cancelled: it was removed before it ended";
        assert_eq!(told.to_string(), words);
    }
}
