//! Retry policies: which failures are repeated, how often, and after what waits.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use aqueduct_core::RetryPolicy;
use aqueduct_core::retry::{Backoff, Jitter, RetryOn};
use aqueduct_core::run::{FailureKind, MAX_WAIT};

const SECOND: Duration = Duration::from_secs(1);

const KINDS: [FailureKind; 8] = [
    FailureKind::Error,
    FailureKind::Fatal,
    FailureKind::Panic,
    FailureKind::Timeout,
    FailureKind::Crash,
    FailureKind::InvalidParams,
    FailureKind::UnknownTask,
    FailureKind::InvalidResult,
];

/// Returns the waits of a policy after so many failures.
fn waits(policy: &RetryPolicy, random: f64) -> Vec<u64> {
    let waits = (0..).map_while(|failures| policy.wait(failures, random));
    waits
        .map(|wait| wait.as_millis().try_into().unwrap())
        .collect()
}

#[test]
fn waits_grow_as_the_policy_says() {
    let fixed = RetryPolicy::fixed(SECOND).unwrap();
    assert_eq!(waits(&fixed, 0.5), [1000; 3]);
    let linear = RetryPolicy::linear(SECOND).unwrap().max_retries(4);
    assert_eq!(waits(&linear, 0.5), [1000, 2000, 3000, 4000]);
    let exponential = RetryPolicy::exponential(SECOND).unwrap();
    let plain = exponential.max_retries(5).jitter(Jitter::None);
    assert_eq!(waits(&plain, 0.5), [1000, 2000, 4000, 8000, 16_000]);
    let bounded = plain.max_wait(3 * SECOND).unwrap();
    assert_eq!(waits(&bounded, 0.5), [1000, 2000, 3000, 3000, 3000]);
    assert_eq!(waits(&RetryPolicy::none(), 0.5), [0_u64; 0]);
}

#[test]
fn the_default_is_three_retries_spread_from_nothing_to_a_doubled_second() {
    let policy = RetryPolicy::default();
    assert_eq!(waits(&policy, 1.0), [1000, 2000, 4000]);
    assert_eq!(waits(&policy, 0.25), [250, 500, 1000]);
    assert_eq!(waits(&policy, 0.0), [0, 0, 0]);
}

#[test]
fn the_shortest_and_the_longest_wait_are_accepted() {
    for wait in [Duration::from_millis(1), MAX_WAIT] {
        assert_eq!(RetryPolicy::fixed(wait).unwrap().wait(0, 0.5), Some(wait));
    }
}

#[test]
fn jitter_spreads_within_its_part_of_the_wait() {
    let spread = |jitter: Jitter| [0.0, 0.5, 1.0].map(|random| jitter.spread(4 * SECOND, random));
    assert_eq!(spread(Jitter::None), [4 * SECOND; 3]);
    let (half, whole) = (2 * SECOND, 4 * SECOND);
    assert_eq!(spread(Jitter::Full), [Duration::ZERO, half, whole]);
    assert_eq!(spread(Jitter::Equal), [half, 3 * SECOND, whole]);
    // Whatever is no number from 0 to 1 is brought there, and never makes a wait longer.
    for random in [f64::NAN, f64::INFINITY, -1.0] {
        assert_eq!(Jitter::Full.spread(SECOND, random), Duration::ZERO);
    }
    assert_eq!(Jitter::Full.spread(SECOND, 7.0), SECOND);
}

#[test]
fn waits_that_would_overflow_are_the_longest() {
    let patient = Backoff::Exponential(SECOND).wait(u32::MAX);
    assert_eq!(patient, SECOND.saturating_mul(u32::MAX));
    let patient = Backoff::Linear(SECOND).wait(u32::MAX);
    assert_eq!(patient, SECOND.saturating_mul(u32::MAX));
    for jitter in [Jitter::None, Jitter::Full, Jitter::Equal] {
        assert!(jitter.spread(Duration::MAX, 1.0) >= Duration::from_secs(u64::MAX));
    }
}

/// Returns which kinds of failures are repeated.
fn repeated(retry_on: RetryOn) -> Vec<FailureKind> {
    let policy = RetryPolicy::default().retry_on(retry_on);
    let is_repeated = |kind: &FailureKind| policy.wait_after(*kind, 0, 1.0).is_some();
    let kinds: Vec<FailureKind> = KINDS.into_iter().filter(is_repeated).collect();
    let contained = KINDS.into_iter().filter(|kind| retry_on.contains(*kind));
    assert_eq!(kinds, contained.collect::<Vec<_>>());
    kinds
}

#[test]
fn each_kind_of_failure_is_chosen_by_itself() {
    for kind in KINDS {
        assert_eq!(repeated(RetryOn::only(&[kind])), [kind]);
        assert_eq!(repeated(RetryOn::only(&[kind, kind])), [kind]);
        let others: Vec<FailureKind> = KINDS.into_iter().filter(|it| *it != kind).collect();
        assert_eq!(repeated(RetryOn::only(&others)), others);
        assert_eq!(repeated(RetryOn::only(&KINDS).except(kind)), others);
        assert_eq!(repeated(RetryOn::only(&others).except(kind)), others);
    }
    let never = [FailureKind::Fatal, FailureKind::InvalidResult];
    let by_default = KINDS.into_iter().filter(|kind| !never.contains(kind));
    assert_eq!(repeated(RetryOn::all()), by_default.collect::<Vec<_>>());
}

#[test]
fn a_repeated_kind_waits_like_any_other() {
    let policy = RetryPolicy::fixed(SECOND).unwrap().max_retries(2);
    let after = |failures| policy.wait_after(FailureKind::Panic, failures, 0.5);
    assert_eq!([0, 1, 2].map(after), [Some(SECOND), Some(SECOND), None]);
}
