//! Logs of workers: events of a worker become events here.

mod sender;
mod spans;

use std::sync::{Mutex, PoisonError};

use aqueduct_cpu_pool::{Link, LogLine};
use tracing::{debug, error, info, trace, warn};

use sender::Sender;

/// Where the working thread of a worker logs to now.
static LINK: Mutex<Option<Link>> = Mutex::new(None);

/// Ends the sending of logs when it is dropped.
pub(super) struct Sending;

/// The target of the span of a run in its worker, for programs with a subscriber of their own there.
pub(super) const RUN_SPAN: &str = "aqueduct::cpu::run";

/// The target of what workers log.
const TARGET: &str = "aqueduct::cpu::log";

/// Begins to send the events of this process to its parent, unless it logs somewhere already.
pub(super) fn send() {
    // A program that has a subscriber of its own keeps it; what that prints is passed on as well.
    let _ = tracing::subscriber::set_global_default(Sender::default());
}

/// Sends events through this link until the returned value is dropped.
pub(super) fn to(link: &Link) -> Sending {
    set(Some(link.clone()));
    Sending
}

fn set(link: Option<Link>) {
    *LINK.lock().unwrap_or_else(PoisonError::into_inner) = link;
}

fn link() -> Option<Link> {
    LINK.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

impl Drop for Sending {
    fn drop(&mut self) {
        set(None);
    }
}

/// Writes a line that a worker has logged into the log of this process; the span of the run is around it.
pub(super) fn write(line: &LogLine) {
    let (from, text) = (line.target.as_str(), text_of(line));
    let spans = (!line.spans.is_empty()).then(|| line.spans.join(":"));
    let spans = spans.as_deref();
    match line.level {
        1 => error!(target: TARGET, from, spans, "{text}"),
        2 => warn!(target: TARGET, from, spans, "{text}"),
        3 => info!(target: TARGET, from, spans, "{text}"),
        4 => debug!(target: TARGET, from, spans, "{text}"),
        _ => trace!(target: TARGET, from, spans, "{text}"),
    }
}

/// Returns the message of a line and its fields.
fn text_of(line: &LogLine) -> String {
    let fields = line.fields.iter();
    let fields: Vec<String> = fields
        .map(|(name, value)| format!(" {name}={value}"))
        .collect();
    format!("{}{}", line.message, fields.concat())
}
