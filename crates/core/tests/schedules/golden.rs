//! Golden times: what they are written as, and the check of a schedule against them.

use aqueduct_core::{Schedule, Timestamp};
use chrono::DateTime;

pub(crate) fn at(text: &str) -> Timestamp {
    let time = DateTime::parse_from_rfc3339(text).unwrap();
    Timestamp::from_millis(time.timestamp_millis().try_into().unwrap())
}

pub(crate) fn cron(text: &str, zone: &str) -> Schedule {
    Schedule::cron(text).unwrap().time_zone(zone).unwrap()
}

/// Checks the ticks that follow a time, all in UTC, forwards and backwards.
pub(crate) fn expect(schedule: &Schedule, after: &str, ticks: &[&str]) {
    let ticks: Vec<Timestamp> = ticks.iter().map(|tick| at(tick)).collect();
    let upcoming = schedule.upcoming(at(after), ticks.len());
    assert_eq!(upcoming, ticks, "`{schedule}` forwards");
    let back = schedule.latest_between(at(after), *ticks.last().unwrap(), 99);
    assert_eq!(back, ticks, "`{schedule}` backwards");
}
