//! What a consumer says of itself fits, whatever it takes.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use aqueduct_broker_api::{ConsumerProfile, MAX_PROFILE_BYTES, wire};
use aqueduct_core::{Lane, QueueName, TaskName, Timestamp};

fn names<N: std::str::FromStr<Err: std::fmt::Debug>>(count: usize, length: usize) -> Vec<N> {
    let name = |number: usize| format!("n{number:0>width$}", width = length - 1);
    (0..count)
        .map(|number| name(number).parse().unwrap())
        .collect()
}

fn profile(queues: usize, tasks: usize, length: usize) -> ConsumerProfile {
    let long = "\u{20ac}".repeat(500);
    let profile = ConsumerProfile::new(&long, u32::MAX, Timestamp::MAX, &long);
    let queues: Vec<QueueName> = names(queues, length);
    let tasks: Vec<TaskName> = names(tasks, length);
    profile.taking(Lane::ALL, queues, tasks)
}

#[test]
fn the_largest_profiles_fit_and_come_back() {
    for (queues, tasks) in [(0, 9999), (9999, 0), (20, 9999), (9999, 9999)] {
        for length in [6, 31, 32, 128] {
            let profile = profile(queues, tasks, length);
            let bytes = wire::encode_profile(&profile).unwrap();
            assert!(bytes.len() <= MAX_PROFILE_BYTES);
            assert_eq!(wire::decode_profile(&bytes).unwrap(), profile);
            assert!(profile.is_cut && profile.knows(&TaskName::from_static("other")));
        }
    }
}

#[test]
fn a_profile_that_fits_says_all() {
    let profile = profile(2, 3, 20);
    assert_eq!((profile.queues.len(), profile.tasks.len()), (2, 3));
    assert!(!profile.is_cut);
    assert!(profile.takes(Lane::Cpu, &profile.queues[1]));
    assert!(!profile.takes(Lane::Io, &QueueName::from_static("other")));
    assert!(!profile.knows(&TaskName::from_static("other")));
}

#[test]
fn what_is_no_profile_is_refused() {
    assert!(wire::decode_profile(&[2, 0x80]).unwrap_err().is_newer());
    assert!(wire::decode_profile(&[]).is_err());
    assert!(wire::decode_profile(&[1, 0xc0, 0xc0]).is_err());
    assert!(wire::decode_profile(&[1; MAX_PROFILE_BYTES + 1]).is_err());
}
