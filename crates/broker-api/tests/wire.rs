//! The wire format: golden bytes, and whatever else may arrive.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::time::Duration;

use aqueduct_broker_api::wire::{self, HEADER_BYTES, Header};
use aqueduct_core::payload::{MAX_PAYLOAD_BYTES, Params};
use aqueduct_core::run::{
    Checkpoint, Failure, FailureKind, Fair, FollowedBy, Follows, Lineage, Takes, TaskRun, Unique,
};
use aqueduct_core::trace::TraceContext;
use aqueduct_core::{
    ConsumerId, Lane, Payload, Priority, QueueName, QueuedTask, RunId, RunState, TaskName,
    Timestamp,
};

const ID: u128 = 0x0190_0000_0000_0102_0304_0506_0708_090a;

/// A run as the program in `docs/WIRE.md` writes it: `greet` with `{"n": 7}`.
const GOLDEN: [u8; 50] = [
    1, 0, 0x14, 0, // version, flags, IO and medium and queued, reserved
    0x01, 0x90, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, // run id
    0, 0, 0, 0, 0, 0, 0, 0, // attempt, failures, crashes, parks
    0x01, 0x8b, 0xcf, 0xe5, 0x68, 0x00, // queued at
    0x01, 0x8b, 0xcf, 0xe5, 0x68, 0x00, // due at
    5, b'g', b'r', b'e', b'e', b't', // task
    0x81, 0xa1, b'n', 7, // parameters
];

fn plain() -> TaskRun {
    let payload = Payload::from_bytes(&[0x81, 0xa1, b'n', 7]).unwrap();
    let queued = QueuedTask::new(
        RunId::from_u128(ID),
        TaskName::from_static("greet"),
        payload,
    );
    TaskRun::accept(queued, Timestamp::from_millis(1_700_000_000_000))
}

fn full() -> TaskRun {
    let mut run = plain();
    (run.lane, run.priority, run.state) = (Lane::Cpu, Priority::High, RunState::Retrying);
    run.lineage = Lineage::child_of(RunId::from_u128(7), RunId::from_u128(8));
    run.queue = QueueName::from_static("mail");
    run.tally.attempt = 70_000;
    run.tally.failures = 300;
    run.tally.crashes = 2;
    run.tally.parks = 3;
    let failure = Failure::new(FailureKind::Error, "no route");
    let at = run.queued_at;
    for (attempt, consumer) in [(69_999, 5), (70_000, u128::MAX)] {
        let consumer = ConsumerId::from_u128(consumer);
        run.record_mut()
            .fail(attempt, at, consumer, failure.clone());
    }
    let mut queued = QueuedTask::new(run.id, run.task.clone(), Payload::empty());
    queued.options_mut().unique = Some(Unique::key("mail/7").unwrap());
    queued.options_mut().keep_result = Some(Duration::from_millis(1500));
    queued.options_mut().deadline = Some(Timestamp::from_millis(1_700_000_100_000));
    queued.options_mut().set_trace(trace());
    run.options = queued.options;
    let value = Payload::encode("half").unwrap();
    run.checkpoint = Some(Box::new(Checkpoint::new(70_000, 3, at, value)));
    run.input = Some(Payload::encode(&7).unwrap());
    run
}

const TRACE_PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

fn trace() -> TraceContext {
    TraceContext::from_headers(TRACE_PARENT, Some("vendor=opaque")).unwrap()
}

/// Puts a block of options into the golden run.
fn with_options(options: &BTreeMap<&str, &str>) -> Vec<u8> {
    with_packed(Payload::encode(options).unwrap().as_bytes())
}

fn with_packed(options: &[u8]) -> Vec<u8> {
    let (head, parameters) = GOLDEN.split_at(46);
    let mut bytes = head.to_vec();
    bytes[1] = 4;
    bytes.extend_from_slice(&u32::try_from(options.len()).unwrap().to_be_bytes());
    bytes.extend_from_slice(options);
    bytes.extend_from_slice(parameters);
    bytes
}

