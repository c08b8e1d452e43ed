//! The cases: one file a concept, each case a small async function.

pub mod admin;
pub mod broken_workflows;
pub mod cancel;
pub mod checkpoint;
pub mod claim;
pub mod contention;
pub mod delay;
pub mod enqueue;
pub mod expiry;
pub mod extend;
pub mod fair;
pub mod faults;
pub mod history;
pub mod idempotency;
pub mod limits;
pub mod lost_replies;
pub mod order;
pub mod overlap;
pub mod parked;
pub mod progress;
pub mod random;
pub mod rates;
pub mod reclaim;
pub mod replace;
pub mod replay;
pub mod results;
pub mod schedules;
pub mod settle;
pub mod unique;
pub mod waits;
pub mod wake;
pub mod workflows;

use aqueduct_broker_api::Broker;

use crate::fixture::Bench;
use crate::harness::Harness;

/// What a broker declares to lack is just what its capabilities say it lacks.
///
/// # Cancel safety
///
/// Dropping the future checks nothing.
pub async fn declared_capabilities_are_true(harness: impl Harness, without: &[&str]) {
    let can = Bench::of(harness).await.broker.capabilities();
    let facts = [
        ("fenced", can.fenced),
        ("delayed", can.delayed),
        ("expiry", can.expiry),
        ("priorities", can.priorities),
        ("unique", can.unique),
        ("limits", can.limits),
        ("fair", can.fair),
        ("idempotency", can.idempotency),
        ("results", can.results),
        ("waits", can.waits),
        ("cancel", can.cancel),
        ("lookup", can.lookup),
        ("introductions", can.introductions),
        ("progress", can.progress),
        ("checkpoints", can.checkpoints),
        ("workflows", can.workflows),
        ("schedules", can.schedules),
        ("overlap", can.overlap),
    ];
    for (name, can) in facts {
        assert_eq!(
            can,
            !without.contains(&name),
            "`{name}`: declaration and capability differ"
        );
    }
    for name in without {
        assert!(
            facts.iter().any(|(known, _)| known == name),
            "`{name}` is no capability"
        );
    }
}
