//! The schedules of the model.

use std::collections::BTreeMap;

use aqueduct_broker_api::{
    Enqueued, Fire, Fired, ReplacedDefinition, ScheduleDefinition, ScheduleEntry, ScheduleVersion,
    TARDY_CLOCK_ALLOWANCE, Upserted,
};
use aqueduct_core::schedule::Overlap;
use aqueduct_core::{RunId, ScheduleName, Timestamp};

use super::Model;

#[derive(Debug, Default)]
pub(super) struct Schedules {
    pub(super) entries: BTreeMap<ScheduleName, ScheduleEntry>,
    removed: BTreeMap<ScheduleName, ScheduleVersion>,
    pub(super) revision: u64,
}

impl Schedules {
    pub(super) fn upsert(&mut self, definition: ScheduleDefinition, now: Timestamp) -> Upserted {
        let name = definition.name.clone();
        if self
            .removed
            .get(&name)
            .is_some_and(|removed| definition.version <= *removed)
        {
            return Upserted::Outdated;
        }
        let Some(entry) = self.entries.get_mut(&name) else {
            self.entries
                .insert(name, ScheduleEntry::new(definition, now));
            self.revision += 1;
            return Upserted::Created;
        };
        if definition.version < entry.definition.version {
            return Upserted::Outdated;
        }
        if definition == entry.definition {
            return Upserted::Unchanged;
        }
        let before = std::mem::replace(&mut entry.definition, definition);
        entry.replaced = Some(Box::new(ReplacedDefinition::new(before, now)));
        self.revision += 1;
        Upserted::Replaced
    }

    pub(super) fn set_enabled(&mut self, name: &ScheduleName, on: bool, now: Timestamp) -> bool {
        let Some(entry) = self.entries.get_mut(name) else {
            return false;
        };
        if entry.enabled != on {
            entry.enabled = on;
            self.revision += 1;
            if on {
                entry.last_tick = entry.last_tick.max(now);
            }
        }
        true
    }

    pub(super) fn remove(&mut self, name: &ScheduleName) -> bool {
        let Some(entry) = self.entries.remove(name) else {
            return false;
        };
        self.removed.insert(name.clone(), entry.definition.version);
        self.revision += 1;
        true
    }
}

impl Model {
    pub(super) fn fire(&mut self, fire: &Fire, now: Timestamp) -> Fired {
        let Some(entry) = self
            .schedules
            .entries
            .get(&fire.schedule)
            .filter(|it| it.enabled)
        else {
            return Fired::Off;
        };
        if entry.definition.version != fire.version {
            return Fired::Changed;
        }
        if fire.tick <= entry.last_tick {
            return Fired::AlreadyDone {
                last_tick: entry.last_tick,
            };
        }
        if fire.tick > now.saturating_add(TARDY_CLOCK_ALLOWANCE) {
            return Fired::TooEarly {
                wait: fire.tick.saturating_since(now),
            };
        }
        let mut id = fire.run.as_ref().map(|run| run.id);
        let last = entry.last_run;
        let is_open = |run: &&RunId| self.find(**run).is_some_and(|run| !run.state.is_final());
        let open = last
            .as_ref()
            .filter(is_open)
            .copied()
            .filter(|_| id.is_some());
        let skipped = open.filter(|_| fire.overlap == Overlap::Skip);
        let is_stored = match &fire.run {
            Some(run) if skipped.is_none() => match self.store(run, now) {
                Enqueued::QueueFull { .. } => return Fired::QueueFull,
                Enqueued::Accepted(_) => true,
                answer => {
                    id = match answer {
                        Enqueued::Duplicate(holder) | Enqueued::Replaced(holder) => Some(holder),
                        _ => None,
                    };
                    false
                }
            },
            _ => false,
        };
        if let Some(entry) = self.schedules.entries.get_mut(&fire.schedule) {
            entry.last_tick = fire.tick;
            entry.last_run = if is_stored { id } else { entry.last_run };
            if skipped.is_some() {
                entry.overlaps += 1;
                entry.last_overlap = Some(fire.tick);
            }
        }
        if let Some(run) = skipped {
            return Fired::Overlapped { run };
        }
        if let Some(run) = open.filter(|_| is_stored && fire.overlap == Overlap::CancelPrevious) {
            self.cancel(run, &fire.reason(), now);
        }
        Fired::Fired(id)
    }
}