#[test]
fn a_trace_is_two_texts_among_the_options() {
    let options = BTreeMap::from([
        ("trace_parent", TRACE_PARENT),
        ("trace_state", "vendor=opaque"),
    ]);
    let bytes = with_options(&options);
    let run = wire::decode(&bytes).unwrap();
    assert_eq!(run.trace(), Some(trace()));
    assert_eq!(wire::encode(&run).unwrap(), bytes);
}

#[test]
fn a_trace_that_is_not_in_order_is_no_reason_to_refuse_a_run() {
    let all_of_nothing = "00-00000000000000000000000000000000-00f067aa0ba902b7-01";
    for parent in ["", "nonsense", all_of_nothing, &"0".repeat(10_000)] {
        let bytes = with_options(&BTreeMap::from([("trace_parent", parent)]));
        assert_eq!(wire::decode(&bytes).unwrap().trace(), None, "{parent:.60}");
    }
    let too_long = format!("vendor={}", "v".repeat(10_000));
    let options = BTreeMap::from([("trace_parent", TRACE_PARENT), ("trace_state", &too_long)]);
    let trace = wire::decode(&with_options(&options)).unwrap().trace();
    assert_eq!(
        trace.map(|it| (it.parent.to_string(), it.state)),
        Some((TRACE_PARENT.into(), None))
    );
}

#[test]
fn options_of_a_later_layout_are_passed_over() {
    let options = BTreeMap::from([("a_later_option", "yes"), ("unique", "k")]);
    let run = wire::decode(&with_options(&options)).unwrap();
    let unique = run.options.and_then(|options| options.unique);
    assert_eq!(unique, Unique::key("k").ok());
}

#[test]
fn a_fair_key_has_a_weight_within_its_bounds() {
    let read = |fair: Params| {
        let mut options = b"\x81\xa4fair".to_vec();
        options.extend_from_slice(fair.into_payload().unwrap().as_bytes());
        wire::decode(&with_packed(&options))
    };
    let keyed = || Params::new().with("key", "tenant:7");
    assert_eq!(
        read(keyed()).unwrap().fair(),
        Fair::key("tenant:7").ok().as_ref()
    );
    for weight in [1, 1000] {
        let run = read(keyed().with("weight", &weight)).unwrap();
        assert_eq!(run.fair().unwrap().weight.get(), weight);
        assert_eq!(wire::decode(&wire::encode(&run).unwrap()).unwrap(), run);
    }
    for weight in [0, 1001, u16::MAX] {
        let error = read(keyed().with("weight", &weight)).unwrap_err();
        assert!(!error.is_newer(), "{weight}");
    }
}

#[test]
fn a_checkpoint_is_a_block_before_the_parameters() {
    let mut run = plain();
    let value = Payload::encode(&300).unwrap();
    run.checkpoint = Some(Box::new(Checkpoint::new(2, 9, run.queued_at, value)));
    let (head, parameters) = GOLDEN.split_at(46);
    let mut bytes = head.to_vec();
    bytes[1] = 64;
    bytes.extend_from_slice(&[0, 0, 0, 17]); // length
    bytes.extend_from_slice(&[0, 0, 0, 2, 0, 0, 0, 9]); // attempt, number
    bytes.extend_from_slice(&[0x01, 0x8b, 0xcf, 0xe5, 0x68, 0x00]); // kept at
    bytes.extend_from_slice(&[0xcd, 0x01, 0x2c]); // 300
    bytes.extend_from_slice(parameters);
    assert_eq!(wire::encode(&run).unwrap(), bytes);
    assert_eq!(wire::decode(&bytes).unwrap(), run);
    for length in [0, 13, 18, 255] {
        bytes[49] = length;
        assert!(wire::decode(&bytes).is_err(), "a block of {length} bytes");
    }
}

