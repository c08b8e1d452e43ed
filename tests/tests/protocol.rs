//! Every state of the protocol as a small model: what is promised, what needs which part, and what a failover ends.

use integration::protocol::search::{Found, NOT_STUCK, search};
use integration::protocol::{Bounds, Protocol, Without};

/// Nothing goes wrong.
const QUIET: Bounds = Bounds {
    runs: 1,
    faults: 0,
    stalls: 0,
    crashes: 0,
    failovers: 0,
};

#[expect(
    clippy::print_stdout,
    reason = "whoever runs the test wants to know how much it looked at"
)]
fn show(name: &str, found: &Found) {
    let (states, steps) = (found.states, found.steps);
    println!("{name}: {states} states, {steps} steps between them");
    if let Some((promise, way)) = &found.broken {
        println!("  not so: {promise}\n    {}", way.join("\n    "));
    }
}

#[test]
fn every_promise_holds_in_every_state() {
    let (runs, faults, stalls, crashes) = (2, 1, 1, 1);
    let bounds = [
        Bounds { runs, ..QUIET },
        Bounds {
            runs,
            faults,
            ..QUIET
        },
        Bounds {
            runs,
            stalls,
            ..QUIET
        },
        Bounds {
            runs,
            crashes,
            ..QUIET
        },
        Bounds { faults: 2, ..QUIET },
        Bounds {
            faults,
            stalls,
            ..QUIET
        },
        Bounds {
            faults,
            crashes,
            ..QUIET
        },
    ];
    for bounds in bounds {
        let found = search(&Protocol::new(bounds));
        show(&format!("{bounds:?}"), &found);
        assert!(found.broken.is_none(), "{:?}", found.broken);
        assert!(found.states > 10, "the model has become trivial");
    }
}

/// Each part is needed: without it the promise beside it is broken.
#[test]
fn each_part_of_the_protocol_is_needed() {
    let (faults, stalls, crashes) = (1, 1, 1);
    let once = "a success is recorded once";
    let not_in_vain = "a success whose lease was trusted all the time is recorded";
    let alone = "two that trust their lease do not run the same";
    let crash = Bounds {
        faults,
        crashes,
        ..QUIET
    };
    let stall = Bounds {
        faults,
        stalls,
        ..QUIET
    };
    let needed = [
        (Without::Fence, crash, once),
        (
            Without::AttemptInFence,
            Bounds { stalls: 2, ..stall },
            not_in_vain,
        ),
        (Without::Replay, Bounds { faults, ..QUIET }, not_in_vain),
        (Without::ReplayOfEnqueues, Bounds { faults, ..QUIET }, once),
        (Without::Margin, QUIET, alone),
        (Without::Reclaim, Bounds { crashes, ..QUIET }, NOT_STUCK),
        (Without::GivingBack, stall, NOT_STUCK),
    ];
    for (part, bounds, promise) in needed {
        let found = search(&Protocol::new(bounds).without(part));
        show(&format!("without {part:?}"), &found);
        let broken = found.broken.map(|(broken, _)| broken);
        assert_eq!(broken, Some(promise), "without {part:?}");
    }
}

/// A failover that drops the last writes ends some promises; but nothing that is stored gets stuck.
#[test]
fn a_failover_ends_promises_but_nothing_gets_stuck() {
    let bounds = Bounds {
        failovers: 1,
        ..QUIET
    };
    let found = search(&Protocol::new(bounds));
    show("failover", &found);
    assert!(found.broken.is_none(), "{:?}", found.broken);
    let mut strict = Protocol::new(bounds);
    strict.is_strict = true;
    let found = search(&strict);
    show("failover, as if nothing was dropped", &found);
    assert!(found.broken.is_some(), "a failover ends no promise");
}
