//! The last failed attempts of a run, and what is left of a record when the run is queued anew.

use std::ops::RangeInclusive;

use aqueduct_core::ConsumerId;
use aqueduct_core::run::{
    FailedAttempt, History, MAX_HISTORY, MAX_HISTORY_MESSAGE_BYTES, RunRecord,
};

use crate::{NOW, SECOND, cut_within_a_character, failure, later, payload, reason, run};

const CONSUMER: ConsumerId = ConsumerId::from_u128(5);

fn attempt(number: u32) -> FailedAttempt {
    FailedAttempt::new(number, NOW, CONSUMER, &failure("refused"))
}

/// Checks which attempts are kept.
fn keeps(history: &History, numbers: RangeInclusive<u32>) {
    let kept = history.iter().map(|it| it.attempt);
    assert!(kept.eq(numbers), "{history:?}");
}

#[test]
fn the_last_attempts_are_kept_and_the_oldest_goes() {
    let mut history = History::default();
    assert!(history.is_empty());
    assert_eq!((history.len(), history.last()), (0, None));
    let most: u32 = MAX_HISTORY.try_into().unwrap();
    for number in 1..=most {
        history.push(attempt(number));
        keeps(&history, 1..=number);
    }
    assert!(!history.is_empty());
    history.push(attempt(most + 1));
    keeps(&history, 2..=most + 1);
    assert_eq!(history.len(), MAX_HISTORY);
    assert_eq!(history.last(), Some(&attempt(most + 1)));
    let by_reference: Vec<&FailedAttempt> = (&history).into_iter().collect();
    assert_eq!(by_reference, history.iter().collect::<Vec<_>>());
}

#[test]
fn a_long_message_is_cut_in_the_history_only() {
    let mut record = RunRecord::default();
    let long = failure(&cut_within_a_character(MAX_HISTORY_MESSAGE_BYTES));
    record.fail(3, later(SECOND), CONSUMER, long.clone());
    assert_eq!(record.failure, Some(long));
    let kept = record.history.last().unwrap();
    assert_eq!((kept.attempt, kept.ended_at), (3, later(SECOND)));
    assert_eq!(kept.consumer, CONSUMER);
    let cut = "x".repeat(MAX_HISTORY_MESSAGE_BYTES - 1);
    assert_eq!(kept.failure.message(), cut);
}

#[test]
fn the_newest_failure_is_that_of_the_run() {
    let mut record = RunRecord::default();
    record.fail(1, NOW, CONSUMER, failure("first"));
    record.fail(2, NOW, CONSUMER, failure("second"));
    assert_eq!(record.failure, Some(failure("second")));
    keeps(&record.history, 1..=2);
}

#[test]
fn a_run_that_is_queued_anew_keeps_its_history_and_nothing_else() {
    let mut record = RunRecord::default();
    record.fail(1, NOW, CONSUMER, failure("refused"));
    record.ended_at = Some(NOW);
    record.reason = Some(reason());
    record.result = Some(payload(&7));
    let history = record.history.clone();
    let anew = record.anew().unwrap();
    assert_eq!(anew.history, history);
    assert!(anew.is_only_history());
    let mut without = RunRecord::default();
    without.ended_at = Some(NOW);
    assert_eq!(without.anew(), None);
}

#[test]
fn a_record_that_knows_more_is_not_only_a_history() {
    let additions: [fn(&mut RunRecord); 4] = [
        |it| it.ended_at = Some(NOW),
        |it| it.failure = Some(failure("refused")),
        |it| it.reason = Some(reason()),
        |it| it.result = Some(payload(&7)),
    ];
    let mut plain = RunRecord::default();
    assert!(!plain.is_only_history());
    plain.history.push(attempt(1));
    assert!(plain.is_only_history());
    for add in additions {
        let mut record = plain.clone();
        add(&mut record);
        assert!(!record.is_only_history(), "{record:?}");
        let mut record = RunRecord::default();
        add(&mut record);
        assert!(!record.is_only_history(), "{record:?}");
    }
}

#[test]
fn the_record_is_made_once_and_knows_the_end() {
    let mut run = run(1);
    assert!(run.record.is_none());
    run.record_mut().ended_at = Some(NOW);
    run.record_mut().result = Some(payload(&7));
    assert_eq!(run.ended_at(), Some(NOW));
    assert_eq!(run.record.unwrap().result, Some(payload(&7)));
}
