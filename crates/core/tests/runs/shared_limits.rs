//! Limits that runs share: what is one, which are the same, how they are written.

use std::time::Duration;

use aqueduct_core::key::MAX_KEY_BYTES;
use aqueduct_core::payload::Params;
use aqueduct_core::run::{Limit, LimitKey, Limits, MAX_LIMITS, MAX_WAIT};

use crate::{MILLISECOND, SECOND, payload};

fn at_once(key: &str, max: u32) -> Limit {
    Limit::concurrency(key, max).unwrap()
}

fn per_second(key: &str, max: u32) -> Limit {
    Limit::rate(key, max, SECOND).unwrap()
}

#[test]
fn a_limit_is_what_was_asked_for() {
    let limit = at_once("tenant:7", 3);
    assert_eq!(limit.key().as_str(), "tenant:7");
    assert_eq!((limit.max(), limit.per()), (3, None));
    assert_eq!(limit.to_string(), "3 at once of `tenant:7`");
    let limit = per_second("tenant:7", 5);
    assert_eq!((limit.max(), limit.per()), (5, Some(SECOND)));
    assert_eq!(limit.to_string(), "5 per 1s of `tenant:7`");
    assert_eq!(limit.key().to_string(), "tenant:7");
}

#[test]
fn a_limit_lets_something_start() {
    assert_eq!(at_once("a", 1).max(), 1);
    assert_eq!(at_once("a", u32::MAX).max(), u32::MAX);
    for limit in [Limit::concurrency("a", 0), Limit::rate("a", 0, SECOND)] {
        let error = limit.unwrap_err().to_string();
        assert!(error.contains("the limit `a` is 0"), "{error}");
    }
}

#[test]
fn the_time_of_a_rate_is_whole_milliseconds_up_to_a_year() {
    for per in [MILLISECOND, Duration::from_millis(1001), MAX_WAIT] {
        assert_eq!(Limit::rate("a", 1, per).unwrap().per(), Some(per));
    }
    for per in [
        Duration::ZERO,
        Duration::from_micros(999),
        Duration::from_micros(1500),
        MILLISECOND + Duration::from_nanos(1),
        MAX_WAIT + MILLISECOND,
        Duration::MAX,
    ] {
        let error = Limit::rate("a", 1, per).unwrap_err().to_string();
        let words = format!("rate limit `a` must be whole ms from 1 ms to a year, it is {per:?}");
        assert!(error.contains(&words), "{error}");
    }
}

#[test]
fn the_key_of_a_limit_has_1_to_256_bytes() {
    let longest = "x".repeat(MAX_KEY_BYTES);
    assert_eq!(LimitKey::new(longest.clone()).unwrap().as_str(), longest);
    for (text, length) in [(String::new(), 0), (longest + "x", 257)] {
        let words = format!("must have 1 to 256 bytes, this one has {length}");
        for error in [
            LimitKey::new(text.clone()).unwrap_err(),
            Limit::concurrency(text.clone(), 1).unwrap_err(),
            Limit::rate(text, 1, SECOND).unwrap_err(),
        ] {
            assert!(error.to_string().contains(&words), "{error}");
        }
    }
}

#[test]
fn a_concurrency_limit_and_a_rate_limit_of_one_key_are_two_limits() {
    assert!(at_once("a", 1).is_same(&at_once("a", 2)));
    let per_minute = Limit::rate("a", 1, 60 * SECOND).unwrap();
    assert!(per_second("a", 1).is_same(&per_minute));
    assert!(!at_once("a", 1).is_same(&per_second("a", 1)));
    assert!(!at_once("a", 1).is_same(&at_once("b", 1)));
    assert!(!per_second("a", 1).is_same(&at_once("b", 1)));
}

#[test]
fn a_run_has_four_limits_at_most_and_the_last_of_the_same_counts() {
    let mut limits = Limits::default();
    assert!(limits.is_empty());
    let four = [
        at_once("a", 1),
        per_second("a", 2),
        at_once("b", 3),
        at_once("c", 4),
    ];
    for limit in &four {
        limits.set(limit.clone()).unwrap();
        assert!(!limits.is_empty());
    }
    assert_eq!(limits.as_slice(), four);
    assert_eq!(four.len(), MAX_LIMITS);
    let error = limits.set(at_once("d", 1)).unwrap_err().to_string();
    assert_eq!(error, "there are at most 4 limits; `d` would have one more");
    limits.set(at_once("b", 30)).unwrap();
    let [first, second, _, last] = four;
    let replaced = [first, second, at_once("b", 30), last];
    assert_eq!(limits.as_slice(), replaced);
}

#[test]
fn the_rate_limits_are_held_back_or_all_if_there_is_none() {
    let held_back = |all: &[Limit]| {
        let limits = Limits::try_from(all.to_vec()).unwrap();
        let held_back: Vec<Limit> = limits.held_back().cloned().collect();
        held_back
    };
    let (one, two) = (at_once("a", 1), at_once("b", 1));
    let (rate, other) = (per_second("a", 1), per_second("c", 1));
    let mixed = [one.clone(), rate.clone(), two.clone(), other.clone()];
    assert_eq!(held_back(&mixed), [rate, other]);
    assert_eq!(held_back(&[one.clone(), two.clone()]), [one, two]);
    assert!(held_back(&[]).is_empty());
}

#[test]
fn limits_are_read_as_they_were_written() {
    let written = payload(&at_once("a", 3));
    assert_eq!(written.keys().unwrap(), ["key", "max"]);
    let written = payload(&per_second("a", 3));
    assert_eq!(written.keys().unwrap(), ["key", "max", "per"]);
    let all = vec![at_once("a", 3), per_second("a", 5)];
    let limits = Limits::try_from(all.clone()).unwrap();
    assert_eq!(payload(&limits), payload(&all));
    assert_eq!(payload(&limits).decode::<Limits>().unwrap(), limits);
    let key = LimitKey::new("a").unwrap();
    assert_eq!(payload(&key).decode::<String>().unwrap(), "a");
}

#[test]
fn what_is_no_limit_is_not_read() {
    let limit = |key: &str, max: u32, per: Option<Duration>| {
        let params = Params::new().with("key", key).with("max", &max);
        params.with("per", &per).into_payload().unwrap()
    };
    let read = limit("a", 1, Some(SECOND)).decode::<Limit>();
    assert_eq!(read.unwrap(), per_second("a", 1));
    for (payload, words) in [
        (limit("a", 0, None), "is 0"),
        (limit("", 1, None), "1 to 256 bytes"),
        (limit("a", 1, Some(Duration::ZERO)), "whole ms"),
    ] {
        let error = payload.decode::<Limit>().unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    }
    let five: Vec<Limit> = ["a", "b", "c", "d", "e"].map(|key| at_once(key, 1)).into();
    let error = payload(&five).decode::<Limits>().unwrap_err();
    assert!(error.to_string().contains("`e` would have one more"));
}
