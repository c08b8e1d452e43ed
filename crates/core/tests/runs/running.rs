//! What is known of a run while it runs: how far it is, what it has kept, whether it can be ended.

use aqueduct_core::RunState;
use aqueduct_core::event::Progress;
use aqueduct_core::run::{CancelAnswer, Checkpoint, RunProgress};

use crate::{NOW, payload};

#[test]
fn a_later_checkpoint_is_of_a_later_attempt_or_number() {
    let kept = Checkpoint::new(3, 7, NOW, payload(&1));
    let cases = [
        (2, 9, true),
        (3, 6, true),
        (3, 7, true),
        (3, 8, false),
        (4, 1, false),
    ];
    for (attempt, number, is_at_least) in cases {
        assert_eq!(
            kept.is_at_least(attempt, number),
            is_at_least,
            "{attempt}, {number}"
        );
    }
}

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
