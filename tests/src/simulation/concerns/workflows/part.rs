//! What an ended run gives to its follow-up, and how it is read from an input.

use aqueduct::Payload;
use aqueduct::RunState;
use aqueduct::run::{Follows, Takes, Unsuccessful};

/// What an ended run gives: its value, or how else it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Value(Option<u32>),
    Unsuccessful(RunState),
}

/// Reads the parts of an input.
pub(super) fn read(follows: &Follows, input: Option<&Payload>) -> Result<Vec<Part>, String> {
    let Some(input) = input else {
        return Ok(Vec::new());
    };
    let read = match (follows.takes, follows.runs_anyway) {
        (Takes::Nothing, _) => return Err("there is an input".to_owned()),
        (Takes::Value, false) => input.decode().map(|value| vec![Part::Value(value)]),
        (Takes::Values, false) => {
            let values = input.decode::<Vec<_>>();
            values.map(|values| values.into_iter().map(Part::Value).collect())
        }
        (Takes::Value, true) => input.decode().map(|end| vec![part(end)]),
        (Takes::Values, true) => {
            let ends = input.decode::<Vec<_>>();
            ends.map(|ends| ends.into_iter().map(part).collect())
        }
    };
    read.map_err(|error| format!("the input {input:?} is broken: {error}"))
}

fn part(end: Result<Option<u32>, Unsuccessful>) -> Part {
    match end {
        Ok(value) => Part::Value(value),
        Err(end) => Part::Unsuccessful(end.state),
    }
}
