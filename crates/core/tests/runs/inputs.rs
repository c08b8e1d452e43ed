//! The input of a follow-up, put together of what the runs returned that it waits for.

use aqueduct_core::payload::MAX_PAYLOAD_BYTES;
use aqueduct_core::run::{Follows, Gathered, Reason, Takes, Unsuccessful};
use aqueduct_core::{Payload, RunId, RunState, TaskRun};

use crate::{ended, failure, id, payload, succeeded};

fn ids(count: u16) -> Vec<RunId> {
    (0..count).map(|number| id(number.into())).collect()
}

/// Gathers the parts of these runs, the last of them first, and puts them together.
fn input(follows: &Follows, ended: &[TaskRun]) -> Result<Option<Payload>, Reason> {
    let mut gathered = Gathered::default();
    for (place, run) in ended.iter().enumerate().rev() {
        assert!(!gathered.is_complete(follows));
        let place = place.try_into().unwrap();
        gathered.add(place, follows.part_of(run).unwrap());
    }
    assert!(gathered.is_complete(follows));
    gathered.into_input(follows)
}

/// A text whose encoding has this many bytes.
fn text_of(encoded: usize) -> Payload {
    payload(&"x".repeat(encoded - 5))
}

#[test]
fn behind_one_run_the_input_is_its_value() {
    let follows = Follows::new(ids(1), Takes::Value);
    let value = payload(&["a", "b"]);
    let one = input(&follows, &[succeeded(0, &value)]);
    assert_eq!(one, Ok(Some(value)));
    let nothing = input(&follows, &[ended(0, RunState::Succeeded)]);
    assert_eq!(nothing, Ok(Some(payload(&()))));
}

#[test]
fn who_takes_nothing_has_no_input() {
    for count in [1, 3] {
        let runs: Vec<TaskRun> = (0..count)
            .map(|number| succeeded(number.into(), &text_of(MAX_PAYLOAD_BYTES)))
            .collect();
        let follows = Follows::new(ids(count), Takes::Nothing);
        assert_eq!(input(&follows, &runs), Ok(None));
    }
}

#[test]
fn behind_several_it_is_the_list_of_their_values_in_the_order_of_the_runs() {
    for count in [1, 2, 15, 16, 17, 255, 256, 512] {
        let numbers: Vec<u16> = (0..count).collect();
        let returned = |number: &u16| succeeded((*number).into(), &payload(number));
        let runs: Vec<TaskRun> = numbers.iter().map(returned).collect();
        let follows = Follows::new(ids(count), Takes::Values);
        let values = input(&follows, &runs).unwrap().unwrap();
        assert_eq!(values, payload(&numbers), "{count}");
    }
}

#[test]
fn who_runs_anyway_gets_every_end() {
    let mut failed = ended(1, RunState::Failed);
    failed.record_mut().failure = Some(failure("refused"));
    let runs = [
        succeeded(0, &payload(&7)),
        failed.clone(),
        ended(2, RunState::Expired),
    ];
    let follows = Follows::new(ids(3), Takes::Values).anyway();
    let values = input(&follows, &runs).unwrap().unwrap();
    let expected = vec![
        Ok(7),
        Err(Unsuccessful::of(&failed)),
        Err(Unsuccessful::of(&runs[2])),
    ];
    let decoded: Vec<Result<u8, Unsuccessful>> = values.decode().unwrap();
    assert_eq!(decoded, expected);
    let one = Follows::new(ids(1), Takes::Value).anyway();
    let value = input(&one, &[failed]).unwrap().unwrap();
    let decoded: Result<u8, Unsuccessful> = value.decode().unwrap();
    assert_eq!(decoded, expected[1]);
}

#[test]
fn a_run_that_ends_twice_counts_once_and_its_first_end_stays() {
    let follows = Follows::new(ids(2), Takes::Values);
    let part = |value: &str| follows.part_of(&succeeded(0, &payload(value))).unwrap();
    let mut gathered = Gathered::default();
    gathered.add(0, part("first"));
    gathered.add(0, part("second"));
    assert!(!gathered.is_complete(&follows));
    gathered.add(1, part("other"));
    let input = gathered.into_input(&follows).unwrap();
    assert_eq!(input, Some(payload(&["first", "other"])));
}

#[test]
fn an_input_is_as_large_as_a_payload_at_most() {
    let one = Follows::new(ids(1), Takes::Value);
    let largest = text_of(MAX_PAYLOAD_BYTES);
    let runs = [succeeded(0, &largest)];
    assert_eq!(input(&one, &runs), Ok(Some(largest)));
    let too_large = |follows: &Follows, runs: &[TaskRun]| {
        let why = input(follows, runs).unwrap_err();
        assert!(
            why.as_str()
                .contains("over the limit of a payload together")
        );
    };
    too_large(&one.anyway(), &runs);
    let two = Follows::new(ids(2), Takes::Values);
    let half = succeeded(0, &text_of(MAX_PAYLOAD_BYTES / 2));
    let rest = |bytes| [half.clone(), succeeded(1, &text_of(bytes))];
    // The head of the list is a byte.
    let fits = input(&two, &rest(MAX_PAYLOAD_BYTES / 2 - 1));
    assert_eq!(fits.unwrap().unwrap().len(), MAX_PAYLOAD_BYTES);
    too_large(&two, &rest(MAX_PAYLOAD_BYTES / 2));
    too_large(&two, &rest(MAX_PAYLOAD_BYTES / 2 + 1));
}

#[test]
fn what_is_too_large_is_not_remembered() {
    let gathered = |byte: u8| {
        let mut gathered = Gathered::default();
        gathered.add(0, vec![byte; MAX_PAYLOAD_BYTES + 1]);
        gathered.add(1, vec![byte; 100]);
        gathered
    };
    assert_eq!(gathered(b'a'), gathered(b'b'));
}
