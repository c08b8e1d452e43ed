//! What stands beside a stored run: the times and texts that scripts act on (`lib/place.lua`).
//!
//! Deadline and retention in 6 bytes each, then the texts, each behind its length in 2 bytes.

use std::borrow::Cow;

use aqueduct_core::Timestamp;
use aqueduct_core::run::{Follows, Limit, RunOptions, Takes, TaskRun};

use crate::items::{millis, push_six};
use crate::keyed;

/// Packs what stands beside a run; nothing for a plain one.
pub(crate) fn side_of(run: &TaskRun) -> Vec<u8> {
    let mut side = Vec::new();
    let Some(options) = &run.options else {
        return side;
    };
    if options.deadline.is_none() && options.keep_result.is_none() && !has_texts(options) {
        return side;
    }
    push_six(&mut side, options.deadline.map_or(0, Timestamp::as_millis));
    push_six(
        &mut side,
        options.keep_result.map_or(0, |keep| millis(keep) + 1),
    );
    push_texts(&mut side, Some(options));
    side
}

/// Packs what a run can carry: its keys and limits; nothing if it has none.
pub(crate) fn carried_of(run: &TaskRun) -> Vec<u8> {
    let [keys, limits, ..] = texts(run.options.as_deref());
    let mut carried = Vec::new();
    if !keys.is_empty() || !limits.is_empty() {
        push_text(&mut carried, &keys);
        push_text(&mut carried, &limits);
    }
    carried
}

/// Returns how scripts name a limit: its kind, and its key.
pub(crate) fn name_of(limit: &Limit) -> Vec<u8> {
    let mut name = vec![kind_of(limit)];
    name.extend(limit.key().as_str().bytes());
    name
}

/// Returns whether a run has a text that scripts act on.
pub(crate) fn has_texts(options: &RunOptions) -> bool {
    texts(Some(options)).iter().any(|text| !text.is_empty())
}

/// Adds the texts of a run.
pub(crate) fn push_texts(side: &mut Vec<u8>, options: Option<&RunOptions>) {
    for text in texts(options) {
        push_text(side, &text);
    }
}

fn push_text(side: &mut Vec<u8>, text: &[u8]) {
    // Each is bounded far below by its type.
    let length = u16::try_from(text.len()).unwrap_or(u16::MAX);
    side.extend(length.to_be_bytes());
    side.extend(text.iter().take(usize::from(length)));
}

/// Returns the texts, in their order: what it asks for by keys, the limits, the workflow,
/// the schedule.
fn texts(options: Option<&RunOptions>) -> [Cow<'_, [u8]>; 4] {
    let Some(options) = options else {
        return Default::default();
    };
    let schedule = options.schedule.as_ref();
    let schedule = schedule.map_or(Cow::default(), |name| Cow::from(name.as_str().as_bytes()));
    [
        Cow::from(keyed::pack(options)),
        Cow::from(shared_text(options)),
        Cow::from(workflow(options)),
        schedule,
    ]
}

/// Packs what a run shares with others as `lib/lines.lua` reads it: the length of the names, the names, and the numbers of
/// each.
fn shared_text(options: &RunOptions) -> Vec<u8> {
    let (mut text, mut names) = (Vec::new(), Vec::new());
    let limits = options.limits();
    if limits.is_empty() && options.fair.is_none() {
        return text;
    }
    if let Some(fair) = &options.fair {
        push_name(&mut names, b'f', fair.key.as_str());
    }
    for limit in limits {
        push_name(&mut names, kind_of(limit), limit.key().as_str());
    }
    text.extend(u16::try_from(names.len()).unwrap_or(u16::MAX).to_be_bytes());
    text.extend(names);
    if let Some(fair) = &options.fair {
        text.extend(u32::MAX.to_be_bytes());
        push_six(&mut text, u64::from(fair.weight.get()));
    }
    for limit in limits {
        text.extend(limit.max().to_be_bytes());
        push_six(&mut text, limit.per().map_or(0, millis));
    }
    text
}

fn push_name(names: &mut Vec<u8>, kind: u8, key: &str) {
    names.push(kind);
    names.extend(u16::try_from(key.len()).unwrap_or(u16::MAX).to_be_bytes());
    names.extend(key.as_bytes());
}

/// Returns the byte that a limit has in front of its key.
fn kind_of(limit: &Limit) -> u8 {
    if limit.per().is_some() { b'r' } else { b'c' }
}

/// Packs what a run waits for and what waits for it, as `lib/follow.lua` reads it.
fn workflow(options: &RunOptions) -> Vec<u8> {
    let (follows, followed_by) = (&options.follows, &options.followed_by);
    if follows.is_none() && followed_by.is_none() {
        return Vec::new();
    }
    let number = follows.as_ref().map_or(0, |follows| follows.runs.len());
    let number = u16::try_from(number).unwrap_or(u16::MAX);
    let mut text = number.to_be_bytes().to_vec();
    text.push(follows.as_ref().map_or(0, mode));
    let delay = follows.as_ref().and_then(|follows| follows.delay);
    push_six(&mut text, delay.map_or(0, millis));
    if let Some(next) = followed_by {
        text.extend(next.run.to_bytes());
        text.extend(next.place.to_be_bytes());
    }
    text
}

fn mode(follows: &Follows) -> u8 {
    let takes = match follows.takes {
        Takes::Nothing => 0,
        Takes::Value => TAKES_VALUES,
        Takes::Values => TAKES_VALUES | AS_A_LIST,
    };
    takes | u8::from(follows.runs_anyway)
}

/// The bits of what a follow-up takes; the lowest says that it runs anyway.
const TAKES_VALUES: u8 = 2;
const AS_A_LIST: u8 = 4;
