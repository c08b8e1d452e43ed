//! Stored runs, and the parts that are stored beside them.

use std::time::Duration;

use aqueduct::broker_api::wire::{self, WireError};
use aqueduct::broker_api::{ScheduleDefinition, ScheduleVersion};
use aqueduct::run::{Failure, FailureKind, Unique};
use aqueduct::{Payload, QueuedTask, RunId, Schedule, ScheduleName, TaskName, TaskRun, Timestamp};
use aqueduct_core::ConsumerId;

use super::Target;

pub(super) const RUNS: Target = Target {
    name: "envelope",
    body: |bytes| {
        let Ok(run) = wire::decode(bytes) else {
            return;
        };
        let again = wire::encode(&run).expect("what was read can be written");
        let read = wire::decode(&again).expect("what was written can be read");
        assert_eq!(read, run, "a run changes when it is written again");
    },
    examples: || {
        runs()
            .iter()
            .filter_map(|run| wire::encode(run).ok())
            .collect()
    },
};

pub(super) const PARTS: Target = Target {
    name: "parts",
    body: |bytes| {
        let at = Timestamp::from_millis(7);
        if let Ok(progress) = wire::decode_progress(bytes, at) {
            assert_eq!(progress.at, at);
        }
        if let Ok(reason) = wire::read_reason_field(bytes) {
            let _ = reason.as_str();
        }
        let _ = wire::decode_introduction(bytes);
        if let Ok(definition) = definition(bytes) {
            let again = wire::encode_definition(&definition);
            let again = again.expect("what was read can be written");
            let read = self::definition(&again);
            assert_eq!(read.ok(), Some(definition), "a definition changes");
        }
    },
    examples: || {
        let schedule = Schedule::cron("0 2 * * *").expect("a schedule");
        let name = ScheduleName::from_static("nightly");
        let definition = ScheduleDefinition::new(name, schedule, TaskName::from_static("clean"));
        let definition = wire::encode_definition(&definition).expect("a definition");
        let map = Payload::encode(&[("done", 3)]).expect("a map");
        vec![definition, map.as_bytes().to_vec(), b"\xa6enough".to_vec()]
    },
};

fn definition(bytes: &[u8]) -> Result<ScheduleDefinition, WireError> {
    let name = ScheduleName::from_static("nightly");
    wire::decode_definition(name, ScheduleVersion::default(), bytes)
}

/// Runs with everything that a run can have.
fn runs() -> Vec<TaskRun> {
    let now = Timestamp::from_millis(1_767_225_600_000);
    let id = RunId::from_u128(0x0123_4567_89ab_cdef_0123_4567_89ab_cdef);
    let task = || QueuedTask::new(id, TaskName::from_static("clean"), Payload::empty());
    let plain = TaskRun::accept(task(), now);
    let mut full = task();
    full.payload = Payload::encode(&[("left", 1), ("right", 2)]).expect("parameters");
    full.expires_in = Some(Duration::from_secs(5));
    let options = full.options_mut();
    options.keep_result = Some(Duration::from_mins(1));
    options.unique = Unique::key("one").ok();
    options.total_timeout = Some(Duration::from_secs(9));
    let mut full = TaskRun::accept(full, now);
    let failure = Failure::new(FailureKind::Panic, "it did not work");
    let consumer = ConsumerId::from_u128(9);
    full.record_mut().fail(1, now, consumer, failure);
    full.record_mut().ended_at = Some(now);
    vec![plain, full]
}
