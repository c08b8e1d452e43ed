//! The text form of schedules: what is written can be read, and is the same.

use std::time::Duration;

use aqueduct_core::schedule::{Overlap, RepeatedTime, SkippedTime};
use aqueduct_core::{Schedule, Timestamp};

use crate::golden::cron;

const SECOND: Duration = Duration::from_secs(1);

fn every(period: Duration) -> Schedule {
    Schedule::every(period).unwrap()
}

#[test]
fn every_option_is_written_and_read() {
    let moment = Timestamp::from_millis(1234);
    let anchored = every(SECOND * 90).anchor(moment).unwrap();
    let daily = Duration::from_hours(26) + Duration::from_millis(61_001);
    for (schedule, text) in [
        (every(SECOND), "every 1s"),
        (every(SECOND * 90), "every 1m 30s"),
        (every(daily), "every 1d 2h 1m 1s 1ms"),
        (anchored.clone(), "every 1m 30s anchor=1234"),
        (
            anchored.jitter(SECOND * 61).unwrap(),
            "every 1m 30s anchor=1234 jitter=1m1s",
        ),
        (Schedule::cron("@daily").unwrap(), "cron @daily tz=UTC"),
        (
            cron("0 2 * * *", "Europe/Rome").jitter(SECOND).unwrap(),
            "cron 0 2 * * * tz=Europe/Rome jitter=1s",
        ),
        (
            cron("0 2 * * *", "UTC")
                .on_repeated_time(RepeatedTime::Second)
                .unwrap(),
            "cron 0 2 * * * tz=UTC repeated=second",
        ),
    ] {
        assert_eq!(schedule.to_string(), text);
        assert_eq!(text.parse::<Schedule>().unwrap(), schedule, "{text}");
    }
}

#[test]
fn what_is_the_default_can_be_read_as_well() {
    let plain = cron("0 2 * * *", "UTC");
    for option in ["skipped=run_after", "repeated=first"] {
        let text = format!("cron 0 2 * * * {option}");
        assert_eq!(text.parse::<Schedule>().unwrap(), plain);
    }
    let later = every(SECOND).delay(SECOND / 4).unwrap();
    assert_eq!("every 1s delay=250ms".parse::<Schedule>().unwrap(), later);
    let weekly = every(Duration::from_hours(24 * 7));
    assert_eq!("every 1w".parse::<Schedule>().unwrap(), weekly);
    let two_days = every(Duration::from_hours(48));
    assert_eq!("every 2d".parse::<Schedule>().unwrap(), two_days);
}

#[test]
fn options_that_cannot_be_read_name_themselves() {
    for (text, field, words) in [
        ("every 5m jitter=x", Some("jitter"), "is not a duration"),
        ("every 5m delay=x", Some("delay"), "is not a duration"),
        (
            "every 5m anchor=x",
            Some("anchor"),
            "number of milliseconds",
        ),
        ("every 5m colour=red", None, "unknown option `colour`"),
        ("yearly 5m", None, "is not a schedule"),
    ] {
        let error = text.parse::<Schedule>().unwrap_err();
        assert_eq!(error.field(), field, "{text}");
        assert!(error.to_string().contains(words), "{text}: {error}");
    }
}

#[test]
fn words_say_the_period_and_the_jitter() {
    let schedule = every(SECOND * 90).jitter(SECOND * 5).unwrap();
    assert_eq!(schedule.describe(), "every 1m 30s, up to 5s late");
    assert_eq!(every(SECOND).describe(), "every 1s");
    let cron = cron("0 2 * * *", "Europe/Rome");
    let shown = format!("{cron:?}");
    assert!(shown.contains("\"0 2 * * *\" in Europe/Rome"), "{shown}");
}

#[test]
fn rules_and_overlaps_are_words() {
    let of = |it: Overlap| (it.to_string(), it.is_allowed());
    assert_eq!(of(Overlap::Allow), ("allow".to_owned(), true));
    assert_eq!(of(Overlap::Skip), ("skip".to_owned(), false));
    let cancel = of(Overlap::CancelPrevious);
    assert_eq!(cancel, ("cancel_previous".to_owned(), false));
    for rule in [SkippedTime::RunAfter, SkippedTime::Skip] {
        assert_eq!(rule.to_string().parse::<SkippedTime>().unwrap(), rule);
    }
    for rule in [
        RepeatedTime::First,
        RepeatedTime::Second,
        RepeatedTime::Both,
    ] {
        assert_eq!(rule.to_string().parse::<RepeatedTime>().unwrap(), rule);
    }
}
