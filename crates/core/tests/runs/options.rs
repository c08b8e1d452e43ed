//! What a run may ask for beyond the plain: nothing is written that is not asked for.

use aqueduct_core::Payload;
use aqueduct_core::payload::Params;
use aqueduct_core::run::{Fair, Follows, Limit, RunOptions, Takes, Unique};
use aqueduct_core::trace::{TraceContext, TraceState};

use crate::{NOW, SECOND, id, payload};

const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

fn context() -> TraceContext {
    TraceContext::new(PARENT.parse().unwrap())
}

/// The key of an option, and what asks for it.
type Addition = (&'static str, fn(&mut RunOptions));

#[test]
fn plain_options_are_written_as_nothing_and_read_from_nothing() {
    let plain = RunOptions::default();
    assert!(plain.is_plain());
    assert!(plain.limits().is_empty());
    assert_eq!(plain.trace(), None);
    assert_eq!(payload(&plain), Payload::empty());
    assert_eq!(Payload::empty().decode::<RunOptions>().unwrap(), plain);
}

#[test]
fn only_what_is_asked_for_is_written_and_comes_back_the_same() {
    let additions: [Addition; 7] = [
        ("deadline", |it| it.deadline = Some(NOW)),
        ("keep_result", |it| it.keep_result = Some(SECOND)),
        ("unique", |it| it.unique = Some(Unique::key("a").unwrap())),
        ("limits", |it| {
            let limit = Limit::concurrency("a", 1).unwrap();
            it.limits.set(limit).unwrap();
        }),
        ("fair", |it| it.fair = Some(Fair::key("a").unwrap())),
        ("trace_parent", |it| it.set_trace(context())),
        ("follows", |it| {
            it.follows = Some(Follows::new(vec![id(1)], Takes::Values));
        }),
    ];
    for (key, add) in additions {
        let mut options = RunOptions::default();
        add(&mut options);
        assert!(!options.is_plain(), "{key}");
        let written = payload(&options);
        assert_eq!(written.keys().unwrap(), [key]);
        assert_eq!(written.decode::<RunOptions>().unwrap(), options);
    }
}

#[test]
fn a_trace_has_the_state_that_it_came_with() {
    let mut options = RunOptions::default();
    let with_state = context().with_state(TraceState::new("vendor=7").unwrap());
    for trace in [with_state, context()] {
        options.set_trace(trace.clone());
        assert_eq!(options.trace(), Some(trace));
        let read: RunOptions = payload(&options).decode().unwrap();
        assert_eq!(read, options);
    }
}

#[test]
fn a_trace_that_is_not_in_order_is_no_reason_to_refuse_a_run() {
    let read = |parent: &str, state: &str| {
        let params = Params::new().with("trace_parent", parent);
        let params = params.with("trace_state", state).with("newer", &7);
        let options: RunOptions = params.into_payload().unwrap().decode().unwrap();
        options
    };
    assert!(read("00-nonsense", "").is_plain());
    let without_state = read(PARENT, "no member");
    assert_eq!(without_state.trace(), Some(context()));
    let state_alone = read("", "vendor=7");
    assert_eq!(state_alone.trace(), None);
}
