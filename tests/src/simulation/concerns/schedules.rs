//! Schedules: each tick of each fires once, whoever fires it, how often, and with what knowledge.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use aqueduct::broker_api::{
    Fired, ScheduleDefinition, ScheduleStore, ScheduleVersion, TARDY_CLOCK_ALLOWANCE, Upserted,
};
use aqueduct::{Schedule, ScheduleName, TaskName, Timestamp};

use super::{Act, Concern, PLAIN};
use crate::simulation::at_once;
use crate::simulation::event::{Deed, Heard};
use crate::simulation::law::{Law, check};
use crate::simulation::network::Fate;
use crate::simulation::world::World;

pub(super) const SCHEDULES: Concern = Concern {
    acts: &[
        (10, |dice| {
            Arc::new(Tick {
                place: dice.usize(..8),
                pick: dice.usize(..8),
                lists: dice.u32(..3) == 0,
                fate: Fate::draw(dice),
            })
        }),
        (2, |dice| {
            Arc::new(Define {
                name: dice.usize(..NAMES.len()),
                version: dice.u64(..4),
                millis: dice.u64(300..2000),
            })
        }),
        (1, |dice| {
            let (name, enabled) = (dice.usize(..NAMES.len()), dice.u32(..3) > 0);
            Arc::new(Switch { name, enabled })
        }),
        (1, |dice| Arc::new(Remove(dice.usize(..NAMES.len())))),
    ],
    laws: || vec![Box::<Ticks>::default()],
    ..PLAIN
};

/// The schedules that there may be.
const NAMES: [&str; 2] = ["early", "late"];

/// A scheduler fires the latest tick, as far as it knows.
#[derive(Debug)]
struct Tick {
    place: usize,
    pick: usize,
    lists: bool,
    fate: Fate,
}

/// A process stores a definition.
#[derive(Debug)]
struct Define {
    name: usize,
    version: u64,
    millis: u64,
}

/// Somebody switches a schedule on or off.
#[derive(Debug)]
struct Switch {
    name: usize,
    enabled: bool,
}

/// Somebody removes a schedule.
#[derive(Debug)]
struct Remove(usize);

impl Act for Tick {
    fn take(&self, world: &mut World, _: &[Concern]) {
        world.fire(self.place, self.pick, self.lists, self.fate);
    }
}

impl Act for Define {
    fn take(&self, world: &mut World, _: &[Concern]) {
        let every = Schedule::every(Duration::from_millis(self.millis));
        let name = ScheduleName::from_static(NAMES[self.name]);
        let task = TaskName::from_static("one");
        let definition = ScheduleDefinition::new(name, every.expect("a period"), task)
            .with_version(ScheduleVersion::from_number(self.version));
        at_once(world.broker.upsert(&[definition])).expect("an answer");
    }
}

impl Act for Switch {
    fn take(&self, world: &mut World, _: &[Concern]) {
        let name = ScheduleName::from_static(NAMES[self.name]);
        at_once(world.broker.set_enabled(&name, self.enabled)).expect("an answer");
    }
}

impl Act for Remove {
    fn take(&self, world: &mut World, _: &[Concern]) {
        let name = ScheduleName::from_static(NAMES[self.0]);
        at_once(world.broker.remove(&name)).expect("an answer");
    }
}

/// A tick fires once, not before its time, and the last tick of a schedule never goes back.
#[derive(Default)]
struct Ticks {
    /// How often each schedule was made anew: then its last tick is the broker's now.
    made: BTreeMap<ScheduleName, u64>,
    fired: BTreeSet<(ScheduleName, u64, Timestamp)>,
}

impl Law for Ticks {
    fn hear(&mut self, heard: &Heard<'_>) -> Result<(), String> {
        if let Deed::Upserted {
            definitions,
            answers,
        } = heard.deed
        {
            for (definition, answer) in definitions.iter().zip(answers) {
                if *answer == Upserted::Created {
                    *self.made.entry(definition.name.clone()).or_default() += 1;
                }
            }
        }
        for (name, entry) in &heard.after.schedules {
            let before = heard.before.schedules.get(name);
            let before = before.map_or(Timestamp::MIN, |it| it.last_tick);
            check(entry.last_tick >= before, || {
                format!("the last tick of {name} goes back from {before}: {entry:?}")
            })?;
        }
        let Deed::Fired { fire, fired } = heard.deed else {
            return Ok(());
        };
        let entry = heard.before.schedules.get(&fire.schedule);
        match *fired {
            Fired::Fired(_) => {
                let made = self.made.get(&fire.schedule).copied().unwrap_or(0);
                let tick = (fire.schedule.clone(), made, fire.tick);
                check(self.fired.insert(tick), || format!("{fire:?} fires twice"))?;
                let latest = heard.now.saturating_add(TARDY_CLOCK_ALLOWANCE);
                check(fire.tick <= latest, || format!("{fire:?} fires early"))?;
                let version = entry.map(|it| (it.enabled, it.definition.version));
                check(version == Some((true, fire.version)), || {
                    format!("{fire:?} fires, and stored was {entry:?}")
                })
            }
            Fired::AlreadyDone { last_tick } => {
                let is_so =
                    fire.tick <= last_tick && entry.map(|it| it.last_tick) == Some(last_tick);
                check(is_so, || format!("{fire:?} is not done: {entry:?}"))
            }
            _ => Ok(()),
        }
    }
}
