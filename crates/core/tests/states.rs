//! The transition table, pair by pair, and what follows from it.

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
