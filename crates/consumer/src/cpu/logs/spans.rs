//! The spans of a worker: what they are called, and which one a thread is in.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt::{self, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};

/// The spans that there are.
#[derive(Debug, Default)]
pub(super) struct Spans(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    last: u64,
    spans: HashMap<u64, Span>,
}

/// One span.
#[derive(Debug)]
struct Span {
    /// `name{field=value}`, without the last brace.
    text: String,
    has_fields: bool,
    parent: Option<u64>,
    handles: usize,
}

thread_local! {
    /// The spans that this thread is in, the outermost first.
    static ENTERED: RefCell<Vec<u64>> = const { RefCell::new(Vec::new()) };
}

/// More spans are not told apart: a program that forgets theirs must not fill the memory.
const MAX_SPANS: usize = 10_000;

/// What is kept of the fields of one span, in bytes.
const MAX_TEXT_BYTES: usize = 1024;

/// So many spans around an event are told.
const MAX_DEPTH: usize = 16;

impl Spans {
    pub(super) fn add(&self, attributes: &Attributes<'_>) -> Id {
        let parent = match (attributes.parent(), attributes.is_contextual()) {
            (Some(parent), _) => Some(parent.into_u64()),
            (None, true) => entered(),
            (None, false) => None,
        };
        let mut span = Span {
            text: attributes.metadata().name().to_owned(),
            has_fields: false,
            parent,
            handles: 1,
        };
        attributes.record(&mut span);
        let mut known = self.known();
        known.last += 1;
        let id = known.last;
        if known.spans.len() < MAX_SPANS {
            if let Some(parent) = parent.and_then(|it| known.spans.get_mut(&it)) {
                parent.handles += 1;
            }
            known.spans.insert(id, span);
        }
        Id::from_u64(id)
    }

    pub(super) fn record(&self, id: &Id, values: &Record<'_>) {
        if let Some(span) = self.known().spans.get_mut(&id.into_u64()) {
            values.record(span);
        }
    }

    pub(super) fn keep(&self, id: &Id) {
        if let Some(span) = self.known().spans.get_mut(&id.into_u64()) {
            span.handles += 1;
        }
    }

    /// Gives one handle back; returns whether it was the last.
    pub(super) fn give_back(&self, id: &Id) -> bool {
        let mut known = self.known();
        let mut next = Some(id.into_u64());
        let mut is_first_gone = false;
        while let Some(id) = next.take() {
            let Some(span) = known.spans.get_mut(&id) else {
                break;
            };
            span.handles -= 1;
            if span.handles == 0 {
                is_first_gone = true;
                next = span.parent;
                known.spans.remove(&id);
            }
        }
        is_first_gone
    }

    pub(super) fn enter(id: &Id) {
        ENTERED.with_borrow_mut(|entered| entered.push(id.into_u64()));
    }

    pub(super) fn leave(id: &Id) {
        ENTERED.with_borrow_mut(|entered| {
            let at = entered.iter().rposition(|it| *it == id.into_u64());
            at.map(|at| entered.remove(at));
        });
    }

    /// Returns the spans around an event, the outermost first.
    pub(super) fn around(&self, parent: Option<&Id>, is_contextual: bool) -> Vec<String> {
        let innermost = match parent {
            Some(parent) => Some(parent.into_u64()),
            None if is_contextual => entered(),
            None => None,
        };
        let known = self.known();
        let mut next = innermost;
        let mut texts = Vec::new();
        while let Some(span) = next.and_then(|it| known.spans.get(&it))
            && texts.len() < MAX_DEPTH
        {
            texts.push(span.to_string());
            next = span.parent;
        }
        texts.reverse();
        texts
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn entered() -> Option<u64> {
    ENTERED.with_borrow(|entered| entered.last().copied())
}

impl Visit for Span {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field, &value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.add(field, value);
    }
}

impl Span {
    fn add(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if self.text.len() > MAX_TEXT_BYTES {
            return;
        }
        let before = if self.has_fields { ' ' } else { '{' };
        self.has_fields = true;
        // Writing to a string cannot fail.
        let _ = write!(self.text, "{before}{field}={value:?}");
        let end = self.text.floor_char_boundary(MAX_TEXT_BYTES);
        self.text.truncate(end);
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)?;
        f.write_str(if self.has_fields { "}" } else { "" })
    }
}
