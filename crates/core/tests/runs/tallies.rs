//! What is counted of a run: each attempt against one budget, or against none.

use aqueduct_core::run::{Failure, FailureKind, Settlement, Tally};

use crate::{SECOND, crash, failure, reason};

const BEFORE: Tally = Tally {
    attempt: 9,
    failures: 2,
    crashes: 1,
    parks: 5,
};

fn settled(settlement: &Settlement) -> (u32, u32, u32) {
    let after = BEFORE.after(settlement);
    assert_eq!(after.attempt, BEFORE.attempt);
    (after.failures, after.crashes, after.parks)
}

#[test]
fn what_is_given_back_counts_as_nothing() {
    assert_eq!(settled(&Settlement::Release), (2, 1, 5));
    assert_eq!(settled(&Settlement::Snooze { wait: SECOND }), (2, 1, 5));
}

#[test]
fn parks_are_counted_in_a_row() {
    let park = Settlement::Park {
        wait: SECOND,
        failure: Failure::new(FailureKind::UnknownTask, "send"),
    };
    assert_eq!(settled(&park), (2, 1, 6));
    let ends = [
        Settlement::Succeed { result: None },
        Settlement::Cancel { reason: reason() },
    ];
    for end in ends {
        assert_eq!(settled(&end), (2, 1, 0));
    }
}

#[test]
fn a_crash_counts_against_its_own_budget_and_every_other_failure_against_the_retries() {
    for kind in FailureKind::ALL {
        let counts = match kind {
            FailureKind::Crash => (2, 2, 0),
            _ => (3, 1, 0),
        };
        let failure = Failure::new(kind, "");
        let retry = Settlement::Retry {
            wait: SECOND,
            failure: failure.clone(),
        };
        assert_eq!(settled(&retry), counts, "{kind}");
        assert_eq!(settled(&Settlement::Fail { failure }), counts, "{kind}");
    }
}

#[test]
fn a_full_counter_stays_full() {
    let full = Tally {
        attempt: u32::MAX,
        failures: u32::MAX,
        crashes: u32::MAX,
        parks: u32::MAX,
    };
    let failed = |failure| Settlement::Fail { failure };
    assert_eq!(full.after(&failed(crash())).crashes, u32::MAX);
    assert_eq!(full.after(&failed(failure(""))).failures, u32::MAX);
    let park = Settlement::Park {
        wait: SECOND,
        failure: failure(""),
    };
    assert_eq!(full.after(&park).parks, u32::MAX);
}
