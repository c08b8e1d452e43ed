//! What is known of a run while it runs: how far it is, whether it can be ended.

use aqueduct_core::RunState;
use aqueduct_core::event::Progress;
use aqueduct_core::run::{CancelAnswer, RunProgress};

use crate::NOW;

#[test]
fn progress_is_told_in_words() {
    let cases = [
        (0, 0, "", "0"),
        (3, 0, "", "3"),
        (3, 10, "", "3 of 10"),
        (1, 1, "files", "1 of 1 (files)"),
        (0, 0, "starting", "0 (starting)"),
    ];
    for (done, total, text, words) in cases {
        let progress = RunProgress::new(Progress::new(done, total, text), NOW);
        assert_eq!((progress.to_string().as_str(), progress.at), (words, NOW));
    }
}

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
