//! Calling tasks, running them inline, and the test kit: virtual time, assertions, faults.
//!
//! # Without anything around
//!
//! A task is still a function: call it. Or run it inline, with its parameters encoded and decoded,
//! its state looked up, its layers around it, and no broker in the way:
//!
//! ```
//! use aqueduct::{App, Broker, task, tasks};
//!
//! #[task]
//! async fn double(number: u32) -> u32 {
//!     number * 2
//! }
//!
//! # tokio::runtime::Runtime::new().unwrap().block_on(async {
//! assert_eq!(double(4).await, 8);
//! let manager = App::new(Broker::memory()).tasks(tasks![double]).into_task_manager().unwrap();
//! assert_eq!(manager.run(double::with(4)).await.unwrap(), 8);
//! # });
//! ```
#![cfg_attr(
    feature = "testing",
    doc = r#"
# The kit

With the cargo feature `testing`, best in `[dev-dependencies]`, a test gets a [`TestKit`](crate::testing::TestKit):

```toml
[dev-dependencies]
aqueduct = { path = "../aqueduct/crates/aqueduct", features = ["testing"] } # as in `[dependencies]`, with the feature
```

Its applications are whole ones, on the in-memory broker, and all of it on the thread of the test. Time is
virtual: it passes when the test lets it, or when everybody waits for it.

```
use std::time::Duration;
use aqueduct::testing;
use aqueduct::{RunState, TaskContext, TaskError, task, tasks};

#[task(retry(max = 3, backoff = "1h", kind = fixed, jitter = none))]
async fn sync(ctx: TaskContext) -> Result<(), TaskError> {
    if ctx.attempt() == 1 {
        return Err(TaskError::msg("the other side is down"));
    }
    Ok(())
}

// #[test]
fn it_is_tried_again_after_an_hour() {
    testing::run(async |kit| {
        let app = kit.app().tasks(tasks![sync]).start().await.unwrap();
        let run = sync::queue(app.task_manager()).await.unwrap().id();
        kit.drain().await; // everything that is due now
        assert_eq!(kit.states_of(run), [RunState::Retrying]);
        assert_eq!(kit.failure_of(run).unwrap().message(), "the other side is down");
        kit.advance(Duration::from_secs(3599)).await;
        assert_eq!(kit.end_of(run), None);
        kit.advance(Duration::from_secs(1)).await;
        assert_eq!(kit.end_of(run), Some(RunState::Succeeded));
    });
}
# it_is_tried_again_after_an_hour();
```

| to | call |
|---|---|
| run what is due | `drain()`; `drain_all()` goes on through retries and delays, as long as they last |
| let time pass | `advance(…)`, from one thing that is due to the next |
| know what was queued | [`assert_queued!`](crate::assert_queued), [`assert_not_queued!`](crate::assert_not_queued), `queued()` |
| know what became of a run | `end_of`, `states_of`, `failure_of`, `find`, `events()`; or `queue_and_wait` |
| crash a process | `crash(app)`; a second `kit.app()` is another process |
| lose a reply | `fail_next(Operation::Claim, Fault::LostReply)`, `fail_at_random(0.1)` |
| deliver a run twice | `deliver_twice("charge")` |
| set a clock, cross a change of the clocks | `set_time(…)`, `set_time_before_clock_change("Europe/Rome", …)` |
| suspend everything | `suspend(…)` |

# Assertions

A process that only queues needs no consumer:

```
use aqueduct::testing::{self, assert_not_queued, assert_queued};
use aqueduct::{TaskManager, task, tasks};

#[task]
async fn mail(to: String, urgent: bool) {}

async fn register(manager: &TaskManager, name: &str) {
    mail::queue(manager, name.to_owned(), false).await.unwrap();
}

// #[test]
fn whoever_registers_gets_a_mail() {
    testing::run(async |kit| {
        let manager = kit.app().tasks(tasks![mail]).into_task_manager().unwrap();
        register(&manager, "ann").await;
        assert_queued!(kit, mail, to = "ann");
        assert_not_queued!(kit, mail, urgent = true);
    });
}
# whoever_registers_gets_a_mail();
```

# Faults

A crash tells nobody. What the process was running comes back a lease later, to another one:

