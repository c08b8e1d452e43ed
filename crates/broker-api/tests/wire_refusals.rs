//! The wire format at its bounds: what each flag stands for, numbers that do not fit, and where a refusal says it is.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::error::Error;

use aqueduct_broker_api::wire::{self, HEADER_BYTES, Header, MAX_ENVELOPE_BYTES, WireError};
use aqueduct_broker_api::{
    Introduction, MAX_INTRODUCTION_BYTES, ScheduleDefinition, ScheduleVersion,
};
use aqueduct_core::event::Progress;
use aqueduct_core::run::{Checkpoint, Failure, FailureKind, Lineage, Reason, TaskRun};
use aqueduct_core::{
    ConsumerId, Lane, Payload, Priority, QueueName, QueuedTask, RunId, RunState, ScheduleName,
    TaskName, Timestamp,
};

const AT: Timestamp = Timestamp::from_millis(1_700_000_000_000);

fn plain() -> TaskRun {
    let task = TaskName::from_static("greet");
    let queued = QueuedTask::new(RunId::from_u128(1 << 90), task, Payload::empty());
    TaskRun::accept(queued, AT)
}

/// Returns a run with one thing that a plain one does not have.
fn with(change: impl FnOnce(&mut TaskRun)) -> TaskRun {
    let mut run = plain();
    change(&mut run);
    run
}

fn history(run: &mut TaskRun) {
    let failure = Failure::new(FailureKind::Error, "no");
    run.record_mut()
        .fail(1, AT, ConsumerId::from_u128(9), failure);
    run.record = run.record.take().unwrap().anew();
}

#[test]
fn each_part_has_a_flag_of_its_own() {
    let value = || Payload::encode(&7).unwrap();
    let root = RunId::from_u128(8);
    let runs = [
        (0, plain()),
        (1, with(|run| run.lineage = Lineage::child_of(root, root))),
        (2, with(|run| run.queue = QueueName::from_static("mail"))),
        (4, with(|run| run.options = Some(Box::default()))),
        (8, with(|run| run.record_mut().ended_at = Some(AT))),
        (16, with(history)),
        (32, with(|run| run.input = Some(value()))),
        (
            64,
            with(|run| run.checkpoint = Some(Box::new(Checkpoint::new(1, 2, AT, value())))),
        ),
    ];
    for (flag, run) in runs {
        let bytes = wire::encode(&run).unwrap();
        assert_eq!(bytes[1], flag);
        assert_eq!(wire::decode(&bytes).unwrap(), run, "flag {flag}");
    }
}

#[test]
fn every_kind_of_run_has_a_byte_of_its_own() {
    let mut seen = std::collections::BTreeSet::new();
    for lane in Lane::ALL {
        for priority in Priority::ALL {
            for state in RunState::ALL {
                let run = with(|run| (run.lane, run.priority, run.state) = (lane, priority, state));
                let bytes = wire::encode(&run).unwrap();
                assert!(seen.insert(bytes[2]), "{lane:?} {priority:?} {state:?}");
                let header = Header::read(&bytes).unwrap();
                let read = (header.lane, header.priority, header.state);
                assert_eq!(read, (lane, priority, state));
            }
        }
    }
}

#[test]
fn counts_that_do_not_fit_are_the_largest() {
    let mut run = plain();
    run.tally.attempt = u32::MAX;
    (run.tally.failures, run.tally.crashes, run.tally.parks) = (70_000, 300, 999);
    let tally = wire::decode(&wire::encode(&run).unwrap()).unwrap().tally;
    assert_eq!(tally.attempt, u32::MAX);
    assert_eq!(
        (tally.failures, tally.crashes, tally.parks),
        (65_535, 255, 255)
    );
}

fn refused(bytes: &[u8], words: &str) -> WireError {
    let error = wire::decode(bytes).unwrap_err();
    assert!(error.to_string().contains(words), "{words}: {error}");
    error
}

#[test]
fn a_refusal_says_what_and_where() {
    let bytes = wire::encode(&plain()).unwrap();
    let broken = |at: usize, value: u8| {
        let mut broken = bytes.clone();
        broken[at] = value;
        broken
    };
    refused(&[], "no known version at byte 0");
    refused(&broken(0, 0), "no known version at byte 0");
    refused(&bytes[..20], "a header cut short at byte 20");
    refused(&broken(2, 0x17), "an unknown lane at byte 2");
    refused(&broken(2, 0x1c), "an unknown priority at byte 2");
    refused(&broken(2, 0xf4), "an unknown state at byte 2");
    refused(&bytes[..HEADER_BYTES + 3], "too early at byte 43");
    refused(&broken(HEADER_BYTES, 0), "an invalid name at byte 40");
    let error = refused(&broken(HEADER_BYTES + 1, 0xff), "not UTF-8 at byte 40");
    assert!(error.source().is_some(), "the cause is kept");
    assert!(!error.is_newer());
    let trailing = [&bytes[..], &[7]].concat();
    refused(&trailing, "an invalid payload at byte 46");
    assert!(refused(&broken(0, 2), "a newer release").is_newer());
    assert!(refused(&broken(0, 2), "a later version").source().is_none());
    assert!(refused(&broken(1, 0x80), "an unknown flag").is_newer());
    assert!(refused(&broken(3, 1), "an unknown flag").is_newer());
}

