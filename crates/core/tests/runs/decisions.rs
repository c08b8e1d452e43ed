//! What follows the end of an attempt, at the edges of each budget.

use std::time::Duration;

use aqueduct_core::RetryPolicy;
use aqueduct_core::run::{
    FIRST_CRASH_WAIT, FIRST_PARK_WAIT, Failure, FailureKind, MAX_PARK_WAIT, MAX_PARKS, MAX_WAIT,
    Outcome, Settlement, Tally, decide,
};

use crate::{MILLISECOND, SECOND, crash, failure, payload, reason};

const YEAR: Duration = Duration::from_hours(8760);

/// Decides with two retries, a second apart.
fn decided(outcome: Outcome, tally: Tally, random: f64) -> Settlement {
    let policy = RetryPolicy::fixed(SECOND).unwrap().max_retries(2);
    decide(outcome, &policy, tally, random)
}

fn failed(retry_after: Option<Duration>) -> Outcome {
    Outcome::Failed {
        failure: failure("refused"),
        retry_after,
        hold_back: None,
    }
}

fn after_failures(failures: u32) -> Tally {
    Tally {
        failures,
        ..Tally::default()
    }
}

#[test]
fn what_the_task_decides_is_recorded_as_it_says() {
    let tally = after_failures(99);
    let cases = [
        (
            Outcome::Succeeded {
                result: Some(payload(&7)),
            },
            Settlement::Succeed {
                result: Some(payload(&7)),
            },
        ),
        (
            Outcome::Cancelled { reason: reason() },
            Settlement::Cancel { reason: reason() },
        ),
        (
            Outcome::Snoozed { wait: SECOND },
            Settlement::Snooze { wait: SECOND },
        ),
        (
            Outcome::Snoozed {
                wait: YEAR + MILLISECOND,
            },
            Settlement::Snooze { wait: YEAR },
        ),
        (Outcome::Released, Settlement::Release),
    ];
    for (outcome, settlement) in cases {
        assert_eq!(decided(outcome, tally, 0.5), settlement);
    }
    assert_eq!(MAX_WAIT, YEAR);
}

#[test]
fn a_failure_is_repeated_as_often_as_the_policy_says() {
    let failure = failure("refused");
    for failures in [0, 1] {
        let wait = SECOND;
        let expected = Settlement::Retry {
            wait,
            failure: failure.clone(),
        };
        assert_eq!(
            decided(failed(None), after_failures(failures), 0.5),
            expected
        );
    }
    let expected = Settlement::Fail { failure };
    assert_eq!(decided(failed(None), after_failures(2), 0.5), expected);
    let soon = failed(Some(MILLISECOND));
    assert_eq!(decided(soon, after_failures(2), 0.5), expected);
}

#[test]
fn the_wait_that_a_task_asks_for_stands_in_for_that_of_the_policy() {
    let cases = [
        (Duration::ZERO, Duration::ZERO),
        (MILLISECOND, MILLISECOND),
        (YEAR, YEAR),
        (YEAR + MILLISECOND, YEAR),
    ];
    for (asked, wait) in cases {
        let expected = Settlement::Retry {
            wait,
            failure: failure("refused"),
        };
        assert_eq!(
            decided(failed(Some(asked)), Tally::default(), 0.5),
            expected
        );
    }
}

#[test]
fn the_last_crash_of_the_budget_fails_the_run() {
    let crashed = |crashes, budget| {
        let outcome = Outcome::Crashed {
            failure: crash(),
            budget,
        };
        let tally = Tally {
            crashes,
            ..after_failures(99)
        };
        decided(outcome, tally, 0.0)
    };
    for (crashes, budget) in [(0, 1), (2, 3), (3, 3), (0, 0), (u32::MAX, u32::MAX)] {
        let expected = Settlement::Fail { failure: crash() };
        assert_eq!(crashed(crashes, budget), expected, "{crashes} of {budget}");
    }
    for (crashes, budget) in [(0, 2), (1, 3)] {
        let settlement = crashed(crashes, budget);
        assert!(matches!(settlement, Settlement::Retry { .. }), "{crashes}");
    }
}

#[test]
fn waits_after_crashes_double_up_to_five_minutes_and_are_spread_over_their_second_half() {
    let wait = |crashes, random| {
        let outcome = Outcome::Crashed {
            failure: crash(),
            budget: u32::MAX,
        };
        let tally = Tally {
            crashes,
            ..Tally::default()
        };
        match decided(outcome, tally, random) {
            Settlement::Retry { wait, .. } => wait,
            other => panic!("{other:?}"),
        }
    };
    let halves = [0, 1, 2, 3].map(|crashes| wait(crashes, 0.0));
    assert_eq!(halves, [125, 250, 500, 1000].map(Duration::from_millis));
    assert_eq!(wait(0, 0.5), FIRST_CRASH_WAIT * 3 / 4);
    assert_eq!(wait(1, 0.5), FIRST_CRASH_WAIT * 3 / 2);
    for crashes in [11, 100, u32::MAX - 2] {
        assert_eq!(wait(crashes, 0.0), MAX_PARK_WAIT / 2);
    }
}

#[test]
fn a_run_that_nobody_knows_is_parked_longer_and_longer_and_fails_in_the_end() {
    let unknown = || Failure::new(FailureKind::UnknownTask, "send");
    let parked = |parks| {
        let outcome = Outcome::NotRunnable { failure: unknown() };
        let tally = Tally {
            parks,
            ..after_failures(99)
        };
        decided(outcome, tally, 0.5)
    };
    let park = |wait| Settlement::Park {
        wait,
        failure: unknown(),
    };
    for (parks, wait) in [
        (0, FIRST_PARK_WAIT),
        (1, SECOND),
        (2, 2 * SECOND),
        (9, 256 * SECOND),
        (10, MAX_PARK_WAIT),
        (MAX_PARKS - 1, MAX_PARK_WAIT),
    ] {
        assert_eq!(parked(parks), park(wait), "{parks}");
    }
    for parks in [MAX_PARKS, u32::MAX] {
        let expected = Settlement::Fail { failure: unknown() };
        assert_eq!(parked(parks), expected, "{parks}");
    }
}

#[test]
fn only_a_failure_that_says_so_holds_others_back() {
    let hold_back = |hold_back| {
        let outcome = Outcome::Failed {
            failure: failure("too many requests"),
            retry_after: None,
            hold_back,
        };
        outcome.hold_back()
    };
    assert_eq!(hold_back(Some(SECOND)), SECOND);
    assert_eq!(hold_back(None), Duration::ZERO);
    assert_eq!(Outcome::Released.hold_back(), Duration::ZERO);
    let snoozed = Outcome::Snoozed { wait: SECOND };
    assert_eq!(snoozed.hold_back(), Duration::ZERO);
}
