//! Schedules: definitions, switches and last ticks.

use std::collections::BTreeMap;

use aqueduct_broker_api::{
    Fire, Fired, ReplacedDefinition, ScheduleDefinition, ScheduleEntry, ScheduleSnapshot,
    TARDY_CLOCK_ALLOWANCE, Upserted,
};
use aqueduct_core::{RunId, ScheduleName, Timestamp};

/// All schedules.
#[derive(Debug, Default)]
pub(crate) struct Schedules {
    entries: BTreeMap<ScheduleName, Stored>,
    revision: u64,
}

/// A schedule, or the memory of a removed one.
#[derive(Debug)]
struct Stored {
    entry: ScheduleEntry,
    is_removed: bool,
}

impl Schedules {
    pub(crate) fn revision(&self) -> u64 {
        self.revision
    }

    pub(crate) fn upsert(&mut self, definition: ScheduleDefinition, now: Timestamp) -> Upserted {
        let Some(stored) = self.entries.get_mut(&definition.name) else {
            let name = definition.name.clone();
            let entry = ScheduleEntry::new(definition, now);
            self.entries.insert(
                name,
                Stored {
                    entry,
                    is_removed: false,
                },
            );
            self.revision += 1;
            return Upserted::Created;
        };
        let known = stored.entry.definition.version;
        if definition.version < known || (stored.is_removed && definition.version == known) {
            return Upserted::Outdated;
        }
        if stored.is_removed {
            *stored = Stored {
                entry: ScheduleEntry::new(definition, now),
                is_removed: false,
            };
            self.revision += 1;
            return Upserted::Created;
        }
        if stored.entry.definition == definition {
            return Upserted::Unchanged;
        }
        let before = std::mem::replace(&mut stored.entry.definition, definition);
        stored.entry.replaced = Some(Box::new(ReplacedDefinition::new(before, now)));
        self.revision += 1;
        Upserted::Replaced
    }

    pub(crate) fn snapshot(&self, now: Timestamp) -> ScheduleSnapshot {
        let living = self.entries.values().filter(|stored| !stored.is_removed);
        let entries = living.map(|stored| stored.entry.clone()).collect();
        ScheduleSnapshot::new(entries, now, self.revision)
    }

    pub(crate) fn set_enabled(
        &mut self,
        name: &ScheduleName,
        enabled: bool,
        now: Timestamp,
    ) -> bool {
        let Some(entry) = self.living(name) else {
            return false;
        };
        if entry.enabled != enabled {
            entry.enabled = enabled;
            if enabled {
                entry.last_tick = entry.last_tick.max(now);
            }
            self.revision += 1;
        }
        true
    }

    pub(crate) fn remove(&mut self, name: &ScheduleName) -> bool {
        let Some(stored) = self
            .entries
            .get_mut(name)
            .filter(|stored| !stored.is_removed)
        else {
            return false;
        };
        stored.is_removed = true;
        self.revision += 1;
        true
    }

    /// Returns why a tick must not fire, or `None` if it may.
    pub(super) fn refusal(&mut self, fire: &Fire, now: Timestamp) -> Option<Fired> {
        let Some(entry) = self.living(&fire.schedule).filter(|entry| entry.enabled) else {
            return Some(Fired::Off);
        };
        if entry.definition.version != fire.version {
            return Some(Fired::Changed);
        }
        if fire.tick <= entry.last_tick {
            return Some(Fired::AlreadyDone {
                last_tick: entry.last_tick,
            });
        }
        if fire.tick > now.saturating_add(TARDY_CLOCK_ALLOWANCE) {
            return Some(Fired::TooEarly {
                wait: fire.tick.saturating_since(now),
            });
        }
        None
    }

    pub(super) fn set_last_tick(&mut self, name: &ScheduleName, tick: Timestamp) {
        if let Some(entry) = self.living(name) {
            entry.last_tick = tick;
        }
    }

    pub(super) fn last_run(&self, name: &ScheduleName) -> Option<RunId> {
        self.entries.get(name)?.entry.last_run
    }

    pub(super) fn set_last_run(&mut self, name: &ScheduleName, run: RunId) {
        if let Some(entry) = self.living(name) {
            entry.last_run = Some(run);
        }
    }

    /// Notes that a tick was dropped because the run before had not ended.
    pub(super) fn note_overlap(&mut self, name: &ScheduleName, tick: Timestamp) {
        if let Some(entry) = self.living(name) {
            entry.last_tick = tick;
            entry.overlaps += 1;
            entry.last_overlap = Some(tick);
        }
    }

    fn living(&mut self, name: &ScheduleName) -> Option<&mut ScheduleEntry> {
        let stored = self
            .entries
            .get_mut(name)
            .filter(|stored| !stored.is_removed)?;
        Some(&mut stored.entry)
    }
}
