//! Runs as arguments of scripts.

use std::time::Duration;

use aqueduct_broker_api::wire::{self, QueuedBytes, WireError};
use aqueduct_broker_api::{BrokerError, BrokerErrorKind};
use aqueduct_core::queue::Due;
use aqueduct_core::{ConsumerId, QueueName, QueuedTask, RunId, Timestamp};

use crate::link::Args;
use crate::side;

/// What a run asks for beyond the plain, as `lib/admit.lua` reads it.
#[derive(Default)]
struct More {
    how: u8,
    due: u64,
    deadline: u64,
    keep: u64,
    deadline_at: u32,
}

/// Plain tasks of one queue, lane and priority that follow each other.
struct Group<'a> {
    prefix: [u8; PREFIX_BYTES],
    queue: &'a QueueName,
    members: Vec<(RunId, Vec<u8>)>,
}

/// Adds tasks that are queued, as `lib/admit.lua` reads them.
pub(crate) fn push_tasks(args: &mut Args, tasks: &[QueuedTask]) -> Result<(), WireError> {
    let mut group: Option<Group<'_>> = None;
    for together in tasks.chunk_by(|_, next| next.with_previous) {
        let [task] = together else {
            Group::push(group.take(), args);
            push_together(args, together)?;
            continue;
        };
        let (more, bytes) = (more(task), wire::encode_queued(task)?);
        if let (None, Some(prefix)) = (&more, bytes.head.first_chunk()) {
            let is_like = |it: &&mut Group<'_>| it.prefix == *prefix && *it.queue == task.queue;
            match group.as_mut().filter(is_like) {
                Some(group) => group.members.push((task.id, bytes.tail)),
                None => {
                    let members = vec![(task.id, bytes.tail)];
                    let next = Group {
                        prefix: *prefix,
                        queue: &task.queue,
                        members,
                    };
                    Group::push(group.replace(next), args);
                }
            }
        } else {
            Group::push(group.take(), args);
            let mut more = more.unwrap_or_default();
            more.how += if task.has_new_id { ID_IS_NEW } else { 0 };
            push_other(args, bytes, more, task);
        }
    }
    Group::push(group, args);
    Ok(())
}

impl Group<'_> {
    fn push(group: Option<Self>, args: &mut Args) {
        let Some(Self {
            prefix,
            queue,
            members,
        }) = group
        else {
            return;
        };
        args.bytes(prefix.to_vec())
            .text(queue.as_str())
            .number(members.len() as u64);
        for (id, tail) in members {
            args.bytes(id.to_bytes().to_vec()).bytes(tail);
        }
    }
}

/// Adds tasks that are stored together, all or none.
fn push_together(args: &mut Args, tasks: &[QueuedTask]) -> Result<(), WireError> {
    // As many as a batch has, at most.
    let number = u16::try_from(tasks.len()).unwrap_or(u16::MAX);
    args.bytes([b"all".as_slice(), &number.to_be_bytes()].concat());
    for task in tasks {
        let more = more(task).unwrap_or_default();
        push_other(args, wire::encode_queued(task)?, more, task);
    }
    Ok(())
}

fn push_other(args: &mut Args, bytes: QueuedBytes, mut more: More, task: &QueuedTask) {
    // Positions in Lua begin with 1.
    more.deadline_at = bytes
        .deadline_at
        .and_then(|at| u32::try_from(at + 1).ok())
        .unwrap_or(0);
    let mut packed = more.pack();
    side::push_texts(&mut packed, task.options.as_deref());
    args.bytes(bytes.head).bytes(bytes.tail).bytes(packed);
}

fn more(task: &QueuedTask) -> Option<More> {
    let options = task.options.as_ref();
    let deadline = options.and_then(|options| options.deadline);
    let keep = options.and_then(|options| options.keep_result);
    let has_texts = options.is_some_and(|options| side::has_texts(options));
    let is_timed = task.due != Due::Now || task.expires_in.is_some() || deadline.is_some();
    if !is_timed && !has_texts && keep.is_none() {
        return None;
    }
    let (how, due) = match task.due {
        Due::Now => (0, 0),
        Due::After(wait) => (1, millis(wait)),
        Due::At(time) => (2, time.as_millis()),
    };
    let (is_time, deadline) = match (task.expires_in, deadline) {
        (Some(wait), _) => (0, millis(wait) + 1),
        (None, Some(deadline)) => (DEADLINE_IS_TIME, deadline.as_millis() + 1),
        (None, None) => (0, 0),
    };
    let keep = keep.map_or(0, |keep| millis(keep) + 1);
    Some(More {
        how: how + is_time,
        due,
        deadline,
        keep,
        deadline_at: 0,
    })
}

impl More {
    fn pack(&self) -> Vec<u8> {
        let mut bytes = vec![self.how];
        for number in [self.due, self.deadline, self.keep] {
            push_six(&mut bytes, number);
        }
        bytes.extend_from_slice(&self.deadline_at.to_be_bytes());
        bytes
    }
}

pub(crate) fn push_six(bytes: &mut Vec<u8>, number: u64) {
    bytes.extend(number.to_be_bytes().into_iter().skip(2));
}

/// Returns milliseconds, at most those up to the last time there is.
pub(crate) fn millis(duration: Duration) -> u64 {
    let millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    millis.min(Timestamp::MAX.as_millis())
}

/// Returns a consumer's name in keys.
pub(crate) fn consumer_name(consumer: ConsumerId) -> String {
    format!("{:032x}", consumer.as_u128())
}

/// The error of a request that cannot become bytes.
pub(crate) fn unencodable(operation: &'static str, error: WireError) -> BrokerError {
    BrokerError::new(
        BrokerErrorKind::InvalidData,
        operation,
        "a part of the request cannot be encoded",
    )
    .with_source(error)
}

/// Added to how a run is due when its deadline is a time, not a wait.
const DEADLINE_IS_TIME: u8 = 4;

/// Added to how a run is due that is stored alone, when nobody can have queued its id before.
const ID_IS_NEW: u8 = 8;

/// The first bytes of a run: version, flags, kind, reserved.
const PREFIX_BYTES: usize = 4;
