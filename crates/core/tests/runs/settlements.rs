//! What is recorded of an attempt: the step that it asks for, and reasons with a bound.

use aqueduct_core::run::{MAX_REASON_BYTES, Reason, Settlement, Transition};

use crate::{SECOND, cut_within_a_character, failure, reason};

#[test]
fn each_settlement_asks_for_one_step_and_some_end_the_run() {
    let (wait, failure) = (SECOND, failure("refused"));
    let cases = [
        (
            Settlement::Succeed { result: None },
            Transition::Succeed,
            true,
        ),
        (
            Settlement::Fail {
                failure: failure.clone(),
            },
            Transition::Fail,
            true,
        ),
        (
            Settlement::Cancel { reason: reason() },
            Transition::Cancel,
            true,
        ),
        (
            Settlement::Retry {
                wait,
                failure: failure.clone(),
            },
            Transition::Retry,
            false,
        ),
        (Settlement::Snooze { wait }, Transition::Snooze, false),
        (Settlement::Park { wait, failure }, Transition::Park, false),
        (Settlement::Release, Transition::Release, false),
    ];
    for (settlement, step, is_end) in cases {
        assert_eq!(settlement.transition(), step);
        assert_eq!(settlement.is_end(), is_end, "{settlement:?}");
    }
}

#[test]
fn a_long_reason_is_cut_between_characters() {
    let longest = "x".repeat(MAX_REASON_BYTES);
    let kept = |text: &str| Reason::new(text).as_str().to_owned();
    assert_eq!(kept("not needed"), "not needed");
    assert_eq!(kept(&longest), longest);
    assert_eq!(kept(&format!("{longest}y")), longest);
    let text = cut_within_a_character(MAX_REASON_BYTES);
    assert_eq!(kept(&text), longest[1..]);
    assert_eq!(Reason::new("not needed").to_string(), "not needed");
}
