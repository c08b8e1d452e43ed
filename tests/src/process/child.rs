//! The child's side: what it consumes, schedules, queues or waits for.

use std::env::var;
use std::io::Read;
use std::time::Duration;

use aqueduct::broker_api::ScheduleDefinition;
use aqueduct::clock::{Clock, TimeSource};
use aqueduct::scheduler::MissedTicks;
use aqueduct::{App, Broker, RunningApp, Schedule, ScheduleName, Timestamp, group, tasks};
use aqueduct_core::time::Monotonic;
use tokio::sync::watch;

use super::mixed::queue_some;
use super::tasks::{add, fail_once, say_line, say_tick, sum, take_steps, take_time};
use crate::redis::{Ledger, Writer, note};

/// Tells a child where its broker is.
pub(super) const URL: &str = "AQUEDUCT_TEST_CHILD_URL";

/// Tells a child the milliseconds of its lease.
pub(super) const LEASE: &str = "AQUEDUCT_TEST_CHILD_LEASE";

/// Tells a child what it is.
pub(super) const ROLE: &str = "AQUEDUCT_TEST_CHILD_ROLE";

/// Tells a child the number that its first run is queued with.
pub(super) const FIRST: &str = "AQUEDUCT_TEST_CHILD_FIRST";

/// Tells a child the task of its ticks.
pub(super) const TICKS: &str = "AQUEDUCT_TEST_CHILD_TICKS";

/// Tells a child by how many milliseconds its wall clock is wrong.
pub(super) const SHIFT: &str = "AQUEDUCT_TEST_CHILD_SHIFT";

/// What a child is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Consumer,
    Scheduler,
    Producer,
    Orderer,
    Waiter,
}

impl Role {
    pub(super) const ALL: [Self; 5] = [
        Self::Consumer,
        Self::Scheduler,
        Self::Producer,
        Self::Orderer,
        Self::Waiter,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Consumer => "consumer",
            Self::Scheduler => "scheduler",
            Self::Producer => "producer",
            Self::Orderer => "orderer",
            Self::Waiter => "waiter",
        }
    }
}

/// The name of the schedule of children that schedule, and the time between its ticks.
pub const TICKING: (ScheduleName, Duration) = (
    ScheduleName::from_static("ticking"),
    Duration::from_millis(500),
);

fn ticking() -> ScheduleDefinition {
    let (name, period) = TICKING;
    let schedule = Schedule::every(period).expect("a period");
    let task = var(TICKS).expect("a task").parse().expect("a name");
    let definition = ScheduleDefinition::new(name, schedule, task);
    if definition.task.as_str() != "note" {
        return definition;
    }
    let payload = aqueduct::params! { number: 0_u64 }.into_payload();
    definition.with_payload(payload.expect("parameters"))
}

/// Consumes, schedules or queues for ever if this process is a child; returns at once in the test itself.
///
/// # Panics
///
/// Panics if the application does not start or stop.
pub fn serve_if_child() {
    let Ok(url) = var(URL) else {
        return;
    };
    std::thread::spawn(end_with_parent);
    let role = Role::ALL
        .into_iter()
        .find(|it| var(ROLE).is_ok_and(|role| role == it.name()));
    let role = role.expect("a role");
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build();
    runtime.expect("a runtime").block_on(serve(&url, role));
}

async fn serve(url: &str, role: Role) {
    let number = |name| var(name).ok().and_then(|it| it.parse::<i64>().ok());
    let unsigned = |name| number(name).and_then(|it| u64::try_from(it).ok());
    let lease = Duration::from_millis(unsigned(LEASE).expect("a lease"));
    let shift = number(SHIFT).expect("a shift");
    let broker = open(url).await;
    let (_, writer): (Ledger, Writer) = Ledger::new();
    let app = App::new(broker)
        .tasks(tasks![
            take_time, take_steps, fail_once, add, sum, say_tick, note
        ])
        .state(writer)
        .clock(Clock::new(Shifted(shift)));
    match role {
        Role::Consumer => {
            let app = app.without_scheduler();
            let app = app.consumer(move |consumer| consumer.lease(lease).concurrency(8));
            app.run_until_ctrl_c().await.expect("it stops");
        }
        Role::Scheduler => {
            let app = app.without_consumer().scheduler(|scheduler| {
                let all = MissedTicks::All { max: 1000 };
                scheduler.schedule(ticking()).missed_ticks(all)
            });
            app.run_until_ctrl_c().await.expect("it stops");
        }
        Role::Producer | Role::Orderer | Role::Waiter => {
            let first = unsigned(FIRST).expect("a number");
            let app = app.without_consumer().without_scheduler();
            let app = app.start().await.expect("it starts");
            match role {
                Role::Orderer => order(&app, first).await,
                Role::Waiter => wait(&app, first).await,
                _ => produce(&app, first).await,
            }
        }
    }
}

/// Opens the broker, however long its server takes to be there.
async fn open(url: &str) -> Broker {
    loop {
        match Broker::from_url(url).await {
            Ok(broker) => return broker,
            // It may be what is tested that nobody is there at this moment.
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
    }
}

/// Queues runs one after the other, and says which were accepted, until this process ends.
async fn produce(app: &RunningApp, first: u64) {
    for number in first.. {
        for accepted in queue_some(app.task_manager(), number).await {
            say_line("queued", accepted);
        }
        // As many as there are consumers for, and no more.
        tokio::time::sleep(PAUSE).await;
    }
}

/// Queues one run under an idempotency key, and says when it has the answer.
async fn order(app: &RunningApp, number: u64) {
    let order = take_time::with(number, 0).idempotency_key(order_key(number));
    order.queue(app.task_manager()).await.expect("an answer");
    say_line("queued", number);
}

/// Returns the idempotency key of the run of a child that orders.
#[must_use]
pub fn order_key(number: u64) -> String {
    format!("order-{number}")
}

/// How many numbers a child has added that waits.
pub const ADDED: u64 = 4;

/// Queues a group whose numbers are added, says so, waits for the sum, and says it.
async fn wait(app: &RunningApp, first: u64) {
    let members = (first..first + ADDED).map(|number| add::with(0, number, 400));
    let all = group(members).then(sum::after(first + ADDED, 400));
    let kept = all.keep_result(Duration::from_hours(1));
    let handle = kept.queue(app.task_manager()).await.expect("it is queued");
    say_line("queued", first);
    say_line("told", handle.wait().await.expect("a sum"));
}

/// Between two runs of a producer.
const PAUSE: Duration = Duration::from_millis(10);

/// Ends this process once the test is gone, whose end of the input closes with it.
fn end_with_parent() {
    let mut nothing = Vec::new();
    // Whether it was closed or broken does not matter.
    let _ = std::io::stdin().read_to_end(&mut nothing);
    std::process::exit(1);
}

/// A wall clock that is wrong by so many milliseconds; nothing else is.
#[derive(Clone, Copy, Debug)]
struct Shifted(i64);

impl TimeSource for Shifted {
    fn now(&self) -> Timestamp {
        let millis = Clock::system().now().as_millis();
        Timestamp::from_millis(millis.saturating_add_signed(self.0))
    }

    fn monotonic(&self) -> Monotonic {
        Clock::system().monotonic()
    }

    fn moves(&self) -> Option<watch::Receiver<u64>> {
        None
    }
}
