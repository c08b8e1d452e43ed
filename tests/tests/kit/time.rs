//! Time that a test moves.

use aqueduct::Timestamp;
use aqueduct::observe::RunEventKind;
use aqueduct::testing::START;

use super::*;

#[task(schedule = every("10m"))]
async fn every_ten_minutes() {}

#[task(schedule = cron("30 2 * * *", tz = "Europe/Rome"))]
async fn at_half_past_two() {}

#[test]
fn what_is_due_starts_to_the_millisecond() {
    testing::run(async |kit| {
        assert_eq!(
            (kit.now(), START.to_string().as_str()),
            (START, "2026-01-05T09:00:00.000Z")
        );
        let app = kit.app().tasks(tasks![sends]).start().await.unwrap();
        let run = sends::queue(app.task_manager(), String::new(), 1, None).delay(HOUR);
        let run = run.await.unwrap().id();
        kit.advance(HOUR.saturating_sub(MILLISECOND)).await;
        kit.drain().await;
        assert_eq!(kit.end_of(run), None);
        kit.advance(MILLISECOND).await;
        assert_eq!(kit.end_of(run), Some(RunState::Succeeded));
        assert_eq!(kit.now(), START.saturating_add(HOUR));
        app.stop().await.unwrap();
    });
}

#[test]
fn schedules_fire_while_time_passes() {
    testing::run(async |kit| {
        let app = kit
            .app()
            .tasks(tasks![every_ten_minutes])
            .start()
            .await
            .unwrap();
        kit.advance(HOUR * 24).await;
        let summary = app.stop().await.unwrap();
        assert_eq!(summary.scheduler.unwrap().fired, 144);
        assert_eq!(summary.consumer.unwrap().metrics.succeeded, 144);
    });
}

/// When the task ran in the six hours around the next change of the clocks.
fn around_the_change(start: Timestamp, change: &str) -> Vec<String> {
    testing::run(async |kit| {
        kit.set_time(start);
        let found = kit.set_time_before_clock_change("Europe/Rome", HOUR * 3);
        assert_eq!(found.to_string(), change);
        let app = kit
            .app()
            .tasks(tasks![at_half_past_two])
            .start()
            .await
            .unwrap();
        kit.advance(HOUR * 6).await;
        app.stop().await.unwrap();
        let events = kit.events().into_iter();
        let started = events.filter(|event| event.kind == RunEventKind::Started);
        started.map(|event| event.at.to_string()).collect()
    })
}

#[test]
fn a_change_of_the_clocks_is_crossed() {
    // In spring, 02:30 is not there: it runs at 03:00, which is 01:00 UTC.
    let spring = around_the_change(START, "2026-03-29T01:00:00.000Z");
    assert_eq!(spring, ["2026-03-29T01:00:00.000Z"]);
    // In autumn it is there twice, and runs the first time.
    let summer = Timestamp::from_millis(1_780_000_000_000);
    let autumn = around_the_change(summer, "2026-10-25T01:00:00.000Z");
    assert_eq!(autumn, ["2026-10-25T00:30:00.000Z"]);
}

#[test]
fn a_clock_that_is_set_moves_no_time() {
    testing::run(async |kit| {
        let app = kit.app().tasks(tasks![sends]).start().await.unwrap();
        let run = sends::queue(app.task_manager(), String::new(), 1, None).delay(HOUR * 24);
        let run = run.await.unwrap().id();
        kit.set_time(START.saturating_sub(HOUR));
        kit.advance(HOUR * 24).await;
        assert_eq!(kit.end_of(run), None, "the clock was set back by an hour");
        kit.set_time(START.saturating_add(HOUR * 24));
        kit.drain().await;
        assert_eq!(kit.end_of(run), Some(RunState::Succeeded));
        app.stop().await.unwrap();
    });
}

#[task(rate_limit(2, per = "2m", key = "rated"))]
async fn rated() {}

#[task(throttle("10m"))]
async fn throttled() {}

#[test]
fn a_clock_that_is_set_back_makes_no_rate_and_no_window_longer() {
    const MINUTE: Duration = Duration::from_mins(1);
    testing::run(async |kit| {
        let app = kit.app().tasks(tasks![rated, throttled]).start().await;
        let app = app.unwrap();
        let manager = app.task_manager();
        let rated = manager.queue_many((0..6).map(|_| rated::with()));
        let rated = rated.await.unwrap();
        let order = || throttled::with().idempotency_key_for("order", MINUTE * 10);
        assert!(order().queue(manager).await.unwrap().is_new());
        let ended = |kit: &TestKit| {
            let ended = rated.iter().filter(|run| kit.end_of(run.id()).is_some());
            ended.count()
        };
        kit.advance(MILLISECOND).await;
        assert_eq!(ended(&kit), 2);
        kit.set_time(START.saturating_sub(HOUR * 24));
        for minute in 1..=9 {
            kit.advance(MINUTE).await;
            assert_eq!(ended(&kit), (2 + minute).min(6), "after {minute} minutes");
            assert!(!throttled::queue(manager).await.unwrap().is_new());
            assert!(!order().queue(manager).await.unwrap().is_new());
        }
        kit.advance(MINUTE).await;
        assert!(throttled::queue(manager).await.unwrap().is_new());
        app.stop().await.unwrap();
    });
}