#[test]
fn an_input_is_a_block_before_the_parameters() {
    let mut run = plain();
    run.input = Some(Payload::encode(&[300_u16, 1]).unwrap());
    let (head, parameters) = GOLDEN.split_at(46);
    let mut bytes = head.to_vec();
    bytes[1] = 32;
    bytes.extend_from_slice(&[0, 0, 0, 5]); // length
    bytes.extend_from_slice(&[0x92, 0xcd, 0x01, 0x2c, 1]); // [300, 1]
    bytes.extend_from_slice(parameters);
    assert_eq!(wire::encode(&run).unwrap(), bytes);
    assert_eq!(wire::decode(&bytes).unwrap(), run);
    for length in [0, 4, 6, 255] {
        bytes[49] = length;
        assert!(wire::decode(&bytes).is_err(), "a block of {length} bytes");
    }
}

#[test]
fn what_follows_what_is_among_the_options() {
    let mut queued = QueuedTask::new(
        RunId::from_u128(ID),
        "greet".parse().unwrap(),
        Payload::empty(),
    );
    queued.options_mut().followed_by = Some(FollowedBy::new(RunId::from_u128(2), 7, true));
    let mut follows = Follows::new(vec![RunId::from_u128(3)], Takes::Values).anyway();
    follows.delay = Some(Duration::from_secs(1));
    queued.options_mut().follows = Some(follows);
    let run = TaskRun::accept(queued, Timestamp::MIN);
    assert_eq!(
        (run.state, run.due_at),
        (RunState::Scheduled, Timestamp::MAX)
    );
    let bytes = wire::encode(&run).unwrap();
    assert_eq!(wire::decode(&bytes).unwrap(), run);
    let written = b"\xa6values\xabruns_anyway\xc3\xa5delay\x82\xa4secs\x01\xa5nanos\x00";
    assert!(bytes.windows(written.len()).any(|window| window == written));
}

#[test]
fn golden_bytes() {
    assert_eq!(wire::encode(&plain()).unwrap(), GOLDEN);
    assert_eq!(wire::decode(&GOLDEN).unwrap(), plain());
}

#[test]
fn everything_comes_back() {
    let bytes = wire::encode(&full()).unwrap();
    assert_eq!(wire::decode(&bytes).unwrap(), full());
    let header = Header::read(&bytes).unwrap();
    assert_eq!((header.id, header.state), (full().id, RunState::Retrying));
    assert_eq!(header.tally, full().tally);
}

#[test]
fn a_cut_envelope_is_refused_at_every_length() {
    let bytes = wire::encode(&full()).unwrap();
    for length in 0..bytes.len() {
        let cut = wire::decode(&bytes[..length]);
        assert!(cut.is_err(), "{length} of {} bytes", bytes.len());
    }
}

#[test]
fn a_flipped_bit_never_panics_and_newer_is_told_from_broken() {
    let bytes = wire::encode(&full()).unwrap();
    for at in 0..bytes.len() {
        for bit in 0..8 {
            let mut flipped = bytes.clone();
            flipped[at] ^= 1 << bit;
            // Some flips make another valid run; none may panic or give back more than was put in.
            if let Ok(run) = wire::decode(&flipped) {
                assert!(run.payload.len() <= bytes.len());
            }
        }
    }
    for (at, value) in [(0, 2), (1, 0x80), (3, 1)] {
        let mut newer = GOLDEN;
        newer[at] = value;
        assert!(wire::decode(&newer).unwrap_err().is_newer(), "byte {at}");
    }
    let mut broken = GOLDEN;
    broken[2] = 0xff;
    assert!(!wire::decode(&broken).unwrap_err().is_newer());
}

#[test]
fn parameters_that_nest_too_deep_or_trail_are_refused() {
    let head = &GOLDEN[..HEADER_BYTES + 6];
    let deep: Vec<u8> = [head, &[0x91; 100], &[0xc0]].concat();
    let trailing: Vec<u8> = [head, &[0x80, 0x80]].concat();
    for bytes in [deep, trailing, head.to_vec()] {
        assert!(wire::decode(&bytes).is_err());
    }
}

