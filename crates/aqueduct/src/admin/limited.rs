//! How a limit that lets nothing start is told.

use std::fmt;

use aqueduct_broker_api::LimitInfo;

/// Writes what a limit lets a run wait for, and what to do about it.
pub(super) fn fmt_limited(info: &LimitInfo, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let key = info.limit.key();
    let max = info.limit.max();
    if let Some(at) = info.opens_at {
        write!(
            f,
            "the limit `{key}` lets the next run start at {at}; {} wait for it",
            info.waiting
        )?;
        // Of runs at once, only a task can have asked for a time.
        return f.write_str(if info.limit.per().is_none() {
            "; a task has held it back until then, by `retry_key_after`"
        } else {
            "; raise it with the next deploy, or wait: it is used up, or a task has held it back by `retry_key_after`"
        });
    }
    write!(
        f,
        "it waits for a place of the limit `{key}`: {} of {max} are taken",
        info.running
    )?;
    for (number, run) in info.held_by.iter().enumerate() {
        write!(f, "{} {run}", if number == 0 { ", by" } else { "," })?;
    }
    f.write_str("; raise it with the next deploy, or wait")
}
