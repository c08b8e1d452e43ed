//! The pure parts, at their edges: what is due, what fires, when to look again.

use std::time::Duration;

use aqueduct_broker_api::{Fire, Fired, ScheduleDefinition, ScheduleEntry, ScheduleSnapshot};
use aqueduct_core::{Schedule, ScheduleName, TaskName, Timestamp};

use crate::agenda::Agenda;
use crate::missed::{MAX_CATCH_UP, MissedTicks};
use crate::plan::plan;

const NAME: ScheduleName = ScheduleName::from_static("often");
const PERIOD: u64 = 10_000;

/// The tick of that number.
fn tick(number: u64) -> Timestamp {
    Timestamp::from_millis(number * PERIOD)
}

fn entry(last_tick: u64) -> ScheduleEntry {
    let every = Schedule::every(Duration::from_millis(PERIOD)).unwrap();
    entry_of(every, last_tick)
}

fn entry_of(schedule: Schedule, last_tick: u64) -> ScheduleEntry {
    let definition = ScheduleDefinition::new(NAME, schedule, TaskName::from_static("a"));
    ScheduleEntry::new(definition, tick(last_tick))
}

/// Returns the ticks that fire, the negative numbers those that are skipped, and when to look again.
fn planned(
    entry: &ScheduleEntry,
    policy: MissedTicks,
    now: Timestamp,
) -> (Vec<i64>, Option<Timestamp>) {
    let plan = plan(entry, policy, now);
    let number = |fire: &Fire| {
        let number = i64::try_from(fire.tick.as_millis() / PERIOD).unwrap();
        if fire.run.is_some() { number } else { -number }
    };
    (plan.fires.iter().map(number).collect(), plan.next)
}

fn late(number: u64, millis: u64) -> Timestamp {
    tick(number).saturating_add(Duration::from_millis(millis))
}

#[test]
fn nothing_is_due_before_the_next_tick() {
    let next = Some(tick(6));
    for policy in [
        MissedTicks::Skip,
        MissedTicks::Once,
        MissedTicks::All { max: 9 },
    ] {
        assert_eq!(planned(&entry(5), policy, tick(5)), (vec![], next));
        assert_eq!(
            planned(&entry(5), policy, late(5, PERIOD - 1)),
            (vec![], next)
        );
        assert_eq!(
            planned(&entry(5), policy, tick(6)),
            (vec![6], Some(tick(7)))
        );
        assert_eq!(
            planned(&entry(5), policy, late(6, 1000)),
            (vec![6], Some(tick(7)))
        );
    }
}

#[test]
fn what_was_missed_is_treated_by_the_policy() {
    let missed = |policy| planned(&entry(5), policy, late(9, 1001)).0;
    assert_eq!(missed(MissedTicks::Skip), [-9]);
    assert_eq!(missed(MissedTicks::Once), [9]);
    assert_eq!(missed(MissedTicks::All { max: 0 }), [9]);
    assert_eq!(missed(MissedTicks::All { max: 2 }), [8, 9]);
    assert_eq!(missed(MissedTicks::All { max: 4 }), [6, 7, 8, 9]);
    assert_eq!(missed(MissedTicks::All { max: 5 }), [6, 7, 8, 9]);
    let all = MissedTicks::All { max: usize::MAX };
    let (fires, next) = planned(&entry(0), all, tick(5000));
    assert_eq!((fires.len(), next), (MAX_CATCH_UP, Some(tick(5001))));
    // The latest is on time: those before it are not made up for.
    let (fires, _) = planned(&entry(5), MissedTicks::Skip, late(9, 1000));
    assert_eq!(fires, [9]);
}

#[test]
fn a_schedule_that_is_off_is_not_looked_at_again() {
    let mut off = entry(5);
    off.enabled = false;
    assert_eq!(planned(&off, MissedTicks::Once, tick(9)), (vec![], None));
}

#[test]
fn with_jitter_the_latest_tick_waits_for_its_share() {
    let every = Schedule::every(Duration::from_millis(PERIOD)).unwrap();
    let jittered = every.jitter(Duration::from_secs(5)).unwrap();
    let share = |number| jittered.fire_at(&NAME, tick(number));
    assert!(share(9) > tick(9), "the share of this tick is not zero");
    let entry = entry_of(jittered.clone(), 7);
    let before = share(9).saturating_sub(Duration::from_millis(1));
    let all = MissedTicks::All { max: 9 };
    assert_eq!(planned(&entry, all, before), (vec![8], Some(share(9))));
    assert_eq!(
        planned(&entry, MissedTicks::Once, before),
        (vec![], Some(share(9)))
    );
    assert_eq!(
        planned(&entry, all, share(9)),
        (vec![8, 9], Some(share(10)))
    );
}

#[test]
fn the_agenda_takes_out_what_is_to_be_looked_at_and_no_more() {
    let named = |name: &str| {
        let mut entry = entry(5);
        entry.definition.name = name.parse().unwrap();
        entry
    };
    let entries = vec![named("a"), named("b"), named("c")];
    let mut agenda = Agenda::of(ScheduleSnapshot::new(entries, tick(5), 3));
    assert_eq!((agenda.revision, agenda.next_look()), (3, Some(tick(5))));
    let once = |_: &ScheduleName| MissedTicks::Once;
    let before = tick(5).saturating_sub(Duration::from_millis(1));
    assert!(agenda.due(once, before, 9).is_empty());
    let first = agenda.due(once, tick(5), 2);
    assert_eq!(first.len(), 2);
    for (name, plan) in first {
        assert_eq!(plan.fires, []);
        agenda.put_back(name, plan.next);
    }
    let rest = agenda.due(once, tick(5), 9);
    assert_eq!(rest.len(), 1, "the others are to be looked at later");
    agenda.put_back(rest[0].0.clone(), None);
    assert_eq!(agenda.next_look(), Some(tick(6)));
    assert_eq!(
        agenda.due(once, tick(6), 9).len(),
        2,
        "what has no next tick is gone"
    );
    assert_eq!(agenda.next_look(), None);
}

#[test]
fn the_agenda_notes_what_became_of_a_tick() {
    let after = |fired| {
        let mut agenda = Agenda::of(ScheduleSnapshot::new(vec![entry(5)], tick(9), 0));
        let is_current = agenda.note(&NAME, tick(7), fired);
        let (_, plan) = agenda
            .due(|_| MissedTicks::All { max: 9 }, tick(9), 9)
            .remove(0);
        (is_current, plan.fires.len())
    };
    assert_eq!(after(Fired::Fired(None)), (true, 2));
    let done = |number| Fired::AlreadyDone {
        last_tick: tick(number),
    };
    assert_eq!(after(done(8)), (true, 1));
    assert_eq!(after(done(3)), (true, 4), "it does not go back");
    let wait = Duration::from_secs(1);
    assert_eq!(after(Fired::TooEarly { wait }), (true, 4));
    assert_eq!(after(Fired::QueueFull), (true, 4));
    assert_eq!(after(Fired::Changed), (false, 4));
    assert_eq!(after(Fired::Off), (false, 4));
}
