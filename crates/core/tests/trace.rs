//! Trace parents and states: what the W3C recommendation accepts, and nothing else.

use aqueduct_core::trace::{SpanId, TraceContext, TraceId, TraceParent, TraceState};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN: &str = "00f067aa0ba902b7";

fn parsed(text: &str) -> Option<String> {
    text.parse::<TraceParent>().ok().map(|it| it.to_string())
}

#[test]
fn the_example_of_the_recommendation() {
    let text = format!("00-{TRACE}-{SPAN}-01");
    let parent: TraceParent = text.parse().unwrap();
    assert_eq!(parent.to_string(), text);
    assert_eq!(parent.trace_id().to_string(), TRACE);
    assert_eq!(parent.span_id().as_u64(), 0x00f0_67aa_0ba9_02b7);
    assert!(parent.is_sampled());
    assert!(
        !parsed(&format!("00-{TRACE}-{SPAN}-00"))
            .unwrap()
            .ends_with("01")
    );
}

#[test]
fn what_is_not_in_order_is_refused() {
    let zero_trace = "0".repeat(32);
    let upper = TRACE.to_uppercase();
    let cases = [
        String::new(),
        "00".to_owned(),
        format!("00-{TRACE}-{SPAN}"),
        format!("00-{TRACE}-{SPAN}-1"),
        format!("00-{TRACE}-{SPAN}-01-"),
        format!("00-{TRACE}-{SPAN}-01-what-the-future-will-be-like"),
        format!("00-{TRACE}-{SPAN}-0g"),
        format!("00-{zero_trace}-{SPAN}-01"),
        format!("00-{TRACE}-0000000000000000-01"),
        format!("00-{upper}-{SPAN}-01"),
        format!("00_{TRACE}_{SPAN}_01"),
        format!("00-{TRACE}{SPAN}--01"),
        format!("00-{SPAN}-{TRACE}-01"),
        format!("+0-{TRACE}-{SPAN}-01"),
        format!("0-{TRACE}-{SPAN}-01"),
        format!("ff-{TRACE}-{SPAN}-01"),
        format!("FF-{TRACE}-{SPAN}-01"),
        format!("cc-{TRACE}-{SPAN}-01.what"),
        format!(" 00-{TRACE}-{SPAN}-01"),
        format!("00-{TRACE}-{SPAN}-é"),
    ];
    for text in &cases {
        assert_eq!(parsed(text), None, "{text}");
    }
}

#[test]
fn of_a_later_version_the_known_part_is_read() {
    let known = format!("00-{TRACE}-{SPAN}-01");
    for text in [
        format!("cc-{TRACE}-{SPAN}-01"),
        format!("cc-{TRACE}-{SPAN}-01-what-the-future-will-be-like"),
        format!("00-{TRACE}-{SPAN}-fd"), // reserved flags are not passed on
    ] {
        assert_eq!(parsed(&text).as_deref(), Some(&*known), "{text}");
    }
}

#[cfg(feature = "test-util")]
#[test]
fn random_bytes_never_panic() {
    use aqueduct_core::testing::{SEED_VARIABLE, drawn_seed};

    let seed = drawn_seed();
    println!("{SEED_VARIABLE}={seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let valid = format!("00-{TRACE}-{SPAN}-01");
    for _ in 0..20_000 {
        let mut bytes = valid.clone().into_bytes();
        for _ in 0..random.usize(1..4) {
            let at = random.usize(..bytes.len());
            match random.u8(..3) {
                0 => bytes[at] = random.u8(..),
                1 => bytes.insert(at, random.u8(..)),
                _ => drop(bytes.remove(at)),
            }
        }
        let text = String::from_utf8_lossy(&bytes);
        if let Some(read) = parsed(&text) {
            assert_eq!(parsed(&read).as_deref(), Some(&*read), "{text}");
        }
        let _ = TraceState::new(text);
    }
}

#[test]
fn children_are_in_the_trace_and_have_spans_of_their_own() {
    let root = TraceContext::root().with_state(TraceState::new("a=b").unwrap());
    let child = root.child();
    assert_eq!(child.parent.trace_id(), root.parent.trace_id());
    assert_ne!(child.parent.span_id(), root.parent.span_id());
    assert_eq!(child.parent.is_sampled(), root.parent.is_sampled());
    assert_eq!(child.state, root.state);
    assert_eq!(TraceId::from_u128(0), None);
    assert_eq!(SpanId::from_u64(0), None);
    assert!(!root.parent.with_sampled(false).is_sampled());
}

#[test]
fn states_are_members_within_bounds() {
    let longest = format!("a={}", "v".repeat(510));
    for text in ["a=1", "a=1,b=2", "rojo=00f067,, congo = x y", &longest] {
        let state = TraceState::new(text).ok();
        assert_eq!(
            state.map(|it| it.to_string()).as_deref(),
            (!text.contains("go =")).then_some(text)
        );
    }
    let many = vec!["a=1"; 33].join(",");
    for text in [
        "",
        ",",
        "a",
        "=1",
        "a=\n",
        "a=é",
        &format!("{longest}v"),
        &many,
    ] {
        assert!(TraceState::new(text).is_err(), "{text}");
    }
}

#[test]
fn a_bad_state_is_left_out_and_a_bad_parent_refused() {
    let good = format!("00-{TRACE}-{SPAN}-01");
    assert_eq!(
        TraceContext::from_headers(&good, Some("bad"))
            .unwrap()
            .state,
        None
    );
    assert!(TraceContext::from_headers("bad", Some("a=1")).is_err());
}
