//! Logs of workers: events of a worker become events here, and so does what it prints.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use aqueduct_cpu_pool::{Link, LogLine};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber, debug, error, info, trace, warn};

/// Where the working thread of a worker logs to now.
static LINK: Mutex<Option<Link>> = Mutex::new(None);

/// Sends events to the parent, as long as there is work.
struct Sender {
    last_span: AtomicU64,
}

/// Ends the sending of logs when it is dropped.
pub(super) struct Sending;

/// Collects the fields of an event.
#[derive(Default)]
struct Fields {
    message: String,
    others: Vec<(String, String)>,
}

/// Begins to send the events of this process to its parent, unless it logs somewhere already.
pub(super) fn send() {
    let sender = Sender {
        last_span: AtomicU64::new(0),
    };
    // A program that has a subscriber of its own keeps it; what that prints is passed on as well.
    let _ = tracing::subscriber::set_global_default(sender);
}

/// Sends events through this link until the returned value is dropped.
pub(super) fn to(link: &Link) -> Sending {
    set(Some(link.clone()));
    Sending
}

fn set(link: Option<Link>) {
    *LINK.lock().unwrap_or_else(PoisonError::into_inner) = link;
}

impl Drop for Sending {
    fn drop(&mut self) {
        set(None);
    }
}

impl Subscriber for Sender {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        // The consumer filters by itself; details would cost a frame each.
        *metadata.level() <= Level::INFO
    }

    fn new_span(&self, _span: &Attributes<'_>) -> Id {
        Id::from_u64(self.last_span.fetch_add(1, Ordering::Relaxed) + 1)
    }

    fn record(&self, _span: &Id, _values: &Record<'_>) {}

    fn record_follows_from(&self, _span: &Id, _follows: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let link = LINK.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let Some(link) = link else {
            return;
        };
        let mut fields = Fields::default();
        event.record(&mut fields);
        let metadata = event.metadata();
        let line = LogLine::new(number(*metadata.level()), metadata.target(), fields.message);
        link.log(&line.with_fields(fields.others));
    }

    fn enter(&self, _span: &Id) {}

    fn exit(&self, _span: &Id) {}
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field, value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.add(field, format!("{value:?}"));
    }
}

impl Fields {
    fn add(&mut self, field: &Field, value: String) {
        if field.name() == "message" {
            self.message = value;
        } else {
            self.others.push((field.name().to_owned(), value));
        }
    }
}

/// Writes a line that a worker has logged into the log of this process.
pub(super) fn write(line: &LogLine) {
    let fields: Vec<String> = line
        .fields
        .iter()
        .map(|(name, value)| format!(" {name}={value}"))
        .collect();
    let (fields, from, message) = (fields.concat(), line.target.as_str(), line.message.as_str());
    match line.level {
        1 => error!(target: TARGET, from, "{message}{fields}"),
        2 => warn!(target: TARGET, from, "{message}{fields}"),
        3 => info!(target: TARGET, from, "{message}{fields}"),
        4 => debug!(target: TARGET, from, "{message}{fields}"),
        _ => trace!(target: TARGET, from, "{message}{fields}"),
    }
}

/// Passes on a line that a worker has printed: to the log, or to stderr where nobody logs.
#[expect(
    clippy::print_stderr,
    reason = "a program without a log wants to see what its tasks print"
)]
pub(super) fn printed(line: &str) {
    if tracing::dispatcher::has_been_set() {
        info!(target: PRINTED, "{line}");
    } else {
        eprintln!("{line}");
    }
}

fn number(level: Level) -> u8 {
    match level {
        Level::ERROR => 1,
        Level::WARN => 2,
        Level::INFO => 3,
        Level::DEBUG => 4,
        Level::TRACE => 5,
    }
}

/// The target of what workers log.
const TARGET: &str = "aqueduct::cpu::log";

/// The target of what workers print.
const PRINTED: &str = "aqueduct::cpu::output";
