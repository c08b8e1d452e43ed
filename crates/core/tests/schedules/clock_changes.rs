//! Fixed times of day where the clocks are changed, by each rule, against golden times.

use aqueduct_core::schedule::{RepeatedTime, SkippedTime};
use aqueduct_core::{Schedule, Timestamp};

use crate::golden::{at, cron, expect};

const ROME: &str = "Europe/Rome";
const NEW_YORK: &str = "America/New_York";
const LORD_HOWE: &str = "Australia/Lord_Howe";
const APIA: &str = "Pacific/Apia";

/// Checks each rule for a time that does not exist: what is before it, in its place, and after it.
fn skipped(text: &str, zone: &str, ticks: [&str; 3]) {
    let [before, moved, after] = ticks;
    let from = at(before).as_millis() - 1;
    let from = Timestamp::from_millis(from).to_string();
    let by = |rule| cron(text, zone).on_skipped_time(rule).unwrap();
    expect(&by(SkippedTime::RunAfter), &from, &ticks);
    expect(&by(SkippedTime::Skip), &from, &[before, after]);
    assert_eq!(
        by(SkippedTime::Skip).next_after(at(before)),
        Some(at(after))
    );
    let both = by(SkippedTime::Skip).on_repeated_time(RepeatedTime::Both);
    expect(&both.unwrap(), &from, &[before, after]);
    let moved_still = by(SkippedTime::RunAfter).on_repeated_time(RepeatedTime::Second);
    expect(&moved_still.unwrap(), &from, &[before, moved, after]);
}

/// Checks each rule for a time that comes twice: what is before it, both times, and what is after it.
fn repeated(text: &str, zone: &str, ticks: [&str; 4]) {
    let [before, first, second, after] = ticks;
    let from = at(before).as_millis() - 1;
    let from = Timestamp::from_millis(from).to_string();
    let by = |rule| cron(text, zone).on_repeated_time(rule).unwrap();
    expect(&by(RepeatedTime::First), &from, &[before, first, after]);
    expect(&by(RepeatedTime::Second), &from, &[before, second, after]);
    expect(&by(RepeatedTime::Both), &from, &ticks);
    assert_eq!(
        by(RepeatedTime::Both).next_after(at(first)),
        Some(at(second))
    );
    assert_eq!(
        by(RepeatedTime::Both).next_after(at(second)),
        Some(at(after))
    );
    assert_eq!(
        by(RepeatedTime::Second).next_after(at(first)),
        Some(at(second))
    );
}

#[test]
fn in_rome() {
    let ticks = [
        "2026-03-28T01:30:00Z",
        "2026-03-29T01:00:00Z",
        "2026-03-30T00:30:00Z",
    ];
    skipped("30 2 * * *", ROME, ticks);
    let ticks = [
        "2026-10-24T00:30:00Z",
        "2026-10-25T00:30:00Z",
        "2026-10-25T01:30:00Z",
        "2026-10-26T01:30:00Z",
    ];
    repeated("30 2 * * *", ROME, ticks);
}

#[test]
fn in_new_york() {
    let ticks = [
        "2026-03-07T07:30:00Z",
        "2026-03-08T07:00:00Z",
        "2026-03-09T06:30:00Z",
    ];
    skipped("30 2 * * *", NEW_YORK, ticks);
    let ticks = [
        "2026-10-31T05:30:00Z",
        "2026-11-01T05:30:00Z",
        "2026-11-01T06:30:00Z",
        "2026-11-02T06:30:00Z",
    ];
    repeated("30 1 * * *", NEW_YORK, ticks);
}

#[test]
fn by_half_an_hour_on_lord_howe() {
    let ticks = [
        "2026-10-02T15:45:00Z",
        "2026-10-03T15:30:00Z",
        "2026-10-04T15:15:00Z",
    ];
    skipped("15 2 * * *", LORD_HOWE, ticks);
    let ticks = [
        "2026-04-03T14:45:00Z",
        "2026-04-04T14:45:00Z",
        "2026-04-04T15:15:00Z",
        "2026-04-05T15:15:00Z",
    ];
    repeated("45 1 * * *", LORD_HOWE, ticks);
}

