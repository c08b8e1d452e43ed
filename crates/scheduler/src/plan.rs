//! The plan: from a stored schedule and the broker's time to what fires now, and when to look again.
//! Pure.

use aqueduct_broker_api::{Fire, ScheduleEntry};
use aqueduct_core::Timestamp;

use crate::missed::{Due, MissedTicks};

/// What to do about one schedule.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Plan {
    /// What to send to the broker now, in order.
    pub(crate) fires: Vec<Fire>,
    /// When to look at the schedule again, by the broker's clock; `None` for never.
    pub(crate) next: Option<Timestamp>,
}

/// Returns what to do about a schedule when the broker's clock shows `now`.
///
/// With jitter a tick fires late by its share: until then it is not due.
pub(crate) fn plan(entry: &ScheduleEntry, policy: MissedTicks, now: Timestamp) -> Plan {
    let definition = &entry.definition;
    if !entry.enabled {
        return Plan {
            fires: Vec::new(),
            next: None,
        };
    }
    let schedule = &definition.schedule;
    let fire_at = |tick| schedule.fire_at(&definition.name, tick);
    let (fires, done_up_to) = match policy.due(schedule, entry.last_tick, now) {
        Due::Nothing => (Vec::new(), entry.last_tick),
        Due::Skip(tick) => (vec![Fire::skip(definition, tick)], tick),
        Due::Fire(mut ticks) => {
            // The latest tick may still wait for its share of the jitter.
            let waits = ticks.pop_if(|tick| fire_at(*tick) > now);
            let next = waits.map(fire_at);
            let fires: Vec<Fire> = ticks
                .iter()
                .map(|tick| Fire::tick(definition, *tick))
                .collect();
            if next.is_some() {
                return Plan { fires, next };
            }
            (fires, ticks.last().copied().unwrap_or(entry.last_tick))
        }
    };
    let next = schedule
        .next_after(done_up_to.max(entry.last_tick))
        .map(fire_at);
    Plan { fires, next }
}
