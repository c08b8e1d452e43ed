//! Runs that stand whole in their ready lists: plain ones, and those that carry what scripts read of them
//! (`scripts/lib/carried.lua`).

use std::borrow::Cow;
use std::collections::HashSet;

use aqueduct_broker_api::wire::{self, WireError};
use aqueduct_core::key::Key;
use aqueduct_core::queue::Due;
use aqueduct_core::run::{OnConflict, RunOptions, Unique, UniqueScope};
use aqueduct_core::{QueuedTask, TaskRun, Timestamp};

use crate::items::push_six;
use crate::link::Args;
use crate::side;

/// Returns whether tasks may be sent as they are stored: with ids that nobody knows, due now, asking for no more than a
/// key of their own and limits.
pub(crate) fn are_whole(tasks: &[QueuedTask]) -> bool {
    let mut keys = HashSet::new();
    tasks
        .iter()
        .all(|task| is_whole(task) && unique_of(task).is_none_or(|unique| keys.insert(&unique.key)))
}

fn is_whole(task: &QueuedTask) -> bool {
    let is_alone = task.has_new_id && !task.with_previous;
    let is_now = task.due == Due::Now && task.expires_in.is_none();
    is_alone && is_now && task.options.as_deref().is_none_or(can_carry)
}

/// Returns whether a run can carry all that scripts act on.
fn can_carry(options: &RunOptions) -> bool {
    let is_kept = options.deadline.is_some() || options.keep_result.is_some();
    let is_followed = options.follows.is_some() || options.followed_by.is_some();
    let is_found_by_id = options.fair.is_some() || options.schedule.is_some();
    !is_kept
        && !is_followed
        && !is_found_by_id
        && options.idempotency.is_none()
        && options.unique.as_ref().is_none_or(can_be_given_back)
}

/// Returns whether a key is given back by the run alone, which nobody replaces.
fn can_be_given_back(unique: &Unique) -> bool {
    let scopes = [UniqueScope::Queued, UniqueScope::UntilFinished];
    scopes.contains(&unique.scope)
        && unique.on_conflict != OnConflict::Replace
        && unique.put_off_at_most.is_none()
}

fn unique_of(task: &QueuedTask) -> Option<&Unique> {
    task.options.as_ref()?.unique.as_ref()
}

/// Adds tasks that were accepted at `time`, as `enqueue_whole.lua` reads them.
pub(crate) fn push_whole(
    args: &mut Args,
    tasks: &[QueuedTask],
    time: Timestamp,
) -> Result<(), WireError> {
    let is_like = |a: &QueuedTask, b: &QueuedTask| {
        a.queue == b.queue
            && a.lane == b.lane
            && a.priority == b.priority
            && letter_of(a) == letter_of(b)
    };
    for group in tasks.chunk_by(is_like) {
        let Some(first) = group.first() else {
            continue;
        };
        let (lane, priority, queue) = (first.lane, first.priority, &first.queue);
        args.text(&format!("ready:{lane}:{priority}:{queue}"))
            .text(queue.as_str())
            .text(&format!("bell:{lane}:{queue}"))
            .word(letter_of(first))
            .number(group.len() as u64);
        for task in group {
            args.bytes(stored(&TaskRun::accept(task.clone(), time))?);
        }
        for task in group {
            if let Some(unique) = unique_of(task) {
                args.text(unique.key.as_str()).bytes(hold_of(task, time));
            }
        }
    }
    Ok(())
}

/// Returns the answer to a run whose key another one holds; nothing for one without a key.
fn letter_of(task: &QueuedTask) -> &'static str {
    match unique_of(task).map(|unique| unique.on_conflict) {
        None => "",
        Some(OnConflict::Refuse) => "C",
        Some(_) => "D",
    }
}

/// Packs what is written of the holder of a key, as `scripts/lib/keys.lua` reads it: it may be stored by no id.
fn hold_of(task: &QueuedTask, time: Timestamp) -> Vec<u8> {
    let mut hold = task.id.to_bytes().to_vec();
    push_six(&mut hold, time.as_millis());
    push_six(&mut hold, 0);
    hold.push(1);
    hold
}

/// Encodes a run as it stands in its ready list.
fn stored(run: &TaskRun) -> Result<Vec<u8>, WireError> {
    let mut bytes = wire::encode(run)?;
    let carried = side::carried_of(run);
    if let (false, Some(flags)) = (carried.is_empty(), bytes.get_mut(FLAGS)) {
        *flags |= CARRIES;
        bytes.extend(&carried);
        // Texts are bounded far below by their types.
        let length = u16::try_from(carried.len()).unwrap_or(u16::MAX);
        bytes.extend(length.to_be_bytes());
    }
    Ok(bytes)
}

/// Returns whether a stored run carries what stands beside others.
pub(crate) fn carries(stored: &[u8]) -> bool {
    stored.get(FLAGS).is_some_and(|flags| flags & CARRIES != 0)
}

/// Returns a stored run as others read it: without what it carries. One that is broken stays as it is, and is refused.
pub(crate) fn unburdened(stored: &[u8]) -> Cow<'_, [u8]> {
    let without = || {
        let (before, length) = stored.split_last_chunk()?;
        let length = usize::from(u16::from_be_bytes(*length));
        let mut run = before.get(..before.len().checked_sub(length)?)?.to_vec();
        *run.get_mut(FLAGS)? &= !CARRIES;
        Some(run)
    };
    let run = if carries(stored) { without() } else { None };
    run.map_or(Cow::Borrowed(stored), Cow::Owned)
}

/// What a run that is held frees when it succeeds, besides its place.
#[derive(Debug, Default)]
pub(crate) struct Frees {
    pub(crate) key: Option<Key>,
    /// The limits of how many run at once, as scripts name them.
    pub(crate) limits: Vec<Vec<u8>>,
}

impl Frees {
    /// Returns what a run frees; nothing is known of one with more beside it than it carries.
    pub(crate) fn of(run: &TaskRun, carries: bool) -> Option<Self> {
        let Some(options) = &run.options else {
            return Some(Self::default());
        };
        if !carries {
            return side::side_of(run).is_empty().then(Self::default);
        }
        let is_held = |unique: &&Unique| unique.scope == UniqueScope::UntilFinished;
        let key = options.unique.as_ref().filter(is_held);
        let limits = options
            .limits()
            .iter()
            .filter(|limit| limit.per().is_none());
        Some(Self {
            key: key.map(|unique| unique.key.clone()),
            limits: limits.map(side::name_of).collect(),
        })
    }
}

/// The place of the flags of a run, and the one that says that it carries something.
const FLAGS: usize = 1;
const CARRIES: u8 = 128;
