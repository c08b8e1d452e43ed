//! What a broker makes of a queued task, and what it knows of it from then on.

use std::time::Duration;

use aqueduct_core::RunState::{Queued, Scheduled};
use aqueduct_core::run::{Fair, FollowedBy, Follows, Limit, Lineage, Takes, Tally};
use aqueduct_core::trace::TraceContext;
use aqueduct_core::{Due, TaskRun, Timestamp};

use crate::{MILLISECOND, NOW, SECOND, id, later, payload, run, task};

#[test]
fn a_run_waits_for_its_time_if_that_has_not_come() {
    let earlier = NOW.saturating_sub(SECOND);
    let cases = [
        (Due::Now, NOW, Queued),
        (Due::After(Duration::ZERO), NOW, Queued),
        (Due::After(MILLISECOND), later(MILLISECOND), Scheduled),
        (Due::At(earlier), NOW, Queued),
        (Due::At(NOW), NOW, Queued),
        (Due::At(later(SECOND)), later(SECOND), Scheduled),
    ];
    for (due, due_at, state) in cases {
        let mut task = task(1);
        task.due = due;
        let run = TaskRun::accept(task, NOW);
        assert_eq!(
            (run.state, run.due_at, run.queued_at),
            (state, due_at, NOW),
            "{due:?}"
        );
    }
}

#[test]
fn a_follow_up_waits_for_the_others_however_it_is_due() {
    let mut task = task(2);
    task.due = Due::Now;
    task.options_mut().follows = Some(Follows::new(vec![id(1)], Takes::Nothing));
    let run = TaskRun::accept(task, NOW);
    assert_eq!((run.state, run.due_at), (Scheduled, Timestamp::MAX));
}

#[test]
fn a_run_is_what_was_queued_and_nothing_is_counted_yet() {
    let mut task = task(2);
    task.lineage = Lineage::child_of(id(1), id(7));
    task.payload = payload("parameters");
    task.input = Some(payload("input"));
    let run = TaskRun::accept(task, NOW);
    assert_eq!((run.id, run.task.as_str()), (id(2), "send"));
    assert_eq!((run.lineage.parent, run.lineage.root), (Some(id(1)), id(7)));
    assert_eq!(run.payload, payload("parameters"));
    assert_eq!(run.input, Some(payload("input")));
    assert_eq!(run.tally, Tally::default());
    assert_eq!(
        (run.record, run.progress, run.checkpoint),
        (None, None, None)
    );
    assert_eq!(run.options, None);
}

#[test]
fn a_plain_run_asks_for_nothing() {
    let run = run(1);
    assert_eq!(run.deadline(), None);
    assert_eq!(run.ends_by(), None);
    assert_eq!(run.ended_at(), None);
    assert_eq!(run.fair(), None);
    assert_eq!(run.trace(), None);
    assert_eq!(run.waits_for(), None);
    assert!(run.limits().is_empty());
    assert!(!run.keeps_result() && !run.needs_result());
    assert!(!run.is_in_workflow() && !run.lacks_input());
    assert!(!run.is_past_deadline(Timestamp::MAX));
}

#[test]
fn a_run_is_asked_what_it_asks_for() {
    let mut task = task(1);
    let limit = Limit::concurrency("tenant:7", 3).unwrap();
    let fair = Fair::key("tenant:7").unwrap();
    let trace = TraceContext::root();
    let options = task.options_mut();
    options.limits.set(limit.clone()).unwrap();
    options.fair = Some(fair.clone());
    options.set_trace(trace.clone());
    let run = TaskRun::accept(task, NOW);
    assert_eq!(run.limits(), [limit]);
    assert_eq!(run.fair(), Some(&fair));
    assert_eq!(run.trace(), Some(trace));
}

#[test]
fn a_run_expires_so_long_after_its_acceptance_unless_an_attempt_has_counted() {
    let mut task = task(1);
    task.expires_in = Some(SECOND);
    let mut run = TaskRun::accept(task, NOW);
    assert_eq!(run.deadline(), Some(later(SECOND)));
    assert!(!run.is_past_deadline(later(SECOND).saturating_sub(MILLISECOND)));
    assert!(run.is_past_deadline(later(SECOND)));
    assert!(run.is_past_deadline(later(SECOND + MILLISECOND)));
    // A claim that was given back is no start that counts.
    run.tally.attempt = 1;
    assert!(run.is_past_deadline(later(SECOND)));
    run.tally.failures = 1;
    assert!(!run.is_past_deadline(later(SECOND)));
    run.tally = Tally::default();
    run.tally.crashes = 1;
    assert!(!run.is_past_deadline(later(SECOND)));
}

#[test]
fn the_total_time_counts_from_the_acceptance() {
    let mut task = task(1);
    task.due = Due::After(SECOND);
    let options = task.options_mut();
    assert!(options.total_timeout.is_none());
    options.total_timeout = Some(5 * SECOND);
    let run = TaskRun::accept(task, NOW);
    assert_eq!(run.ends_by(), Some(later(5 * SECOND)));
    assert_eq!(run.deadline(), None);
}

#[test]
fn a_value_is_needed_if_it_is_kept_or_a_follow_up_takes_it() {
    let follow_up = |takes_value| Some(FollowedBy::new(id(2), 0, takes_value));
    let cases = [
        (None, None, false),
        (Some(SECOND), None, true),
        (None, follow_up(false), false),
        (None, follow_up(true), true),
        (Some(SECOND), follow_up(false), true),
    ];
    for (keep_result, followed_by, is_needed) in cases {
        let mut task = task(1);
        let is_followed = followed_by.is_some();
        let options = task.options_mut();
        (options.keep_result, options.followed_by) = (keep_result, followed_by);
        let run = TaskRun::accept(task, NOW);
        assert_eq!(run.needs_result(), is_needed);
        assert_eq!(run.keeps_result(), keep_result.is_some());
        assert_eq!(run.is_in_workflow(), is_followed);
    }
}