/// A queued task and its two times make the bytes of the run that a broker would have accepted.
#[test]
fn a_queued_task_lacks_only_its_times() {
    let queued = |now: u64| {
        let mut task = QueuedTask::new(
            RunId::from_u128(ID),
            TaskName::from_static("greet"),
            Payload::from_bytes(&[0x81, 0xa1, b'n', 7]).unwrap(),
        );
        task.expires_in = Some(Duration::from_secs(7));
        task.options_mut().unique = Some(Unique::key("k").unwrap());
        (
            TaskRun::accept(task.clone(), Timestamp::from_millis(now)),
            task,
        )
    };
    let now = 1_700_000_000_000_u64;
    let (run, task) = queued(now);
    let mut bytes = wire::encode_queued(&task).unwrap();
    let at = bytes.deadline_at.unwrap();
    bytes.tail[at..at + 8].copy_from_slice(&(now + 7000).to_be_bytes());
    let time = &now.to_be_bytes()[2..];
    assert_eq!(
        [&bytes.head, time, time, &bytes.tail].concat(),
        wire::encode(&run).unwrap()
    );
}

/// The fields of a record, put behind the head of a map, are the record.
#[test]
fn fields_make_a_record() {
    let failure = Failure::new(FailureKind::Error, "no");
    let reason = aqueduct_core::run::Reason::new("enough");
    let result = Payload::encode(&7).unwrap();
    let mut run = plain();
    run.record_mut().failure = Some(failure.clone());
    run.record_mut().reason = Some(reason.clone());
    run.record_mut().result = Some(result.clone());
    let fields = [
        wire::failure_field(&failure).unwrap(),
        wire::reason_field(&reason).unwrap(),
        wire::result_field(&result).unwrap(),
    ]
    .concat();
    let length = u32::try_from(fields.len() + 1).unwrap().to_be_bytes();
    let expected = [&length[..], &[0x83], &fields].concat();
    let bytes = wire::encode(&run).unwrap();
    assert!(
        bytes
            .windows(expected.len())
            .any(|window| window == expected)
    );
    assert_eq!(
        wire::read_reason_field(&wire::reason_field(&reason).unwrap()).unwrap(),
        reason
    );
}

/// A definition survives its bytes; what cannot be read says so.
#[test]
fn a_definition_round_trips() {
    use aqueduct_broker_api::{ScheduleDefinition, ScheduleVersion};
    let text = "cron 0 2 * * * tz=Europe/Rome skipped=skip repeated=both";
    let schedule = text.parse().unwrap();
    let definition = ScheduleDefinition::new(
        "nightly".parse().unwrap(),
        schedule,
        TaskName::from_static("greet"),
    )
    .with_version(ScheduleVersion::from_number(u64::MAX))
    .with_payload(Payload::from_bytes(&[0x81, 0xa1, b'n', 7]).unwrap())
    .with_place(QueueName::from_static("mail"), Lane::Cpu, Priority::Low);
    let bytes = wire::encode_definition(&definition).unwrap();
    let decode =
        |bytes: &[u8]| wire::decode_definition(definition.name.clone(), definition.version, bytes);
    assert_eq!(decode(&bytes).unwrap(), definition);
    for length in 0..bytes.len() - 4 {
        assert!(decode(&bytes[..length]).is_err(), "{length} bytes");
    }
    assert!(decode(&[2]).unwrap_err().is_newer());
}

#[test]
fn the_largest_result_comes_back() {
    let text = "\u{ff}".repeat(MAX_PAYLOAD_BYTES / 2 - 8);
    let result = Payload::encode(&text).unwrap();
    let length = result.len();
    let mut run = plain();
    run.record_mut().result = Some(result);
    let bytes = wire::encode(&run).unwrap();
    assert_eq!(wire::decode(&bytes).unwrap(), run);
    let around = bytes.len() - length;
    assert!(
        around < 256,
        "a result is written as it is, not number by number: {around}"
    );
}

