//! States and steps: the transition table, pair by pair, what follows from it, and the names.

use aqueduct_core::RunState::{self, *};
use aqueduct_core::run::Transition::{self, *};

/// Every allowed step; whatever is not here must be refused.
const ALLOWED: [(RunState, Transition, RunState); 20] = [
    (Scheduled, Due, Queued),
    (Scheduled, Cancel, Cancelled),
    (Scheduled, Expire, Expired),
    (Queued, Claim, Running),
    (Queued, Cancel, Cancelled),
    (Queued, Expire, Expired),
    (Running, Succeed, Succeeded),
    (Running, Retry, Retrying),
    (Running, Fail, Failed),
    (Running, Cancel, Cancelled),
    (Running, Release, Queued),
    (Running, Snooze, Scheduled),
    (Running, Park, Scheduled),
    (Running, Reclaim, Queued),
    (Retrying, Due, Queued),
    (Retrying, Cancel, Cancelled),
    (Failed, Requeue, Queued),
    (Cancelled, Requeue, Queued),
    (Expired, Requeue, Queued),
    (Cancelled, Await, Scheduled),
];

/// As people read them, in the order of their numbers.
const STATES: [&str; 8] = [
    "scheduled",
    "queued",
    "running",
    "retrying",
    "succeeded",
    "failed",
    "cancelled",
    "expired",
];

const STEPS: [&str; 13] = [
    "due", "claim", "succeed", "retry", "fail", "cancel", "expire", "release", "snooze", "park",
    "reclaim", "requeue", "await",
];

#[test]
fn every_pair_is_as_documented() {
    for from in RunState::ALL {
        for step in Transition::ALL {
            let expected = ALLOWED.iter().find(|it| (it.0, it.1) == (from, step));
            assert_eq!(
                from.after(step),
                expected.map(|it| it.2),
                "{from} by {step}"
            );
        }
    }
}

#[test]
fn only_a_requeue_leaves_a_final_state() {
    for state in RunState::ALL.into_iter().filter(|state| state.is_final()) {
        let others = |step: &Transition| !matches!(step, Requeue | Await);
        for step in Transition::ALL.into_iter().filter(others) {
            assert_eq!(state.after(step), None, "{state} by {step}");
        }
    }
}

#[test]
fn each_state_has_a_name_and_a_number_on_the_wire() {
    for ((number, state), name) in (0..).zip(RunState::ALL).zip(STATES) {
        assert_eq!(state.number(), number, "{state}");
        assert_eq!(RunState::from_number(number), Some(state));
        assert_eq!(state.to_string(), name);
    }
    for unknown in [8, 255] {
        assert_eq!(RunState::from_number(unknown), None);
    }
}

#[test]
fn the_last_four_states_are_final() {
    let finals: Vec<&RunState> = RunState::ALL.iter().filter(|it| it.is_final()).collect();
    assert_eq!(finals, RunState::ALL[4..].iter().collect::<Vec<_>>());
}

#[test]
fn each_step_has_a_name() {
    let names = Transition::ALL.map(|step| step.to_string());
    assert_eq!(names, STEPS);
}
