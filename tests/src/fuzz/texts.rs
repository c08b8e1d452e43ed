//! Texts that people and other programs write: schedules, durations, URLs, traces, names.

use aqueduct::redis::RedisConfig;
use aqueduct::{QueueName, Schedule, TaskName, Timestamp};
use aqueduct_core::trace::{TraceParent, TraceState};

use super::Target;

pub(super) const SCHEDULES: Target = Target {
    name: "schedule",
    body: |bytes| {
        let text = String::from_utf8_lossy(bytes);
        let schedule = text.parse::<Schedule>();
        for schedule in schedule.into_iter().chain(Schedule::cron(&text)) {
            check(&schedule);
        }
    },
    examples: || {
        texts(&[
            "every 5m",
            "every 1h 30m anchor=1767225600000 jitter=10s",
            "every 250ms delay=1s",
            "cron 0 2 * * * tz=Europe/Rome jitter=1m",
            "*/15 2-4,6 1,15 JAN-MAR MON#2",
            "cron 30 59 23 L 2 5L tz=Australia/Lord_Howe",
            "@daily",
            "0 0 29 2 *",
            "cron , * * * * tz=~m",
        ])
    },
};

/// A schedule is the same when it is written and read, and its ticks are in order.
fn check(schedule: &Schedule) {
    let text = schedule.to_string();
    let again = text.parse::<Schedule>();
    assert_eq!(
        again.as_ref().ok(),
        Some(schedule),
        "{text:?} is read as {again:?}"
    );
    assert!(!schedule.describe().is_empty());
    for millis in [0, 1_774_746_000_123, 1_792_890_000_000] {
        let now = Timestamp::from_millis(millis);
        let next = schedule.next_after(now);
        assert!(
            next.is_none_or(|next| next > now),
            "{text:?}: {next:?} after {now}"
        );
        let latest = schedule.latest_at(now);
        assert!(
            latest.is_none_or(|it| it <= now),
            "{text:?}: {latest:?} at {now}"
        );
    }
}

pub(super) const DURATIONS: Target = Target {
    name: "duration",
    body: |bytes| {
        let text = format!("every {}", String::from_utf8_lossy(bytes));
        let Ok(schedule) = text.parse::<Schedule>() else {
            return;
        };
        let again = schedule.to_string();
        assert_eq!(
            again.parse().ok(),
            Some(schedule),
            "{text:?}, then {again:?}"
        );
    },
    examples: || {
        texts(&[
            "5m",
            "1h 30m",
            "250ms",
            "2d",
            "1w 1ms",
            "18446744073709551615ms",
        ])
    },
};

pub(super) const URLS: Target = Target {
    name: "url",
    body: |bytes| {
        let text = String::from_utf8_lossy(bytes);
        match RedisConfig::from_url(&text) {
            Ok(config) => hides(&format!("{config:?}"), &text),
            Err(error) => hides(&error.to_string(), &text),
        }
    },
    examples: || {
        texts(&[
            "redis://user:Sw0rdfish@localhost:6379/3?namespace=a&timeout=5s",
            "rediss://[::1]:7000?ca=/a.pem&connections=4",
            "redis+unix:///run/redis.sock?database=2",
            "redis-sentinel://a:1,b:2,c/service/1?sentinel_password=Sw0rdfish",
            "redis-cluster://a,b:7001?scripts=functions&accept_eviction=yes",
            "redis://user:Sw0rd%66ish@localhost",
        ])
    },
};

/// The password is not shown, in whatever the text has become, unless it stands elsewhere as well.
fn hides(shown: &str, text: &str) {
    if text.matches("Sw0rd").count() > 1 {
        return;
    }
    let is_password = text.starts_with("redis://user:Sw0rdfish@");
    assert!(!(is_password && shown.contains("Sw0rdfish")), "{shown}");
}

pub(super) const TRACES: Target = Target {
    name: "trace",
    body: |bytes| {
        let text = String::from_utf8_lossy(bytes);
        if let Ok(parent) = text.parse::<TraceParent>() {
            let again = parent.to_string();
            assert_eq!(again.parse().ok(), Some(parent), "{text:?}, then {again:?}");
        }
        if let Ok(state) = TraceState::new(text.clone()) {
            let again = TraceState::new(state.as_str());
            assert_eq!(again.as_ref(), Ok(&state), "{text:?}");
        }
    },
    examples: || {
        texts(&[
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-what-the-future-will-be-like",
            "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE,tenant@vendor=x",
        ])
    },
};

pub(super) const NAMES: Target = Target {
    name: "name",
    body: |bytes| {
        let text = String::from_utf8_lossy(bytes);
        if let Ok(name) = text.parse::<TaskName>() {
            assert_eq!(name.as_str(), text, "a name changes");
        }
        if let Ok(name) = text.parse::<QueueName>() {
            assert_eq!(name.as_str(), text, "a name changes");
        }
    },
    examples: || texts(&["clean", "reports.nightly", "a-b_c:9", "default"]),
};

fn texts(texts: &[&str]) -> Vec<Vec<u8>> {
    texts.iter().map(|text| text.as_bytes().to_vec()).collect()
}
