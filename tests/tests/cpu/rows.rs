//! Rows of the list of failures that the design was made for, which take a whole application.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use aqueduct::broker_api::{Broker as _, BrokerHandle, ReclaimRequest};
use aqueduct::memory::MemoryBroker;
use aqueduct::observe::{RunEvent, RunEventKind};
use aqueduct::{App, Broker, RunState};
use aqueduct_broker_conformance::{Fault, FaultyBroker, Operation};
use aqueduct_core::Clock;
use aqueduct_core::clock::TimeSource;
use aqueduct_core::time::{Monotonic, Timestamp};
use integration::Watcher;
use tokio::sync::{mpsc, watch};

use crate::work::{
    all, asynchronous, heeds_nothing, holds_on, listens, pid, queues_twice, starts_an_app,
};
use crate::{result_of, settings, settings_of, start, start_on, still_works};

#[tokio::test]
async fn r21_an_app_in_a_worker_starts_no_workers_of_its_own() {
    let (app, mut watcher) = start().await;
    let run = starts_an_app::queue(app.task_manager()).await.unwrap().id();
    assert_eq!(watcher.end_of(run).await, RunState::Succeeded);
    let said = result_of::<String>(&app, run).await;
    assert!(
        said.contains("a CPU worker starts no workers of its own"),
        "{said}"
    );
    still_works(app, watcher).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r35_a_worker_ends_with_the_lease_of_its_run() {
    const AN_HOUR: Fault = Fault::Delay(Duration::from_hours(1));
    let broker = FaultyBroker::new(BrokerHandle::new(MemoryBroker::new()))
        .every_of(Operation::Extend, 1, AN_HOUR)
        .every_of(Operation::Reclaim, 1, AN_HOUR);
    let (events, mut heard) = mpsc::channel(100);
    let app = App::new(Broker::from(BrokerHandle::with_schedules(broker)))
        .tasks(all())
        .consumer(|consumer| consumer.cpu(settings()).lease(Duration::from_secs(2)))
        .observe(move |event: RunEvent| events.try_send(event.kind).unwrap());
    let app = app.start().await.unwrap();
    holds_on::queue(app.task_manager()).await.unwrap();
    let mut worker = String::new();
    loop {
        match heard.recv().await.unwrap() {
            RunEventKind::Progress(progress) => worker = progress.text,
            RunEventKind::LeaseLost => break,
            _ => {}
        }
    }
    // Said only when the process is reaped.
    assert!(!worker.is_empty() && !std::path::Path::new("/proc").join(&worker).exists());
    app.stop().await.unwrap();
}

#[tokio::test]
async fn r33_a_reply_that_is_lost_makes_no_duplicate() {
    let broker = FaultyBroker::new(BrokerHandle::new(MemoryBroker::new())).every_of(
        Operation::Enqueue,
        2,
        Fault::LostReply,
    );
    let (app, mut watcher) = start_on(Broker::from(BrokerHandle::with_schedules(broker))).await;
    let run = queues_twice::queue(app.task_manager()).await.unwrap().id();
    watcher.end_of(run).await;
    // However often it was asked for, and whatever the task was told: one run each.
    let ends = watcher.ends_of_task("io", 2).await;
    assert_eq!(ends.len(), 2);
    let run = pid::queue(app.task_manager()).await.unwrap().id();
    watcher.end_of(run).await;
    assert_eq!(watcher.ends_of_task("io", 2).await.len(), 2);
    app.stop().await.unwrap();
}

/// A clock whose wall time is moved, as somebody moves that of a machine.
#[derive(Debug, Default)]
struct Moved(Arc<AtomicI64>);

impl TimeSource for Moved {
    fn now(&self) -> Timestamp {
        let seconds = self.0.load(Ordering::Relaxed);
        let by = Duration::from_secs(seconds.unsigned_abs());
        let now = Clock::system().now();
        if seconds < 0 {
            now.saturating_sub(by)
        } else {
            now.saturating_add(by)
        }
    }

    fn monotonic(&self) -> Monotonic {
        Clock::system().monotonic()
    }

    fn moves(&self) -> Option<watch::Receiver<u64>> {
        None
    }
}

/// A run that was told to end has its grace time, but none once a beat says that it is lost.
#[tokio::test]
async fn r35_what_was_told_to_end_ends_with_its_lease_as_well() {
    const LEASE: Duration = Duration::from_secs(2);
    const HOUR: Duration = Duration::from_hours(1);
    let ahead = Arc::new(AtomicI64::new(0));
    let clock = Clock::new(Moved(Arc::clone(&ahead)));
    let broker = BrokerHandle::new(MemoryBroker::with_clock(clock));
    let (events, mut heard) = mpsc::channel(100);
    let app = App::new(Broker::from(broker.clone()))
        .tasks(all())
        .consumer(|consumer| consumer.cpu(settings_of(HOUR)).lease(LEASE))
        .observe(move |event: RunEvent| events.try_send(event.kind).unwrap());
    let app = app.start().await.unwrap();
    let manager = app.task_manager();
    let run = heeds_nothing::queue(manager).await.unwrap().id();
    while !matches!(heard.recv().await.unwrap(), RunEventKind::Started) {}
    manager.cancel(run, "seen enough").await.unwrap();
    while !matches!(heard.recv().await.unwrap(), RunEventKind::Progress(_)) {}
    // For the broker the lease is over, and somebody else takes the run back.
    let mut cancelled = 0;
    while cancelled == 0 {
        ahead.fetch_add(10, Ordering::Relaxed);
        let reclaimed = broker.reclaim(&ReclaimRequest::new(HOUR, LEASE)).await;
        cancelled = reclaimed.unwrap().cancelled;
    }
    while !matches!(heard.recv().await.unwrap(), RunEventKind::LeaseLost) {}
    app.stop().await.unwrap();
}

#[tokio::test]
async fn r36_a_clock_that_jumps_changes_nothing() {
    let moved = Arc::new(AtomicI64::new(0));
    let clock = Clock::new(Moved(Arc::clone(&moved)));
    let (mut watcher, observer) = Watcher::new();
    let app = App::new(Broker::new(MemoryBroker::with_clock(clock.clone())))
        .clock(clock)
        .tasks(all())
        .consumer(|consumer| consumer.cpu(settings()).lease(Duration::from_secs(2)))
        .observe(observer);
    let app = app.start().await.unwrap();
    let manager = app.task_manager();
    let long = listens::queue(manager).await.unwrap().id();
    watcher.start_of(long).await;
    for hour in [3600, -3600, 0] {
        moved.store(hour, Ordering::Relaxed);
        let run = asynchronous::queue(manager, 20).await.unwrap().id();
        assert_eq!(watcher.end_of(run).await, RunState::Succeeded);
        assert_eq!(watcher.states_of(run), [RunState::Succeeded]);
        assert_eq!(
            result_of::<String>(&app, run).await,
            "attempt 1 in time: true"
        );
    }
    assert_eq!(watcher.states_of(long), [], "it goes on");
    manager.cancel(long, "seen enough").await.unwrap();
    assert_eq!(watcher.end_of(long).await, RunState::Cancelled);
    app.stop().await.unwrap();
}

/// The ways in which test runners start one test; workers are this program in all of them.
#[test]
fn r37_workers_work_however_the_test_is_started() {
    const TEST: &str = "cpu_tasks_run_in_other_processes";
    for (name, args) in [
        ("cargo test", vec![TEST]),
        ("one thread", vec![TEST, "--test-threads=1"]),
        ("nextest", vec![TEST, "--exact", "--nocapture"]),
        ("coverage", vec![TEST, "--exact"]),
    ] {
        let mut command = std::process::Command::new(std::env::current_exe().unwrap());
        command.args(args);
        if name == "coverage" {
            command.env("LLVM_PROFILE_FILE", "/dev/null");
        }
        if name == "nextest" {
            command.env("NEXTEST", "1");
        }
        let output = command.output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(
            output.status.success() && said.contains("1 passed"),
            "{name}: {said}"
        );
    }
}