/// Samoa crossed the date line: 30 December 2011 never happened there.
#[test]
fn by_a_day_in_apia() {
    for rule in [SkippedTime::Skip, SkippedTime::RunAfter] {
        let by_rule = |text| cron(text, APIA).on_skipped_time(rule).unwrap();
        let ticks = [
            "2011-12-29T22:00:00Z",
            "2011-12-30T22:00:00Z",
            "2011-12-31T22:00:00Z",
        ];
        expect(&by_rule("0 12 * * *"), "2011-12-29T00:00:00Z", &ticks);
        let ticks = ["2011-12-29T10:15:00Z", "2011-12-30T10:15:00Z"];
        expect(&by_rule("15 0 * * *"), "2011-12-29T00:00:00Z", &ticks);
    }
    let ticks = [
        "2012-03-30T13:30:00Z",
        "2012-03-31T13:30:00Z",
        "2012-03-31T14:30:00Z",
        "2012-04-01T14:30:00Z",
    ];
    repeated("30 3 * * *", APIA, ticks);
}

/// In ten years, both times of each repeated day and none of a skipped one: no more and no less than the plain ticks.
#[test]
fn nothing_else_changes_in_ten_years() {
    for (zone, text, changes) in [
        (ROME, "30 2 * * *", 10),
        (NEW_YORK, "30 2 * * *", 10),
        (LORD_HOWE, "15 2 * * *", 10),
        (APIA, "30 3 * * *", 0),
    ] {
        let (from, to) = (at("2026-01-01T00:00:00Z"), at("2036-01-01T00:00:00Z"));
        let count = |schedule: Schedule| {
            let ticks = schedule.latest_between(from, to, 9999);
            let next =
                std::iter::successors(schedule.next_after(from), |it| schedule.next_after(*it));
            let forwards: Vec<Timestamp> = next.take_while(|tick| *tick <= to).collect();
            assert_eq!(ticks, forwards, "`{schedule}`");
            ticks.len()
        };
        let plain = count(cron(text, zone));
        let skip = cron(text, zone).on_skipped_time(SkippedTime::Skip);
        assert_eq!(count(skip.unwrap()), plain - changes, "{zone}");
    }
    let both = cron("30 2 * * *", ROME).on_repeated_time(RepeatedTime::Both);
    let ticks =
        both.unwrap()
            .latest_between(at("2026-01-01T00:00:00Z"), at("2036-01-01T00:00:00Z"), 9999);
    assert_eq!(ticks.len(), 3652 + 10);
}

#[test]
fn the_rules_are_in_the_text_and_in_the_words() {
    let schedule = cron("30 2 * * *", ROME)
        .on_skipped_time(SkippedTime::Skip)
        .unwrap()
        .on_repeated_time(RepeatedTime::Both)
        .unwrap();
    let text = "cron 30 2 * * * tz=Europe/Rome skipped=skip repeated=both";
    assert_eq!(schedule.to_string(), text);
    assert_eq!(text.parse::<Schedule>().unwrap(), schedule);
    assert_ne!(schedule, cron("30 2 * * *", ROME));
    let words = schedule.describe();
    assert!(words.contains("not where the clocks go over it"), "{words}");
    assert!(words.contains("both times where it comes twice"), "{words}");
    let plain = schedule
        .on_skipped_time(SkippedTime::RunAfter)
        .unwrap()
        .on_repeated_time(RepeatedTime::First)
        .unwrap();
    assert_eq!(plain, cron("30 2 * * *", ROME));
    assert_eq!(plain.to_string(), "cron 30 2 * * * tz=Europe/Rome");
}

#[test]
fn rules_are_for_one_fixed_time_of_day() {
    for text in ["*/20 * * * *", "30 1,2 * * *", "@hourly", "* 30 2 * * *"] {
        let error = Schedule::cron(text)
            .unwrap()
            .on_skipped_time(SkippedTime::Skip);
        let error = error.unwrap_err();
        assert_eq!(error.field(), Some("skipped"));
        assert!(error.to_string().contains("keeps its rhythm"), "{error}");
    }
    for (text, words) in [
        ("every 5m repeated=both", "keeps its rhythm"),
        ("cron 30 2 * * * skipped=later", "run_after, skip"),
        ("cron 30 2 * * * repeated=twice", "first, second, both"),
        ("cron */5 * * * * repeated=both", "keeps its rhythm"),
    ] {
        let error = text.parse::<Schedule>().unwrap_err().to_string();
        assert!(error.contains(words), "{text}: {error}");
    }
    assert!(
        Schedule::cron("@daily")
            .unwrap()
            .on_repeated_time(RepeatedTime::Both)
            .is_ok()
    );
}
