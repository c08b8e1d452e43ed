//! What stands beside a stored run: the times and texts that scripts act on (`lib/place.lua`).
//!
//! Deadline and retention in 6 bytes each, then the texts, each behind its length in 2 bytes.

use aqueduct_core::Timestamp;
use aqueduct_core::run::{RunOptions, TaskRun};

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
        side.extend(text.into_iter().take(usize::from(length)));
    }
}

/// Returns the texts, in their order.
fn texts(options: Option<&RunOptions>) -> [Vec<u8>; 1] {
    [options.map(keyed::pack).unwrap_or_default()]
}
