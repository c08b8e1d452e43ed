//! Schedules against golden times: gaps, folds, odd offsets, months, names.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod clock_changes;
mod golden;
mod refusals;
mod texts;

use std::collections::BTreeSet;
use std::time::Duration;

use aqueduct_core::{RunId, Schedule, ScheduleName};

use golden::{at, cron, expect};

#[test]
fn a_fixed_time_in_a_gap_runs_once_at_the_first_valid_instant() {
    expect(
        &cron("30 2 * * *", "Europe/Rome"),
        "2026-03-28T12:00:00Z",
        &["2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"],
    );
    expect(
        &cron("30 2 * * *", "America/New_York"),
        "2026-03-07T12:00:00Z",
        &["2026-03-08T07:00:00Z", "2026-03-09T06:30:00Z"],
    );
    expect(
        &cron("15 2 * * *", "Australia/Lord_Howe"),
        "2026-10-03T12:00:00Z",
        &["2026-10-03T15:30:00Z", "2026-10-04T15:15:00Z"],
    );
}

#[test]
fn a_fixed_time_in_a_fold_runs_once() {
    expect(
        &cron("30 2 * * *", "Europe/Rome"),
        "2026-10-24T12:00:00Z",
        &["2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"],
    );
    expect(
        &cron("30 1 * * *", "America/New_York"),
        "2026-10-31T12:00:00Z",
        &["2026-11-01T05:30:00Z", "2026-11-02T06:30:00Z"],
    );
}

#[test]
fn a_day_that_does_not_exist_is_left_out_without_a_double() {
    // Samoa crossed the date line: 30 December 2011 never happened in Apia.
    let ticks = cron("0 12 * * *", "Pacific/Apia").upcoming(at("2011-12-29T00:00:00Z"), 3);
    let mut unique = ticks.clone();
    unique.dedup();
    assert_eq!(ticks, unique);
    assert!(ticks.is_sorted());
    assert_eq!(ticks[0], at("2011-12-29T22:00:00Z"));
}

#[test]
fn intervals_keep_their_rhythm() {
    let schedule = Schedule::every(Duration::from_mins(20)).unwrap();
    let ticks = schedule.upcoming(at("2026-03-29T00:00:01Z"), 6);
    assert!(
        ticks
            .windows(2)
            .all(|it| it[1].saturating_since(it[0]) == Duration::from_mins(20))
    );
    assert_eq!(ticks[0], at("2026-03-29T00:20:00Z"));
    let anchored = schedule.anchor(at("2026-01-01T00:07:00Z")).unwrap();
    expect(
        &anchored,
        "2026-01-01T00:00:00Z",
        &["2026-01-01T00:07:00Z", "2026-01-01T00:27:00Z"],
    );
}

#[test]
fn a_list_of_ticks_leaves_out_the_one_that_it_begins_at() {
    let schedule = Schedule::every(Duration::from_mins(20)).unwrap();
    let [first, last] = ["2026-03-29T00:20:00Z", "2026-03-29T01:00:00Z"].map(at);
    let ticks = schedule.latest_between(first, last, 99);
    assert_eq!(ticks, [at("2026-03-29T00:40:00Z"), last]);
    assert_eq!(schedule.latest_between(first, last, 1), [last]);
}

#[test]
fn the_share_of_the_jitter_is_made_of_the_name_and_the_tick() {
    let name = ScheduleName::from_static("report");
    let hourly = Schedule::every(Duration::from_hours(1)).unwrap();
    let tick = at("2026-03-29T01:00:00Z");
    assert_eq!(hourly.fire_at(&name, tick), tick);
    let jitter = Duration::from_secs(10);
    let spread = hourly.jitter(jitter).unwrap();
    let ticks = spread.upcoming(tick, 100);
    let shares = ticks.iter().map(|tick| {
        let share = spread.fire_at(&name, *tick).saturating_since(*tick);
        let number = RunId::for_tick(&name, *tick).as_u128();
        assert_eq!(share.as_millis(), number % jitter.as_millis());
        share
    });
    let shares: BTreeSet<Duration> = shares.collect();
    assert!(shares.len() > 90, "{shares:?}");
}

