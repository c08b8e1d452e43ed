//! Any number of schedulers fire each tick once, whatever happens to the clocks.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use aqueduct::broker_api::{BrokerAdmin, BrokerHandle, Upserted};
use aqueduct::memory::MemoryBroker;
use aqueduct::scheduler::{MissedTicks, SchedulerErrorKind};
use aqueduct::{App, Broker, QueueName, RunningApp, Schedule, Timestamp, task, tasks};
use aqueduct_broker_conformance::{Fault, FaultyBroker, Operation};
use aqueduct_core::clock::ManualClock;

const START: Timestamp = Timestamp::from_millis(1_700_000_000_000);
const SECOND: Duration = Duration::from_secs(1);

#[task(schedule = every("1s"))]
async fn tick() {}

async fn scheduler(broker: Broker, clock: &ManualClock, missed: MissedTicks) -> RunningApp {
    let app = App::new(broker)
        .tasks(tasks![tick])
        .clock(clock.clock())
        .without_consumer()
        .scheduler(move |scheduler| scheduler.missed_ticks(missed));
    app.start().await.unwrap()
}

/// Waits until the broker holds `count` runs; sleeping takes no time on the paused clock of the runtime.
async fn until_queued(broker: &MemoryBroker, count: u64) {
    let ticks = async {
        while queued(broker).await < count {
            settle_down().await;
        }
    };
    tokio::time::timeout(Duration::from_hours(1), ticks)
        .await
        .unwrap_or_else(|_| panic!("tick {count} never fired"));
}

async fn queued(broker: &MemoryBroker) -> u64 {
    use aqueduct::broker_api::Broker as _;
    let lengths = broker.queue_lengths(&[QueueName::DEFAULT]).await.unwrap();
    lengths.iter().map(|length| length.queued).sum()
}

/// Lets everything that can happen at this time happen.
async fn settle_down() {
    tokio::time::sleep(Duration::from_millis(10)).await;
}

#[tokio::test(start_paused = true)]
async fn several_fire_each_tick_once() {
    let clock = ManualClock::new(START);
    let broker = MemoryBroker::with_clock(clock.clock());
    let mut apps = Vec::new();
    for _ in 0..3 {
        apps.push(scheduler(Broker::new(broker.clone()), &clock, MissedTicks::Once).await);
    }
    settle_down().await;
    for tick in 1..=20 {
        clock.advance(SECOND);
        until_queued(&broker, tick).await;
        settle_down().await;
        assert_eq!(queued(&broker).await, tick);
    }
    let mut fired = 0;
    for app in apps {
        fired += app.stop().await.unwrap().scheduler.unwrap().fired;
    }
    assert_eq!(fired, 20);
}

