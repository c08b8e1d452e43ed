//! Why an attempt failed: the message is bounded, the kinds have names and numbers.

use aqueduct_core::run::{Failure, FailureKind, MAX_FAILURE_MESSAGE_BYTES};

use crate::cut_within_a_character;

const NAMES: [&str; 8] = [
    "error",
    "fatal error",
    "panic",
    "time-out",
    "crash",
    "invalid parameters",
    "unknown task",
    "invalid result",
];

#[test]
fn a_long_message_is_cut_between_characters() {
    let longest = "x".repeat(MAX_FAILURE_MESSAGE_BYTES);
    let message = |text: &str| Failure::new(FailureKind::Error, text).message().to_owned();
    assert_eq!(message(&longest), longest);
    assert_eq!(message(&format!("{longest}y")), longest);
    let text = cut_within_a_character(MAX_FAILURE_MESSAGE_BYTES);
    assert_eq!(message(&text), longest[1..]);
}

#[test]
fn a_failure_is_cut_to_what_there_is_room_for() {
    let failure = Failure::new(FailureKind::Panic, "añb");
    for (bytes, message) in [
        (9, "añb"),
        (4, "añb"),
        (3, "añ"),
        (2, "a"),
        (1, "a"),
        (0, ""),
    ] {
        let cut = failure.cut(bytes);
        assert_eq!((cut.kind(), cut.message()), (FailureKind::Panic, message));
    }
}

#[test]
fn each_kind_has_a_name_and_a_number_on_the_wire() {
    for ((number, kind), name) in (0..).zip(FailureKind::ALL).zip(NAMES) {
        assert_eq!(kind.number(), number, "{kind}");
        assert_eq!(FailureKind::from_number(number), Some(kind));
        assert_eq!(kind.to_string(), name);
        let failure = Failure::new(kind, "of late");
        assert_eq!(failure.to_string(), format!("{name}: of late"));
    }
    for unknown in [8, 255] {
        assert_eq!(FailureKind::from_number(unknown), None);
    }
}
