//! Turns: how many runs of a key start in one, and how that is written.

use aqueduct_core::key::MAX_KEY_BYTES;
use aqueduct_core::payload::Params;
use aqueduct_core::run::{Fair, FairWeight, MAX_FAIR_WEIGHT};

use crate::payload;

#[test]
fn a_turn_is_one_run_unless_a_weight_says_more() {
    let fair = Fair::key("tenant:7").unwrap();
    assert_eq!((fair.key.as_str(), fair.weight.get()), ("tenant:7", 1));
    assert_eq!(fair.weight, FairWeight::default());
    for weight in [1, 2, MAX_FAIR_WEIGHT] {
        let heavier = fair.clone().weight(weight).unwrap();
        assert_eq!(heavier.weight.get(), weight);
        assert_eq!(heavier.key, fair.key);
    }
    for weight in [0, MAX_FAIR_WEIGHT + 1, u16::MAX] {
        let error = fair.clone().weight(weight).unwrap_err().to_string();
        let words = format!("from 1 to 1000, this one is {weight}");
        assert!(error.contains(&words), "{error}");
    }
    assert!(Fair::key("").is_err());
    assert!(Fair::key("x".repeat(MAX_KEY_BYTES + 1)).is_err());
}

#[test]
fn a_weight_of_one_is_not_written_and_a_missing_one_is_one() {
    let plain = Fair::key("tenant:7").unwrap();
    let heavy = plain.clone().weight(3).unwrap();
    for (fair, keys) in [(plain, &["key"][..]), (heavy, &["key", "weight"])] {
        let written = payload(&fair);
        assert_eq!(written.keys().unwrap(), keys);
        assert_eq!(written.decode::<Fair>().unwrap(), fair);
    }
}

#[test]
fn what_is_written_otherwise_is_not_read() {
    let read = |key: &str, weight: u32| {
        let params = Params::new().with("key", key).with("weight", &weight);
        params.into_payload().unwrap().decode::<Fair>()
    };
    assert_eq!(read("k", 1000).unwrap().weight.get(), 1000);
    for (key, weight, words) in [
        ("k", 0, "from 1 to 1000"),
        ("k", 1001, "from 1 to 1000"),
        ("", 1, "1 to 256 bytes"),
    ] {
        let error = read(key, weight).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    }
}
