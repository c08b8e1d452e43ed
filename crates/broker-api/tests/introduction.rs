//! What a consumer says of itself fits, whatever it takes.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use aqueduct_broker_api::{Introduction, MAX_INTRODUCTION_BYTES, wire};
use aqueduct_core::{Lane, QueueName, TaskName, Timestamp};

fn names<N: std::str::FromStr<Err: std::fmt::Debug>>(count: usize, length: usize) -> Vec<N> {
    let name = |number: usize| format!("n{number:0>width$}", width = length - 1);
    (0..count)
        .map(|number| name(number).parse().unwrap())
        .collect()
}

fn introduction(queues: usize, tasks: usize, length: usize) -> Introduction {
    let long = "\u{20ac}".repeat(500);
    let introduction = Introduction::new(&long, u32::MAX, Timestamp::MAX, &long);
    let queues: Vec<QueueName> = names(queues, length);
    let tasks: Vec<TaskName> = names(tasks, length);
    introduction.taking(Lane::ALL, queues, tasks)
}

#[test]
fn the_largest_introductions_fit_and_come_back() {
    for (queues, tasks) in [(0, 9999), (9999, 0), (20, 9999), (9999, 9999)] {
        for length in [6, 31, 32, 128] {
            let introduction = introduction(queues, tasks, length);
            let bytes = wire::encode_introduction(&introduction).unwrap();
            assert!(bytes.len() <= MAX_INTRODUCTION_BYTES);
            assert_eq!(wire::decode_introduction(&bytes).unwrap(), introduction);
            assert!(introduction.is_cut && introduction.knows(&TaskName::from_static("other")));
        }
    }
}

#[test]
fn a_introduction_that_fits_says_all() {
    let introduction = introduction(2, 3, 20);
    assert_eq!(
        (introduction.queues.len(), introduction.tasks.len()),
        (2, 3)
    );
    assert!(!introduction.is_cut);
    assert!(introduction.takes(Lane::Cpu, &introduction.queues[1]));
    assert!(!introduction.takes(Lane::Io, &QueueName::from_static("other")));
    assert!(!introduction.knows(&TaskName::from_static("other")));
}

#[test]
fn what_is_no_introduction_is_refused() {
    assert!(
        wire::decode_introduction(&[2, 0x80])
            .unwrap_err()
            .is_newer()
    );
    assert!(wire::decode_introduction(&[]).is_err());
    assert!(wire::decode_introduction(&[1, 0xc0, 0xc0]).is_err());
    assert!(wire::decode_introduction(&[1; MAX_INTRODUCTION_BYTES + 1]).is_err());
}
