//! What whoever asks for the end of a run is told.

use aqueduct_core::RunState;
use aqueduct_core::run::CancelAnswer;

#[test]
fn a_request_for_the_end_is_accepted_if_there_is_something_to_end() {
    let cases = [
        (CancelAnswer::Cancelled, true),
        (CancelAnswer::Requested, true),
        (CancelAnswer::AlreadyEnded(RunState::Cancelled), false),
        (CancelAnswer::Unknown, false),
    ];
    for (answer, is_accepted) in cases {
        assert_eq!(answer.is_accepted(), is_accepted, "{answer:?}");
    }
}
