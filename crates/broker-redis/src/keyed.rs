//! What a run asks for by keys, packed for scripts (`lib/keys.lua`): the first text beside a run.

use std::time::Duration;

use aqueduct_core::run::{OnConflict, RunOptions, Unique, UniqueScope};

use crate::items::{millis, push_six};

/// Packs the keys of a run; nothing if it has none.
pub(crate) fn pack(options: &RunOptions) -> Vec<u8> {
    let (unique, idempotency) = (&options.unique, &options.idempotency);
    let mut bytes = Vec::new();
    if unique.is_none() && idempotency.is_none() {
        return bytes;
    }
    push_unique(&mut bytes, unique.as_ref());
    if let Some(idempotency) = idempotency {
        push_six(&mut bytes, window(idempotency.window));
        bytes.extend_from_slice(idempotency.key.as_str().as_bytes());
    }
    bytes
}

fn push_unique(bytes: &mut Vec<u8>, unique: Option<&Unique>) {
    let (scope, in_scope) = match unique.map(|unique| unique.scope) {
        None => (0, 0),
        Some(UniqueScope::Queued) => (1, 0),
        Some(UniqueScope::Window(time)) => (3, window(time)),
        // A scope of a later release holds the longest that this one knows.
        Some(UniqueScope::UntilFinished | _) => (2, 0),
    };
    let on_conflict = match unique.map(|unique| unique.on_conflict) {
        Some(OnConflict::Replace) => 1,
        Some(OnConflict::Refuse) => 2,
        _ => 0,
    };
    let put_off = unique.and_then(|unique| unique.put_off_at_most);
    let key = unique.map_or("", |unique| unique.key.as_str());
    bytes.extend([scope, on_conflict]);
    push_six(bytes, in_scope);
    push_six(bytes, put_off.map_or(0, |longest| millis(longest) + 1));
    // A key is bounded far below by its type.
    bytes.extend(u16::try_from(key.len()).unwrap_or(u16::MAX).to_be_bytes());
    bytes.extend_from_slice(key.as_bytes());
}

/// A window of no time would last for ever.
fn window(time: Duration) -> u64 {
    millis(time).max(1)
}
