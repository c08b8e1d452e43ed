//! Follow-ups that ended with what they waited for: they wait again when that is queued anew.

use aqueduct_core::run::{Follows, Takes};
use aqueduct_core::{RunId, RunState, TaskRun, Timestamp};

use crate::{MILLISECOND, NOW, ended, id, later, payload, reason, task};

fn before() -> TaskRun {
    ended(1, RunState::Failed)
}

/// The run that waited for these, as the end of run 1 has left it.
fn cancelled_behind(runs: Vec<RunId>) -> TaskRun {
    let follows = Follows::new(runs, Takes::Value);
    let why = follows.part_of(&before()).unwrap_err();
    let mut task = task(2);
    task.options_mut().follows = Some(follows);
    let mut run = TaskRun::accept(task, NOW);
    run.state = RunState::Cancelled;
    let record = run.record_mut();
    (record.ended_at, record.reason) = (Some(NOW), Some(why));
    run
}

fn changed(change: impl Fn(&mut TaskRun)) -> TaskRun {
    let mut run = cancelled_behind(vec![id(1)]);
    change(&mut run);
    run
}

#[test]
fn who_waited_for_just_that_run_has_ended_with_it() {
    let run = cancelled_behind(vec![id(1)]);
    assert!(run.ended_with(&before()));
    assert!(!run.ended_with(&ended(3, RunState::Failed)));
}

#[test]
fn a_follow_up_of_a_group_stays_cancelled() {
    for runs in [vec![id(1), id(3)], vec![id(3), id(1)], vec![id(3)]] {
        assert!(!cancelled_behind(runs).ended_with(&before()));
    }
}

#[test]
fn whoever_ended_otherwise_has_not_ended_with_it() {
    let runs = [
        changed(|it| it.state = RunState::Failed),
        changed(|it| it.state = RunState::Scheduled),
        changed(|it| it.record_mut().ended_at = Some(later(MILLISECOND))),
        changed(|it| it.record_mut().ended_at = None),
        changed(|it| it.record_mut().reason = Some(reason())),
        changed(|it| it.record_mut().reason = None),
        changed(|it| it.record = None),
        changed(|it| it.options = None),
    ];
    for run in runs {
        assert!(!run.ended_with(&before()), "{run:?}");
    }
    let run = cancelled_behind(vec![id(1)]);
    let mut unended = before();
    unended.record = None;
    assert!(!run.ended_with(&unended));
    let neither = changed(|it| it.record_mut().ended_at = None);
    assert!(!neither.ended_with(&unended));
}

#[test]
fn who_was_released_has_not_ended_with_it() {
    let begun = changed(|it| it.tally.attempt = 1);
    assert!(!begun.ended_with(&before()));
    let has_input = changed(|it| it.input = Some(payload(&7)));
    assert!(!has_input.ended_with(&before()));
}

#[test]
fn who_runs_anyway_was_cancelled_by_somebody() {
    let anyway = changed(|it| {
        let follows = it.options.as_mut().unwrap().follows.take().unwrap();
        it.options.as_mut().unwrap().follows = Some(follows.anyway());
        it.record_mut().reason = None;
    });
    assert!(!anyway.ended_with(&before()));
}

#[test]
fn each_end_that_cancels_a_follow_up_is_told_from_the_others() {
    for state in [RunState::Cancelled, RunState::Expired] {
        let other = ended(1, state);
        let mut run = cancelled_behind(vec![id(1)]);
        assert!(!run.ended_with(&other), "{state}");
        let follows = Follows::new(vec![id(1)], Takes::Value);
        run.record_mut().reason = follows.part_of(&other).err();
        assert!(run.ended_with(&other), "{state}");
    }
}

#[test]
fn it_waits_as_before_when_it_is_made_to_wait_again() {
    let mut run = cancelled_behind(vec![id(1)]);
    run.state = run
        .state
        .after(aqueduct_core::run::Transition::Await)
        .unwrap();
    run.await_again();
    assert_eq!(run.due_at, Timestamp::MAX);
    assert!(run.waits_for().is_some() && run.record.is_none());
}
