//! The names and the numbers of states and steps, as people and the wire know them.

use aqueduct_core::RunState;
use aqueduct_core::run::Transition;

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