#[tokio::test(start_paused = true)]
async fn lost_replies_fire_nothing_twice() {
    for fault in [Fault::LostReply, Fault::Repeated, Fault::Error] {
        let clock = ManualClock::new(START);
        let broker = MemoryBroker::with_clock(clock.clock());
        let faulty = FaultyBroker::new(BrokerHandle::new(broker.clone()))
            .every_of(Operation::List, 3, fault)
            .every(2, fault);
        let handle = BrokerHandle::with_schedules(faulty.clone());
        let app = scheduler(Broker::from(handle), &clock, MissedTicks::Once).await;
        faulty.called(Operation::List, 1).await; // then the schedule is stored
        settle_down().await;
        for tick in 1..=10 {
            clock.advance(SECOND);
            until_queued(&broker, tick).await;
            settle_down().await;
            assert_eq!(queued(&broker).await, tick, "{fault:?}");
        }
        app.stop().await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn calls_that_hang_are_given_up_and_made_again() {
    const AN_HOUR: Fault = Fault::Delay(Duration::from_hours(1));
    use Operation::{Fire, List, Upsert, WaitChanged};
    for operation in [Upsert, List, Fire, WaitChanged] {
        let clock = ManualClock::new(START);
        let broker = MemoryBroker::with_clock(clock.clock());
        let faulty = FaultyBroker::new(BrokerHandle::new(broker.clone()));
        let faulty = faulty.every_of(operation, 2, AN_HOUR);
        let handle = BrokerHandle::with_schedules(faulty.clone());
        let began = tokio::time::Instant::now();
        let app = scheduler(Broker::from(handle), &clock, MissedTicks::Once).await;
        faulty.called(List, 1).await;
        settle_down().await;
        for tick in 1..=3 {
            clock.advance(SECOND);
            until_queued(&broker, tick).await;
            assert_eq!(queued(&broker).await, tick, "{operation:?}");
        }
        app.stop().await.unwrap();
        let took = began.elapsed();
        assert!(took < Duration::from_mins(2), "{operation:?} took {took:?}");
        assert!(faulty.injected() > 0, "{operation:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn missed_ticks_follow_the_policy() {
    let cases = [
        (MissedTicks::Skip, 0..=1),
        (MissedTicks::Once, 1..=1),
        (MissedTicks::All { max: 5 }, 5..=5),
    ];
    for (policy, expected) in cases {
        let clock = ManualClock::new(START);
        let broker = MemoryBroker::with_clock(clock.clock());
        let first = scheduler(Broker::new(broker.clone()), &clock, policy).await;
        settle_down().await;
        first.stop().await.unwrap();
        clock.advance(SECOND * 3600);
        let second = scheduler(Broker::new(broker.clone()), &clock, policy).await;
        settle_down().await;
        let count = queued(&broker).await;
        assert!(expected.contains(&count), "{policy:?}: {count} runs");
        second.stop().await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_clock_set_back_fires_nothing_again() {
    let clock = ManualClock::new(START);
    let broker = MemoryBroker::with_clock(clock.clock());
    let app = scheduler(Broker::new(broker.clone()), &clock, MissedTicks::Once).await;
    settle_down().await;
    clock.advance(SECOND);
    until_queued(&broker, 1).await;
    clock.set_wall(START.saturating_sub(SECOND * 60));
    settle_down().await;
    clock.advance(SECOND * 30);
    settle_down().await;
    assert_eq!(queued(&broker).await, 1, "these ticks had been fired");
    app.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn schedules_are_switched_off_and_on_from_anywhere() {
    let clock = ManualClock::new(START);
    let broker = MemoryBroker::with_clock(clock.clock());
    let app = scheduler(Broker::new(broker.clone()), &clock, MissedTicks::Skip).await;
    settle_down().await;
    let control = app.schedules().unwrap();
    let schedule = control.list(3).await.unwrap().remove(0);
    let name = schedule.entry.definition.name.clone();
    control.pause(&name).await.unwrap();
    settle_down().await;
    clock.advance(SECOND * 10);
    settle_down().await;
    assert_eq!(queued(&broker).await, 0);
    control.resume(&name).await.unwrap();
    settle_down().await;
    clock.advance(SECOND);
    until_queued(&broker, 1).await;
    let run = control.run_now(&name).await.unwrap();
    assert!(broker.find(&[run]).await.unwrap()[0].is_some());
    app.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn one_that_was_paused_across_ticks_fires_none_of_them_again() {
    let clock = ManualClock::new(START);
    let broker = MemoryBroker::with_clock(clock.clock());
    let awake = scheduler(Broker::new(broker.clone()), &clock, MissedTicks::Once).await;
    settle_down().await;
    // Each tick that the other fires leaves it late, long after the first has fired the next ones.
    let late = FaultyBroker::new(BrokerHandle::new(broker.clone()));
    let late = late.every_of(Operation::Fire, 1, Fault::Delay(Duration::from_secs(8)));
    let handle = BrokerHandle::with_schedules(late.clone());
    let asleep = scheduler(Broker::from(handle), &clock, MissedTicks::All { max: 100 }).await;
    late.called(Operation::List, 1).await;
    settle_down().await;
    for tick in 1..=20 {
        clock.advance(SECOND);
        until_queued(&broker, tick).await;
    }
    tokio::time::sleep(Duration::from_mins(10)).await;
    assert_eq!(queued(&broker).await, 20);
    assert!(late.calls(Operation::Fire) > 0, "it tried");
    let fired = |stopped: aqueduct::StopSummary| stopped.scheduler.unwrap().fired;
    assert_eq!(
        fired(awake.stop().await.unwrap()) + fired(asleep.stop().await.unwrap()),
        20
    );
}

#[tokio::test(start_paused = true)]
async fn a_clock_set_forward_fires_by_the_policy() {
    let clock = ManualClock::new(START);
    let broker = MemoryBroker::with_clock(clock.clock());
    let app = scheduler(Broker::new(broker.clone()), &clock, MissedTicks::Once).await;
    settle_down().await;
    clock.set_wall(START.saturating_add(SECOND * 86_400));
    for _ in 0..60 {
        clock.advance(SECOND);
        settle_down().await;
    }
    // One a second, and one for all that were jumped over: not a day's worth.
    let count = queued(&broker).await;
    assert!((58..=62).contains(&count), "{count} ticks in a minute");
    app.stop().await.unwrap();
}

#[task(schedule = every("1s", overlap = skip), expires_in = "1h")]
async fn imports() {}

#[tokio::test(start_paused = true)]
async fn a_tick_is_dropped_while_the_run_before_has_not_ended() {
    let clock = ManualClock::new(START);
    let broker = MemoryBroker::with_clock(clock.clock());
    let app = App::new(Broker::new(broker.clone())).tasks(tasks![imports]);
    let app = app
        .clock(clock.clock())
        .without_consumer()
        .start()
        .await
        .unwrap();
    settle_down().await;
    for _ in 0..5 {
        clock.advance(SECOND);
        settle_down().await;
    }
    assert_eq!(queued(&broker).await, 1);
    let name = "imports".parse().unwrap();
    let status = app
        .schedules()
        .unwrap()
        .find(&name, 1)
        .await
        .unwrap()
        .unwrap();
    let run = broker
        .find(&[status.entry.last_run.unwrap()])
        .await
        .unwrap()
        .remove(0)
        .unwrap();
    let options = run.options.unwrap();
    assert_eq!((status.entry.overlaps, options.schedule), (4, Some(name)));
    assert_eq!(
        options.deadline,
        Some(run.queued_at.saturating_add(SECOND * 3600))
    );
    assert_eq!(status.entry.last_overlap, Some(status.entry.last_tick));
    let report = app.stop().await.unwrap().scheduler.unwrap();
    assert_eq!((report.fired, report.overlapped), (1, 4));
}

#[tokio::test(start_paused = true)]
async fn an_edit_outlives_the_processes_that_know_nothing_of_it() {
    let clock = ManualClock::new(START);
    let broker = MemoryBroker::with_clock(clock.clock());
    let first = scheduler(Broker::new(broker.clone()), &clock, MissedTicks::Skip).await;
    settle_down().await;
    let control = Broker::new(broker.clone()).schedules().unwrap();
    assert!(
        control.differences().await.unwrap().is_empty(),
        "it has no definitions"
    );
    let name = control
        .list(0)
        .await
        .unwrap()
        .remove(0)
        .entry
        .definition
        .name;
    let edited = control
        .edit(&name, |it| {
            it.schedule = Schedule::every(SECOND * 7).unwrap();
        })
        .await;
    assert_eq!(edited.unwrap(), Upserted::Replaced);
    let second = scheduler(Broker::new(broker.clone()), &clock, MissedTicks::Skip).await;
    settle_down().await;
    let entry = control.find(&name, 3).await.unwrap().unwrap().entry;
    assert_eq!(entry.definition.schedule.to_string(), "every 7s");
    let replaced = entry.replaced.unwrap();
    assert_eq!(
        (replaced.definition.schedule.to_string(), replaced.at),
        ("every 1s".into(), START)
    );
    let differences = second.schedules().unwrap().differences().await.unwrap();
    let text = differences[0].to_string();
    for part in ["version 0: `every 1s`", "version 1: `every 7s`"] {
        assert!(text.contains(part), "{text}");
    }
    let unknown = control
        .edit(&"other".parse().unwrap(), |_| {})
        .await
        .unwrap_err();
    assert_eq!(unknown.kind(), SchedulerErrorKind::NotFound);
    control.remove(&name).await.unwrap();
    let text = second.schedules().unwrap().differences().await.unwrap()[0].to_string();
    assert!(text.contains("it was removed"), "{text}");
    first.stop().await.unwrap();
    second.stop().await.unwrap();
}
