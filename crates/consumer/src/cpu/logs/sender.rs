//! The subscriber of a worker: its events go to the consumer, with the spans around them.

use std::fmt;

use aqueduct_cpu_pool::LogLine;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

use super::spans::Spans;
use super::{RUN_SPAN, link};

/// Sends events to the parent; those without work go to stderr, which the parent logs as well.
#[derive(Debug, Default)]
pub(super) struct Sender {
    spans: Spans,
}

/// Collects the fields of an event.
#[derive(Default)]
struct Fields {
    message: String,
    others: Vec<(String, String)>,
}

impl Subscriber for Sender {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        // The consumer filters by itself; details would cost a frame each. It has the span of the run too.
        *metadata.level() <= Level::INFO && metadata.target() != RUN_SPAN
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        self.spans.add(span)
    }

    fn record(&self, span: &Id, values: &Record<'_>) {
        self.spans.record(span, values);
    }

    fn record_follows_from(&self, _span: &Id, _follows: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let metadata = event.metadata();
        let line = LogLine::new(number(*metadata.level()), metadata.target(), fields.message)
            .with_fields(fields.others)
            .with_spans(self.spans.around(event.parent(), event.is_contextual()));
        match link() {
            Some(link) => link.log(&line),
            None => print(*metadata.level(), &line),
        }
    }

    fn enter(&self, span: &Id) {
        Spans::enter(span);
    }

    fn exit(&self, span: &Id) {
        Spans::leave(span);
    }

    fn clone_span(&self, span: &Id) -> Id {
        self.spans.keep(span);
        span.clone()
    }

    fn try_close(&self, span: Id) -> bool {
        self.spans.give_back(&span)
    }
}

/// Says what there is no work for: while the state of the worker is made, for example.
#[expect(
    clippy::print_stderr,
    reason = "stderr of a worker is the log of its parent"
)]
fn print(level: Level, line: &LogLine) {
    eprintln!("{level} {}: {}", line.target, super::text_of(line));
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

fn number(level: Level) -> u8 {
    match level {
        Level::ERROR => 1,
        Level::WARN => 2,
        Level::INFO => 3,
        Level::DEBUG => 4,
        Level::TRACE => 5,
    }
}
