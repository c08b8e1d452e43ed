//! Schedules and their ticks.

use std::time::Duration;

use aqueduct_broker_api::{
    Fire, Fired, ReplacedDefinition, ScheduleDefinition, ScheduleEntry, ScheduleStore,
    ScheduleVersion, Upserted,
};
use aqueduct_core::run::RunOptions;
use aqueduct_core::{Schedule, ScheduleName, Timestamp};

use crate::fixture::{Bench, task_name, within};

const PERIOD: Duration = Duration::from_secs(10);

fn definition(version: u64, task: &str) -> ScheduleDefinition {
    let name: ScheduleName = "nightly".parse().unwrap();
    ScheduleDefinition::new(name, Schedule::every(PERIOD).unwrap(), task_name(task))
        .with_version(ScheduleVersion::from_number(version))
}

async fn upsert(bench: &Bench, definition: ScheduleDefinition) -> Upserted {
    bench
        .schedules()
        .upsert(&[definition])
        .await
        .unwrap()
        .remove(0)
}

async fn entries(bench: &Bench) -> Vec<ScheduleEntry> {
    bench.schedules().list().await.unwrap().entries
}

async fn fire(bench: &Bench, fire: Fire) -> Fired {
    bench.schedules().fire(&fire).await.unwrap()
}

/// Stores the schedule and moves on to its first tick.
async fn first_tick(bench: &Bench) -> (ScheduleDefinition, Timestamp) {
    let definition = definition(1, "a");
    assert_eq!(upsert(bench, definition.clone()).await, Upserted::Created);
    let tick = definition.schedule.next_after(bench.now()).unwrap();
    bench.advance(tick.saturating_since(bench.now())).await;
    (definition, tick)
}

/// A tick enqueues its run once, whoever asks and however often.
pub async fn a_tick_fires_once(bench: Bench) {
    let (definition, tick) = first_tick(&bench).await;
    let id = definition.run_at(tick).id;
    assert_eq!(
        fire(&bench, Fire::tick(&definition, tick)).await,
        Fired::Fired(Some(id))
    );
    assert_eq!(entries(&bench).await[0].last_tick, tick);
    let lease = bench.consumer().claim_one().await;
    assert_eq!((lease.run().id, lease.run().task.as_str()), (id, "a"));
}

/// The run of a tick asks for what its definition says, and the definition is the same as before.
pub async fn a_run_has_what_its_schedule_asks_for(bench: Bench) {
    let mut options = RunOptions::default();
    options.keep_result = Some(PERIOD);
    options.total_timeout = Some(PERIOD);
    let definition = definition(1, "a")
        .with_options(options.clone())
        .with_expiry(Some(PERIOD));
    assert_eq!(upsert(&bench, definition.clone()).await, Upserted::Created);
    assert_eq!(
        upsert(&bench, definition.clone()).await,
        Upserted::Unchanged
    );
    assert_eq!(entries(&bench).await[0].definition, definition);
    let tick = definition.schedule.next_after(bench.now()).unwrap();
    bench.advance(tick.saturating_since(bench.now())).await;
    fire(&bench, Fire::tick(&definition, tick)).await;
    options.deadline = Some(tick.saturating_add(PERIOD));
    let lease = bench.consumer().claim_one().await;
    assert_eq!(lease.run().options.as_deref(), Some(&options));
}

/// A repeated tick, and one before the last, change nothing, even if the run has ended.
pub async fn a_repeated_tick_is_already_done(bench: Bench) {
    let (definition, tick) = first_tick(&bench).await;
    fire(&bench, Fire::tick(&definition, tick)).await;
    let _running = bench.consumer().claim_one().await;
    for earlier in [Duration::ZERO, PERIOD] {
        let again = Fire::tick(&definition, tick.saturating_sub(earlier));
        assert_eq!(
            fire(&bench, again).await,
            Fired::AlreadyDone { last_tick: tick }
        );
    }
    assert!(bench.consumer().claim(9).await.is_empty());
}

/// A skipped tick counts as done, and enqueues nothing.
pub async fn a_tick_can_be_skipped(bench: Bench) {
    let (definition, tick) = first_tick(&bench).await;
    assert_eq!(
        fire(&bench, Fire::skip(&definition, tick)).await,
        Fired::Fired(None)
    );
    let done = Fired::AlreadyDone { last_tick: tick };
    assert_eq!(fire(&bench, Fire::tick(&definition, tick)).await, done);
    assert!(bench.consumer().claim(9).await.is_empty());
}

/// A scheduler whose clock is ahead fires nothing early.
pub async fn the_future_does_not_fire(bench: Bench) {
    let (definition, tick) = first_tick(&bench).await;
    let next = tick.saturating_add(PERIOD);
    let fired = fire(&bench, Fire::tick(&definition, next)).await;
    assert_eq!(fired, Fired::TooEarly { wait: PERIOD });
    assert!(bench.consumer().claim(9).await.is_empty());
}