#[test]
fn a_block_nested_too_deep_or_with_trailing_bytes_is_refused() {
    let mut run = plain();
    run.record_mut().ended_at = Some(Timestamp::from_millis(1));
    let bytes = wire::encode(&run).unwrap();
    let at = bytes.len() - run.payload.len();
    let with_block = |block: &[u8]| {
        let start = at - 4 - usize::try_from(u32::from_be_bytes(*length_of(&bytes, at))).unwrap();
        let mut hostile = bytes[..start].to_vec();
        hostile.extend_from_slice(&u32::try_from(block.len()).unwrap().to_be_bytes());
        hostile.extend_from_slice(block);
        hostile.extend_from_slice(run.payload.as_bytes());
        wire::decode(&hostile)
    };
    assert!(with_block(&[0x80]).is_ok(), "an empty record");
    assert!(with_block(&[0x80, 0xc0]).is_err(), "trailing bytes");
    let mut deep = b"\x81\xa1x".to_vec();
    deep.extend(std::iter::repeat_n(0x91, 100_000));
    deep.push(0xc0);
    assert!(with_block(&deep).is_err(), "nested too deep");
}

/// The length of the record, which ends where the payload begins.
fn length_of(bytes: &[u8], payload_at: usize) -> &[u8; 4] {
    let record = [b"\x81\xa8ended_at".as_slice(), &[1]].concat();
    let start = payload_at - record.len() - 4;
    bytes[start..].first_chunk().unwrap()
}

/// The history of a plain run whose first attempt timed out, as `docs/WIRE.md` has it.
const GOLDEN_HISTORY: [u8; 32] = [
    0, 0, 0, 29, // length of the block
    0, 27, // length of the entry; its message is empty
    0, 0, 0, 1, // attempt
    0x01, 0x8b, 0xcf, 0xe5, 0x68, 0x07, // time
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9, // consumer
];

/// A run with a history and nothing else in its record: what a requeue leaves.
fn requeued(words: &str) -> TaskRun {
    let mut run = plain();
    let at = Timestamp::from_millis(1_700_000_000_007);
    let failure = Failure::new(FailureKind::Timeout, words);
    let consumer = ConsumerId::from_u128(9);
    run.record_mut().fail(1, at, consumer, failure);
    run.record = run.record.unwrap().anew();
    run
}

#[test]
fn golden_bytes_of_a_history() {
    let bytes = wire::encode(&requeued("")).unwrap();
    let golden = [&GOLDEN[..46], &GOLDEN_HISTORY, &[3], &GOLDEN[46..]].concat();
    assert_eq!((bytes[1], &bytes[2..]), (0x10, &golden[2..]));
    assert_eq!(wire::decode(&bytes).unwrap(), requeued(""));
    let failure = Failure::new(FailureKind::Crash, "dead");
    assert_eq!(wire::failure_tail(&failure), b"\x04dead");
}

#[test]
fn a_history_that_is_broken_is_refused() {
    let bytes = wire::encode(&requeued("words")).unwrap();
    let entry = 46 + 4;
    let with = |at: usize, value: u8| {
        let mut hostile = bytes.clone();
        hostile[at] = value;
        wire::decode(&hostile)
    };
    assert!(with(entry + 1, 26).is_err(), "an entry without a kind");
    assert!(with(entry + 1, 33).is_err(), "an entry beyond its block");
    assert!(with(entry, 0xff).is_err(), "an entry beyond everything");
    assert!(with(entry + 29, 0xff).is_err(), "words that are not UTF-8");
    assert!(with(entry + 28, 99).unwrap_err().is_newer(), "a later kind");
}

#[test]
fn the_largest_run_has_room_for_its_history() {
    let mut run = full();
    let most = Payload::encode(&"\u{ff}".repeat(MAX_PAYLOAD_BYTES / 2 - 8)).unwrap();
    run.payload = most.clone();
    run.task = "t".repeat(128).parse().unwrap();
    run.queue = "q".repeat(128).parse().unwrap();
    run.record_mut().result = Some(most);
    run.record_mut().reason = Some(aqueduct_core::run::Reason::new("r".repeat(9999)));
    let at = run.queued_at;
    for attempt in 0..99 {
        let failure = Failure::new(FailureKind::Panic, "w".repeat(9999));
        let consumer = ConsumerId::from_u128(1);
        run.record_mut().fail(attempt, at, consumer, failure);
    }
    let bytes = wire::encode(&run).unwrap();
    assert_eq!(wire::decode(&bytes).unwrap(), run);
}
