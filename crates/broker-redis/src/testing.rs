//! What tests of other packages need of this crate: the readers of replies.

use bytes::Bytes;
use fred::types::Value;

use crate::decode::{self, admin};
use crate::link::Reply;

/// Reads a reply with the reader that its first byte names; nothing it says may be more than refused.
///
/// Readers `0` and `1` read plain bytes, the others a reply in a small notation: `*` and a count of parts, `$` and a length
/// and a text, `:` and a number; each count, length and number in one byte; anything else is nothing.
pub fn read_reply(input: &[u8]) {
    let Some((reader, bytes)) = input.split_first() else {
        return;
    };
    let reply = || Reply::from(value(&mut { bytes }, DEPTH));
    match reader {
        b'0' => drop(decode::enqueued(bytes)),
        b'1' => drop(decode::settled(bytes)),
        b'2' => drop(decode::cancels(reply())),
        b'3' => drop(admin::paused_scopes(reply())),
        b'4' => drop(admin::scanned(reply())),
        b'5' => drop(admin::task_infos(reply())),
        b'6' => drop(admin::consumer_infos(reply())),
        b'7' => drop(admin::holders(reply())),
        b'8' => drop(admin::reports(reply())),
        b'9' => drop(admin::texts(reply())),
        b'a' => drop(admin::purged(reply())),
        b'b' => drop(admin::cancelled(reply())),
        b'c' => drop(decode::run_ids(bytes)),
        _ => {
            let (run, report) = bytes.split_at(bytes.len() / 2);
            drop(decode::held_run(run, report));
        }
    }
}

/// How deep parts may be in parts.
const DEPTH: usize = 4;

fn value(rest: &mut &[u8], depth: usize) -> Value {
    let Some((kind, after)) = rest.split_first() else {
        return Value::Null;
    };
    *rest = after;
    let Some((number, after)) = rest.split_first() else {
        return Value::Null;
    };
    match kind {
        b'*' if depth > 0 => {
            *rest = after;
            let parts = (0..*number).map(|_| value(rest, depth - 1));
            Value::Array(parts.collect())
        }
        b'$' => {
            let length = usize::from(*number).min(after.len());
            let (text, after) = after.split_at(length);
            *rest = after;
            Value::Bytes(Bytes::copy_from_slice(text))
        }
        b':' => {
            *rest = after;
            Value::Integer(i64::from(*number) - 128)
        }
        _ => Value::Null,
    }
}