#[test]
fn the_extensions_of_cron() {
    let cases = [
        (
            "*/15 * * * * *",
            "2026-01-01T00:00:00Z",
            "2026-01-01T00:00:15Z",
        ),
        ("0 0 L * *", "2026-02-01T00:00:00Z", "2026-02-28T00:00:00Z"),
        (
            "0 0 15W * *",
            "2026-08-01T00:00:00Z",
            "2026-08-14T00:00:00Z",
        ),
        (
            "0 0 * * FRI#2",
            "2026-01-01T00:00:00Z",
            "2026-01-09T00:00:00Z",
        ),
        (
            "0 0 * * FRI#L",
            "2026-01-01T00:00:00Z",
            "2026-01-30T00:00:00Z",
        ),
        (
            "0 9 * JAN-MAR MON",
            "2026-03-31T00:00:00Z",
            "2027-01-04T09:00:00Z",
        ),
        ("@daily", "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"),
        ("@hourly", "2026-01-01T00:30:00Z", "2026-01-01T01:00:00Z"),
        ("0 0 29 2 *", "2026-01-01T00:00:00Z", "2028-02-29T00:00:00Z"),
    ];
    for (text, after, tick) in cases {
        let schedule = Schedule::cron(text).unwrap();
        assert_eq!(schedule.next_after(at(after)), Some(at(tick)), "{text}");
    }
}

#[test]
fn what_cannot_be_or_never_fires_is_refused() {
    for text in [
        "0 0 30 2 *",
        "61 * * * *",
        "* * *",
        "",
        "0 0 * * XYZ",
        "* * * * * * * *",
        ", * * * *",
        "0 , * * *",
        "0 0 1,,2 * *",
        "0 0 * * MON,",
    ] {
        assert!(Schedule::cron(text).is_err(), "{text}");
    }
    let error = Schedule::cron("0 25 * * *").unwrap_err().to_string();
    assert!(error.contains("hour"), "{error}");
    assert!(
        Schedule::cron("0 0 * * *")
            .unwrap()
            .time_zone("Europe/Atlantis")
            .is_err()
    );
    assert!(Schedule::every(Duration::ZERO).is_err());
    assert!(Schedule::every(Duration::MAX).is_err());
}

#[test]
fn durations_that_cannot_be_read_say_what_is_wrong_and_what_is_allowed() {
    for (text, words) in [
        ("every 5 parsecs", "unknown unit \"parsecs\""),
        ("every 5parsecs", "unknown unit \"parsecs\""),
        ("every 5µs", "unknown unit \"µs\""),
        ("every 5", "5 has no unit"),
        ("every -5s", "is not a duration"),
        ("every 1.5h", "1 has no unit"),
        ("every 99999999999999999999s", "is not a duration"),
        ("every 99999999999999999w", "is too long"),
        ("every 0s", "1 ms"),
        ("every 9999w", "from"),
    ] {
        let error = text.parse::<Schedule>().unwrap_err().to_string();
        assert!(error.contains(words), "{text}: {error}");
        let is_about_units = error.contains("unit");
        assert!(
            !is_about_units || error.contains("ms, s, m, h, d, w"),
            "{error}"
        );
    }
    let spaced: Schedule = "every 5 m".parse().unwrap();
    assert_eq!(spaced, Schedule::every(Duration::from_mins(5)).unwrap());
}

/// The 29th of February of a century: each leap year has one, 2100 has none.
#[test]
fn a_century_of_leap_days() {
    for zone in [
        "UTC",
        "Europe/Rome",
        "America/New_York",
        "Australia/Lord_Howe",
        "Pacific/Apia",
    ] {
        let leap = cron("0 12 29 2 *", zone);
        let ticks = leap.upcoming(at("2026-01-01T00:00:00Z"), 24);
        let years: Vec<i32> = ticks
            .iter()
            .map(|tick| tick.to_string().get(..4).unwrap().parse().unwrap())
            .collect();
        let leap_years =
            (2027..2130).filter(|year| year % 4 == 0 && (year % 100 != 0 || year % 400 == 0));
        assert_eq!(years, leap_years.take(24).collect::<Vec<_>>(), "{zone}");
        // The next is found across the eight years around 2100, and the last one from anywhere.
        assert_eq!(
            leap.latest_at(at("2103-12-31T00:00:00Z")),
            ticks
                .iter()
                .copied()
                .find(|it| it.to_string().starts_with("2096"))
        );
    }
}

/// Every change of the clocks within ten years: a fixed time fires once a day, or not at all on a day that is left out.
#[test]
fn a_fixed_time_fires_once_a_day_through_all_changes() {
    for zone in [
        "Europe/Rome",
        "America/New_York",
        "Australia/Lord_Howe",
        "Pacific/Apia",
    ] {
        for text in ["30 2 * * *", "0 0 * * *", "45 1 * * *"] {
            let ticks = cron(text, zone).upcoming(at("2026-01-01T00:00:00Z"), 3652);
            let gaps = ticks
                .windows(2)
                .map(|it| it[1].saturating_since(it[0]).as_secs());
            let hour = 3600;
            for gap in gaps {
                assert!(
                    (22 * hour..=26 * hour).contains(&gap),
                    "{zone}, {text}: {gap} s"
                );
            }
        }
    }
}
