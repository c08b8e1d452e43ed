//! Keys by which runs exclude or repeat each other: what they ask for, and how it is written.

use std::time::Duration;

use aqueduct_core::key::{Key, MAX_KEY_BYTES};
use aqueduct_core::payload::Params;
use aqueduct_core::run::{Idempotency, IntoUnique, MAX_WAIT, OnConflict, Unique, UniqueScope};

use crate::{MILLISECOND, SECOND, payload};

/// A key as a map, the way it travels.
#[derive(Debug, PartialEq, serde::Deserialize)]
struct Written {
    key: String,
    scope: String,
    window: Option<u64>,
    on_conflict: String,
    put_off_at_most: Option<u64>,
}

fn unique() -> Unique {
    Unique::key("sync:7").unwrap()
}

fn idempotency() -> Idempotency {
    Idempotency::new(Key::new("order:7").unwrap())
}

#[test]
fn a_key_is_held_until_the_end_and_a_second_run_adds_nothing() {
    let unique = unique();
    assert_eq!(unique.key.as_str(), "sync:7");
    assert_eq!(unique.scope, UniqueScope::UntilFinished);
    assert_eq!(unique.on_conflict, OnConflict::ReturnExisting);
    assert_eq!(unique.put_off_at_most, None);
    for text in [String::new(), "x".repeat(MAX_KEY_BYTES + 1)] {
        let length = text.len();
        let error = Unique::key(text).unwrap_err().to_string();
        assert!(error.contains(&format!("has {length}")), "{error}");
    }
}

#[test]
fn a_text_and_a_key_and_a_whole_value_give_a_call_its_key() {
    let key = Key::new("sync:7").unwrap();
    for made in [
        "sync:7".into_unique(),
        "sync:7".to_owned().into_unique(),
        key.into_unique(),
        unique().into_unique(),
    ] {
        assert_eq!(made.unwrap(), unique());
    }
    let whole = unique().scope(UniqueScope::Queued);
    assert_eq!(whole.clone().into_unique().unwrap(), whole);
    assert!("".into_unique().is_err());
    assert!(String::new().into_unique().is_err());
}

#[test]
fn the_plain_kind_travels_as_a_text() {
    assert_eq!(payload(&unique()).decode::<String>().unwrap(), "sync:7");
    assert_eq!(payload("sync:7").decode::<Unique>().unwrap(), unique());
    let error = payload("").decode::<Unique>();
    assert!(error.is_err());
}

#[test]
fn every_other_kind_travels_as_a_map_and_comes_back_the_same() {
    let window = UniqueScope::Window(2 * SECOND);
    let cases = [
        (
            unique().scope(UniqueScope::Queued),
            ("queued", None, "return_existing", None),
        ),
        (
            unique().scope(window),
            ("window", Some(2000), "return_existing", None),
        ),
        (
            unique().on_conflict(OnConflict::Refuse),
            ("until_finished", None, "refuse", None),
        ),
        (
            unique()
                .on_conflict(OnConflict::Replace)
                .put_off_at_most(SECOND),
            ("until_finished", None, "replace", Some(1000)),
        ),
    ];
    for (unique, (scope, window, on_conflict, put_off_at_most)) in cases {
        let expected = Written {
            key: "sync:7".to_owned(),
            scope: scope.to_owned(),
            window,
            on_conflict: on_conflict.to_owned(),
            put_off_at_most,
        };
        let sent = payload(&unique);
        assert_eq!(sent.decode::<Written>().unwrap(), expected);
        assert_eq!(sent.decode::<Unique>().unwrap(), unique);
    }
}

#[test]
fn of_a_map_only_the_key_must_be_there() {
    let read = |params: Params| params.into_payload().unwrap().decode::<Unique>();
    let key = || Params::new().with("key", "sync:7");
    assert_eq!(read(key()).unwrap(), unique());
    let windowless = read(key().with("scope", "window")).unwrap();
    assert_eq!(windowless.scope, UniqueScope::Window(Duration::ZERO));
    // Nobody asked for a window that is none: it is refused when it is looked at.
    assert!(windowless.problem().is_some());
    assert!(read(key().with("scope", "always")).is_err());
    assert!(read(Params::new().with("scope", "queued")).is_err());
}

#[test]
fn times_of_keys_are_1_ms_to_a_year() {
    let problems = |time| {
        [
            unique().scope(UniqueScope::Window(time)).problem(),
            unique().put_off_at_most(time).problem(),
            idempotency().window(time).problem(),
        ]
    };
    for time in [MILLISECOND, SECOND, MAX_WAIT] {
        assert_eq!(problems(time), [None, None, None], "{time:?}");
    }
    let what = [
        "the window of a unique key",
        "what a run is put off by",
        "the window of an idempotency key",
    ];
    for time in [
        Duration::ZERO,
        Duration::from_micros(999),
        MAX_WAIT + MILLISECOND,
        Duration::MAX,
    ] {
        let expected = what.map(|it| Some(format!("{it} is 1 ms to a year, this one is {time:?}")));
        assert_eq!(problems(time), expected);
    }
    assert_eq!(unique().problem(), None);
    assert_eq!(unique().scope(UniqueScope::Queued).problem(), None);
}

#[test]
fn an_idempotency_key_is_known_for_a_day_and_written_in_milliseconds() {
    let idempotency = idempotency();
    assert_eq!(idempotency.window, Duration::from_hours(24));
    let shorter = idempotency.clone().window(2 * SECOND);
    assert_eq!(
        (shorter.key.as_str(), shorter.window),
        ("order:7", 2 * SECOND)
    );
    let written = Params::new().with("key", "order:7").with("window", &2000);
    let written = written.into_payload().unwrap();
    assert_eq!(written.decode::<Idempotency>().unwrap(), shorter);
    let sent = payload(&shorter);
    assert_eq!(sent.keys().unwrap(), ["key", "window"]);
    assert_eq!(sent.decode::<Idempotency>().unwrap(), shorter);
    let millis: Window = sent.decode().unwrap();
    assert_eq!(millis.window, 2000);
}

#[derive(serde::Deserialize)]
struct Window {
    window: u64,
}