```
use std::time::Duration;
use aqueduct::testing;
use aqueduct::{RunState, TaskContext, task, tasks};

#[task(timeout = "1h")]
async fn encode(ctx: TaskContext) {
    tokio::time::sleep(Duration::from_secs(600)).await;
}

// #[test]
fn a_crash_loses_no_film() {
    testing::run(async |kit| {
        let first = kit.app().tasks(tasks![encode]).start().await.unwrap();
        let film = encode::queue(first.task_manager()).await.unwrap().id();
        kit.advance(Duration::from_secs(60)).await;
        kit.crash(first);
        let second = kit.app().tasks(tasks![encode]).start().await.unwrap();
        kit.drain().await;
        assert_eq!(kit.end_of(film), Some(RunState::Succeeded));
        second.stop().await.unwrap();
    });
}
# a_crash_loses_no_film();
```

Every task runs at least once, so it may run twice. Here it does:

```
use std::sync::atomic::{AtomicU32, Ordering};
use aqueduct::testing;
use aqueduct::{State, task, tasks};

#[task]
async fn charge(charged: State<AtomicU32>) {
    // A task that bears repetition would look here whether it has been done.
    charged.fetch_add(1, Ordering::Relaxed);
}

// #[test]
fn nobody_is_charged_twice() {
    testing::run(async |kit| {
        let app = kit.app().tasks(tasks![charge]).state(AtomicU32::new(0));
        let app = app.start().await.unwrap();
        kit.deliver_twice("charge");
        charge::queue(app.task_manager()).await.unwrap();
        assert_eq!(kit.drain().await, 1);
        // assert_eq!(charged, 1) would fail: the test has found the defect.
    });
}
# nobody_is_charged_twice();
```

Replies that are lost, errors, and requests that are made twice:

```
use std::time::Duration;
use aqueduct::testing::{self, Fault, Operation};
use aqueduct::{task, tasks};

#[task]
async fn work() {}

// #[test]
fn a_bad_network_loses_nothing() {
    testing::run(async |kit| {
        let app = kit.app().tasks(tasks![work]).start().await.unwrap();
        for _ in 0..100 {
            kit.fail_next(Operation::Enqueue, Fault::LostReply); // queued, but nobody hears of it
            // Is repeated, and queues nothing more.
            work::queue(app.task_manager()).delay(Duration::from_secs(60)).await.unwrap();
        }
        kit.fail_at_random(0.2);
        kit.drain_all().await;
        assert!(kit.faults() > 100);
        assert_eq!(app.metrics().unwrap().snapshot().succeeded, 100);
    });
}
# a_bad_network_loses_nothing();
```

The night on which the clocks go forward, and the one on which they go back:

```
use std::time::Duration;
use aqueduct::testing;
use aqueduct::{task, tasks};

#[task(schedule = cron("30 2 * * *", tz = "Europe/Rome"))]
async fn report() {}

// #[test]
fn the_report_comes_every_night() {
    testing::run(async |kit| {
        let change = kit.set_time_before_clock_change("Europe/Rome", Duration::from_secs(7200));
        assert_eq!(change.to_string(), "2026-03-29T01:00:00.000Z");
        let app = kit.app().tasks(tasks![report]).start().await.unwrap();
        kit.advance(Duration::from_secs(4 * 3600)).await;
        // 02:30 is not there in this night; it has run at 03:00.
        assert_eq!(app.metrics().unwrap().snapshot().succeeded, 1);
    });
}
# the_report_comes_every_night();
```

# One seed, one order

Ids, jitter and random faults follow from one seed, and everything is on one thread: the same seed makes the
same order. A test that fails prints its seed; `AQUEDUCT_SEED=…` runs it again. A `HashMap` of the test, or a
thread of its own, is as random as ever.

# What is different in the kit

CPU tasks run on the thread of the test, one after the other; memory limits, processes and their deaths are not
there. One that waits with `blocking()` for what another task must do first would wait for ever, and fails
with an error that says so. Layers of [`App::layer`](crate::App::layer) are around them here, and not in a worker
process: see [`layers`](super::layers). An observer has a thread of its own, as elsewhere: ask
[`TestKit::events`](crate::testing::TestKit::events) instead. A task that blocks the thread blocks the test.
"#
)]
//!
//! # By hand
//!
//! A clock that a test moves is `aqueduct_core::clock::ManualClock`, with the feature `test-util` of
//! `aqueduct-core`; give it to [`App::clock`](crate::App::clock) and to
//! [`MemoryBroker::with_clock`](crate::memory::MemoryBroker::with_clock).
//!
//! Due times, leases and schedules go by that clock. Outside of the kit, the consumer claims and beats on a
//! thread of its own, with timers of its own: pausing the time of tokio in a test pauses the tasks, not
//! the consumer.
