//! What stands beside a stored run: the times and texts that scripts act on (`lib/place.lua`).
//!
//! Deadline and retention in 6 bytes each, then the texts, each behind its length in 2 bytes.

use std::borrow::Cow;

use aqueduct_core::Timestamp;
use aqueduct_core::run::{Limit, RunOptions, TaskRun};

use crate::items::{millis, push_six};

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

/// Returns whether a run has a text that scripts act on.
pub(crate) fn has_texts(options: &RunOptions) -> bool {
    texts(Some(options)).iter().any(|text| !text.is_empty())
}

/// Adds the texts of a run.
pub(crate) fn push_texts(side: &mut Vec<u8>, options: Option<&RunOptions>) {
    for text in texts(options) {
        // Each is bounded far below by its type.
        let length = u16::try_from(text.len()).unwrap_or(u16::MAX);
        side.extend(length.to_be_bytes());
        side.extend(text.iter().take(usize::from(length)));
    }
}

/// Returns the texts, in their order.
fn texts(options: Option<&RunOptions>) -> [Cow<'_, [u8]>; 2] {
    let unique = options.and_then(|options| options.unique.as_ref());
    let unique = unique.map_or("", |key| key.as_str());
    let limits = options.map_or(&[][..], RunOptions::limits);
    [unique.as_bytes().into(), limits_text(limits).into()]
}

/// Packs limits as `lib/limits.lua` reads them: the length of the names, the names, and the numbers of each.
fn limits_text(limits: &[Limit]) -> Vec<u8> {
    let (mut text, mut names) = (Vec::new(), Vec::new());
    if limits.is_empty() {
        return text;
    }
    for limit in limits {
        let key = limit.key().as_str().as_bytes();
        names.push(kind_of(limit));
        names.extend(u16::try_from(key.len()).unwrap_or(u16::MAX).to_be_bytes());
        names.extend(key);
    }
    text.extend(u16::try_from(names.len()).unwrap_or(u16::MAX).to_be_bytes());
    text.extend(names);
    for limit in limits {
        text.extend(limit.max().to_be_bytes());
        push_six(&mut text, limit.per().map_or(0, millis));
    }
    text
}

/// Returns the byte that a limit has in front of its key.
pub(crate) fn kind_of(limit: &Limit) -> u8 {
    if limit.per().is_some() { b'r' } else { b'c' }
}