#[test]
fn a_broken_part_is_named_with_its_place() {
    let value = Payload::encode(&7).unwrap();
    let input = wire::encode(&with(|run| run.input = Some(value.clone()))).unwrap();
    let mut broken = input.clone();
    broken[50] = 0xc1;
    refused(&broken, "an invalid input at byte 46");
    let checkpoint = Checkpoint::new(1, 2, AT, value);
    let run = with(|run| run.checkpoint = Some(Box::new(checkpoint)));
    let mut broken = wire::encode(&run).unwrap();
    let last = broken.len() - 2;
    broken[last] = 0xc1;
    refused(&broken, "an invalid checkpoint at byte 46");
    let mut broken = wire::encode(&with(history)).unwrap();
    broken[51] = 26;
    refused(&broken, "a failed attempt cut short at byte 46");
    let mut broken = wire::encode(&with(|run| run.options = Some(Box::default()))).unwrap();
    broken[50] = 0xc1;
    refused(&broken, "a block that cannot be decoded at byte 46");
    let mut result = wire::encode(&with(|run| {
        run.record_mut().result = Some(Payload::encode(&7).unwrap());
    }))
    .unwrap();
    let last = result.len() - 2;
    result[last] = 0xc1;
    refused(&result, "an invalid result");
}

#[test]
fn a_run_beyond_all_parts_is_refused_for_its_length() {
    refused(&vec![1; MAX_ENVELOPE_BYTES + 1], "over the limit");
    refused(&vec![0; MAX_ENVELOPE_BYTES], "no known version");
    // Scripts and other languages have this number.
    assert_eq!(MAX_ENVELOPE_BYTES, 3_244_032);
}

#[test]
fn reports_come_back_and_broken_ones_do_not() {
    for (done, total, text) in [(0, 0, ""), (1, 2, "half"), (u64::MAX, u64::MAX, "\u{20ac}")] {
        let progress = Progress::new(done, total, text);
        let bytes = wire::encode_progress(&progress);
        assert_eq!(bytes.len(), 16 + text.len());
        let read = wire::decode_progress(&bytes, AT).unwrap();
        assert_eq!((read.done, read.total, read.at), (done, total, AT));
        assert_eq!(&*read.text, text);
        for length in 0..16 {
            assert!(wire::decode_progress(&bytes[..length], AT).is_err());
        }
    }
    let words = [&[0; 16][..], &[0xff]].concat();
    let error = wire::decode_progress(&words, AT).unwrap_err();
    assert!(
        error.to_string().contains("not UTF-8 at byte 16"),
        "{error}"
    );
}

#[test]
fn a_deadline_of_the_options_is_found_as_well() {
    let queued = |change: fn(&mut QueuedTask)| {
        let task = TaskName::from_static("greet");
        let mut task = QueuedTask::new(RunId::from_u128(7), task, Payload::empty());
        change(&mut task);
        wire::encode_queued(&task).unwrap()
    };
    let none = queued(|_| {});
    assert_eq!((none.head.len(), none.deadline_at), (28, None));
    let of_options = queued(|task| task.options_mut().deadline = Some(AT));
    let at = of_options.deadline_at.unwrap();
    let latest = Timestamp::MAX.as_millis().to_be_bytes();
    assert_eq!(of_options.tail[at..at + 8], latest);
    assert_eq!(of_options.tail[at - 1], 0xcf);
    let other = queued(|task| task.options_mut().keep_result = Some(std::time::Duration::MAX));
    assert_eq!(other.deadline_at, None);
}

#[test]
fn the_versions_of_other_bytes_are_looked_at() {
    let introduction = Introduction::new("m", 7, AT, "r");
    let bytes = wire::encode_introduction(&introduction).unwrap();
    let named = |version: u8| [&[version], &bytes[1..]].concat();
    assert_eq!(wire::decode_introduction(&named(1)).unwrap(), introduction);
    assert!(wire::decode_introduction(&named(2)).unwrap_err().is_newer());
    let older = wire::decode_introduction(&named(0)).unwrap_err();
    assert!(!older.is_newer() && older.to_string().contains("no known version"));
    let error = wire::decode_introduction(&[1; MAX_INTRODUCTION_BYTES + 1]).unwrap_err();
    assert!(error.to_string().contains("over the limit"), "{error}");
    let error = wire::decode_introduction(&[1; MAX_INTRODUCTION_BYTES]).unwrap_err();
    assert!(error.to_string().contains("no introduction"), "{error}");

    let name = ScheduleName::from_static("often");
    let schedule = "every 5m".parse().unwrap();
    let task = TaskName::from_static("greet");
    let definition = ScheduleDefinition::new(name.clone(), schedule, task);
    let bytes = wire::encode_definition(&definition).unwrap();
    let decode = |version: u8| {
        let bytes = [&[version], &bytes[1..]].concat();
        wire::decode_definition(name.clone(), ScheduleVersion::default(), &bytes)
    };
    assert_eq!(decode(1).unwrap().payload, Payload::empty());
    assert!(decode(2).unwrap_err().is_newer());
    assert!(!decode(0).unwrap_err().is_newer());
}

#[test]
fn a_reason_that_is_none_is_refused() {
    let reason = Reason::new("enough");
    let field = wire::reason_field(&reason).unwrap();
    assert_eq!(wire::read_reason_field(&field).unwrap(), reason);
    let error = wire::read_reason_field(b"\xa6result\xc0").unwrap_err();
    assert!(error.to_string().contains("no reason"), "{error}");
}
