//! Numbers at and over their bounds: each refusal names the bound.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fmt::{Debug, Display};
use std::time::Duration;

use aqueduct_core::retry::Jitter;
use aqueduct_core::run::{MAX_WAIT, Outcome, Settlement, Tally, decide};
use aqueduct_core::schedule::{MAX_PERIOD, MAX_UPCOMING, MIN_PERIOD};
use aqueduct_core::task::{MAX_TIMEOUT, TaskDefinition};
use aqueduct_core::{RetryPolicy, Schedule, TaskName, Timestamp};

const MILLISECOND: Duration = Duration::from_millis(1);

fn refused<T: Debug>(result: Result<T, impl Display>, words: &[&str]) {
    let message = result.map_err(|error| error.to_string()).unwrap_err();
    for word in words {
        assert!(message.contains(word), "`{word}` is missing in: {message}");
    }
}

#[test]
fn periods_jitters_and_delays_of_schedules() {
    for period in [MIN_PERIOD, MAX_PERIOD] {
        let schedule = Schedule::every(period).unwrap();
        assert!(schedule.next_after(Timestamp::MIN).is_some());
    }
    for period in [
        Duration::ZERO,
        Duration::from_nanos(1),
        MAX_PERIOD + MILLISECOND,
        Duration::MAX,
    ] {
        refused(Schedule::every(period), &["1 ms", "10 years"]);
    }
    assert_eq!(MAX_PERIOD.as_secs(), 3652 * 86_400);
    let hourly = || Schedule::every(Duration::from_hours(1)).unwrap();
    let hour = Duration::from_hours(1);
    assert!(hourly().jitter(hour.saturating_sub(MILLISECOND)).is_ok());
    refused(hourly().jitter(hour), &["jitter"]);
    refused(hourly().jitter(Duration::MAX), &["jitter"]);
    let late = hourly().delay(MAX_PERIOD).unwrap();
    let first = Timestamp::MIN.saturating_add(MAX_PERIOD);
    assert_eq!(late.next_after(Timestamp::MIN), Some(first));
    refused(hourly().delay(MAX_PERIOD + MILLISECOND), &["delay"]);
    refused(hourly().delay(Duration::MAX), &["delay"]);
    refused(
        Schedule::cron("* * * * *").unwrap().delay(MILLISECOND),
        &["delay"],
    );
    // The end of time is no panic.
    assert_eq!(hourly().next_after(Timestamp::MAX), None);
    let _ = Schedule::cron("0 0 * * *")
        .unwrap()
        .next_after(Timestamp::MAX);
}

#[test]
fn no_list_of_ticks_is_endless() {
    let often = Schedule::every(MILLISECOND).unwrap();
    let ticks = often.upcoming(Timestamp::MIN, usize::MAX);
    assert_eq!(ticks.len(), MAX_UPCOMING);
}

#[test]
fn waits_of_retry_policies() {
    let too_much = MAX_WAIT + MILLISECOND;
    for wait in [
        Duration::ZERO,
        Duration::from_micros(999),
        too_much,
        Duration::MAX,
    ] {
        let words = &["1 ms", "365 days"];
        refused(RetryPolicy::fixed(wait), words);
        refused(RetryPolicy::linear(wait), words);
        refused(RetryPolicy::exponential(wait), words);
        refused(RetryPolicy::none().max_wait(wait), words);
    }
    let patient = RetryPolicy::exponential(MAX_WAIT).unwrap();
    let patient = patient.max_wait(MAX_WAIT).unwrap();
    let patient = patient.max_retries(u32::MAX).jitter(Jitter::None);
    assert_eq!(patient.wait(u32::MAX - 1, 0.0), Some(MAX_WAIT));
    assert_eq!(patient.wait(u32::MAX, 0.0), None);
}

#[test]
fn a_first_wait_over_the_default_of_the_longest_is_kept() {
    let (hour, ten_minutes) = (Duration::from_hours(1), Duration::from_mins(10));
    for policy in [
        RetryPolicy::fixed,
        RetryPolicy::linear,
        RetryPolicy::exponential,
    ] {
        let policy = policy(hour).unwrap().jitter(Jitter::None);
        assert_eq!(policy.wait(0, 0.0), Some(hour));
        assert_eq!(policy.wait(2, 0.0), Some(hour));
        let short = policy.max_wait(ten_minutes).unwrap();
        assert_eq!(short.wait(0, 0.0), Some(ten_minutes));
    }
    let short = RetryPolicy::exponential(Duration::from_secs(1)).unwrap();
    let late = short.max_retries(99).jitter(Jitter::None).wait(98, 0.0);
    assert_eq!(late, Some(ten_minutes));
}

#[test]
fn time_limits_of_tasks() {
    let definition = || TaskDefinition::new(TaskName::from_static("a"));
    for limit in [MILLISECOND, MAX_TIMEOUT] {
        assert_eq!(definition().with_timeout(limit).unwrap().timeout(), limit);
    }
    for limit in [Duration::ZERO, MAX_TIMEOUT + MILLISECOND, Duration::MAX] {
        refused(definition().with_timeout(limit), &["a", "30 days"]);
    }
}

#[test]
fn a_task_cannot_ask_for_a_longer_wait_than_a_year() {
    let outcome = Outcome::Snoozed {
        wait: Duration::MAX,
    };
    let settlement = decide(outcome, &RetryPolicy::none(), Tally::default(), 0.0);
    assert_eq!(settlement, Settlement::Snooze { wait: MAX_WAIT });
}