/// A process with an older definition neither replaces a newer one nor fires its ticks.
pub async fn a_lower_version_changes_nothing(bench: Bench) {
    let (old, tick) = first_tick(&bench).await;
    assert_eq!(upsert(&bench, definition(2, "b")).await, Upserted::Replaced);
    assert_eq!(upsert(&bench, old.clone()).await, Upserted::Outdated);
    assert_eq!(fire(&bench, Fire::tick(&old, tick)).await, Fired::Changed);
    assert_eq!(entries(&bench).await[0].definition, definition(2, "b"));
    assert_eq!(
        upsert(&bench, definition(2, "b")).await,
        Upserted::Unchanged
    );
}

/// A removed schedule does not fire, and comes back only with a higher version.
pub async fn removed_stays_removed(bench: Bench) {
    let (old, tick) = first_tick(&bench).await;
    assert!(bench.schedules().remove(&old.name).await.unwrap());
    assert!(!bench.schedules().remove(&old.name).await.unwrap());
    assert_eq!(fire(&bench, Fire::tick(&old, tick)).await, Fired::Off);
    assert_eq!(upsert(&bench, old).await, Upserted::Outdated);
    assert!(entries(&bench).await.is_empty());
    assert_eq!(upsert(&bench, definition(2, "a")).await, Upserted::Created);
    assert_eq!(entries(&bench).await[0].last_tick, bench.now());
}

/// Switched off, a schedule does not fire; what it missed is missed.
pub async fn switched_off_does_not_fire(bench: Bench) {
    let (definition, tick) = first_tick(&bench).await;
    let store = bench.schedules();
    assert!(store.set_enabled(&definition.name, false).await.unwrap());
    assert_eq!(
        fire(&bench, Fire::tick(&definition, tick)).await,
        Fired::Off
    );
    assert!(store.set_enabled(&definition.name, true).await.unwrap());
    assert_eq!(entries(&bench).await[0].last_tick, bench.now());
    let done = Fired::AlreadyDone {
        last_tick: bench.now(),
    };
    assert_eq!(fire(&bench, Fire::tick(&definition, tick)).await, done);
    assert!(
        !store
            .set_enabled(&"other".parse().unwrap(), true)
            .await
            .unwrap()
    );
}

/// The revision changes with definitions and switches, not with ticks.
pub async fn the_revision_follows_definitions(bench: Bench) {
    let (definition, tick) = first_tick(&bench).await;
    let revision = async || bench.schedules().list().await.unwrap().revision;
    let before = revision().await;
    fire(&bench, Fire::tick(&definition, tick)).await;
    upsert(&bench, definition.clone()).await;
    assert_eq!(revision().await, before);
    bench
        .schedules()
        .set_enabled(&definition.name, false)
        .await
        .unwrap();
    assert_ne!(revision().await, before);
}

/// Who waits for a change is told of it, and of one that has happened already.
pub async fn a_change_wakes_the_waiting(bench: Bench) {
    let (definition, _) = first_tick(&bench).await;
    let long = Duration::from_secs(30);
    let seen = bench.schedules().list().await.unwrap().revision;
    let wait = |at_most| {
        let wait = bench.schedules().wait_changed(seen, at_most);
        within("a change, or the end of the wait, was not told", wait)
    };
    assert!(!wait(Duration::ZERO).await.unwrap());
    let change = bench.schedules().set_enabled(&definition.name, false);
    let (woken, _) = tokio::join!(wait(long), change);
    assert!(woken.unwrap());
    assert!(wait(long).await.unwrap());
}

/// A definition has its rules for changes of the clocks, and another rule is another definition.
pub async fn the_rules_for_clock_changes_are_kept(bench: Bench) {
    let texts = [
        "cron 30 2 * * * tz=Europe/Rome skipped=skip repeated=both",
        "cron 30 2 * * * tz=Europe/Rome repeated=second",
        "cron 30 2 * * * tz=Europe/Rome",
    ];
    for text in texts {
        let mut changed = definition(1, "a");
        changed.schedule = text.parse().unwrap();
        assert_ne!(upsert(&bench, changed.clone()).await, Upserted::Unchanged);
        assert_eq!(entries(&bench).await[0].definition, changed);
    }
}

/// The definition that another one has replaced is shown beside it, with the time: the last of them.
pub async fn a_replaced_definition_is_shown(bench: Bench) {
    let (first, _) = first_tick(&bench).await;
    assert_eq!(entries(&bench).await[0].replaced, None);
    for (second, replaced) in [
        (definition(1, "b"), first),
        (definition(2, "b"), definition(1, "b")),
    ] {
        bench.advance(PERIOD).await;
        assert_eq!(upsert(&bench, second).await, Upserted::Replaced);
        let shown = entries(&bench).await.remove(0).replaced.map(|it| *it);
        let expected = ReplacedDefinition::new(replaced, bench.now());
        assert_eq!(shown, Some(expected));
    }
    upsert(&bench, definition(2, "b")).await;
    let shown = entries(&bench).await.remove(0).replaced;
    assert_eq!(
        shown.map(|it| it.at),
        Some(bench.now()),
        "the same changes nothing"
    );
}
