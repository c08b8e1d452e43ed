//! The total time limit of a run, at the end of it.

use std::time::Duration;

use aqueduct_core::run::{
    Failure, FailureKind, MAX_FAILURE_MESSAGE_BYTES, Settlement, within_total,
};

use crate::{MILLISECOND, SECOND, failure, payload, reason};

fn retry(failure: Failure) -> Settlement {
    Settlement::Retry {
        wait: SECOND,
        failure,
    }
}

fn park(failure: Failure) -> Settlement {
    Settlement::Park {
        wait: SECOND,
        failure,
    }
}

/// Settles a run that has so much time left; returns why it failed.
fn failed(settlement: Settlement, left: Duration) -> Failure {
    match within_total(settlement, left) {
        Settlement::Fail { failure } => failure,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_would_begin_after_the_end_fails_the_run() {
    let snooze = Settlement::Snooze { wait: SECOND };
    for settlement in [retry(failure("refused")), park(failure("unknown")), snooze] {
        let more = SECOND + MILLISECOND;
        assert_eq!(within_total(settlement.clone(), more), settlement);
        for left in [SECOND, MILLISECOND, Duration::ZERO] {
            let failure = failed(settlement.clone(), left);
            let message = failure.message();
            assert!(message.ends_with("leaves no further attempt"), "{message}");
        }
    }
}

#[test]
fn the_failure_of_the_last_attempt_is_still_told() {
    let message = "refused; the total time limit leaves no further attempt";
    for settlement in [retry(failure("refused")), park(failure("refused"))] {
        let failure = failed(settlement, SECOND);
        assert_eq!(
            (failure.kind(), failure.message()),
            (FailureKind::Error, message)
        );
    }
    let snoozed = failed(Settlement::Snooze { wait: SECOND }, MILLISECOND);
    assert_eq!(snoozed.kind(), FailureKind::Timeout);
    let message = "the task put itself off for 1s; the total time limit leaves no further attempt";
    assert_eq!(snoozed.message(), message);
}

#[test]
fn a_long_message_leaves_room_for_why_there_is_no_further_attempt() {
    let why = "; the total time limit leaves no further attempt";
    for bytes in [
        MAX_FAILURE_MESSAGE_BYTES,
        MAX_FAILURE_MESSAGE_BYTES - why.len(),
    ] {
        let long = "x".repeat(bytes);
        let failure = failed(retry(failure(&long)), SECOND);
        assert!(failure.message().ends_with(why));
        assert_eq!(failure.message().len(), MAX_FAILURE_MESSAGE_BYTES);
    }
}

#[test]
fn an_attempt_that_the_total_limit_has_ended_says_so_once() {
    let timeout = Failure::new(FailureKind::Timeout, "the run was to end by then");
    assert_eq!(failed(retry(timeout.clone()), Duration::ZERO), timeout);
    // One that its own limit has ended, while time was left, has the reason added.
    let earlier = failed(retry(timeout), MILLISECOND);
    assert!(earlier.message().ends_with("no further attempt"));
    let error = failed(retry(failure("refused")), Duration::ZERO);
    assert!(error.message().ends_with("no further attempt"));
}

#[test]
fn what_ends_the_run_or_gives_it_back_is_as_it_was() {
    let settlements = [
        Settlement::Succeed {
            result: Some(payload(&7)),
        },
        Settlement::Fail {
            failure: failure("refused"),
        },
        Settlement::Cancel { reason: reason() },
        Settlement::Release,
    ];
    for settlement in settlements {
        let after = within_total(settlement.clone(), Duration::ZERO);
        assert_eq!(after, settlement);
    }
}
