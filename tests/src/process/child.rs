//! The child's side: what it consumes, schedules or queues, and how it says so.

use std::env::var;
use std::io::{Read, Write};
use std::time::Duration;

use aqueduct::broker_api::ScheduleDefinition;
use aqueduct::clock::{Clock, TimeSource};
use aqueduct::scheduler::MissedTicks;
use aqueduct::{App, Broker, Schedule, ScheduleName, TaskContext, Timestamp, task, tasks};
use aqueduct_core::time::Monotonic;
use tokio::sync::watch;

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
}

impl Role {
    pub(super) const ALL: [Self; 3] = [Self::Consumer, Self::Scheduler, Self::Producer];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Consumer => "consumer",
            Self::Scheduler => "scheduler",
            Self::Producer => "producer",
        }
    }
}

/// Says that it begins, takes its time, and says that it ends.
#[task(timeout = "1h")]
pub async fn take_time(ctx: TaskContext, number: u64, millis: u64) {
    say("begin", &ctx, number);
    tokio::time::sleep(Duration::from_millis(millis)).await;
    say("end", &ctx, number);
}

/// Says the time of its tick.
#[task]
pub async fn say_tick(ctx: TaskContext) {
    let tick = ctx.run().id.timestamp().as_millis();
    say("tick", &ctx, tick);
}

fn say(word: &str, ctx: &TaskContext, number: u64) {
    let tally = ctx.run().tally;
    let line = format!(
        "said {word} {number} {} {}\n",
        tally.crashes, tally.failures
    );
    // Whoever does not listen any more does not want to know.
    let _ = std::io::stdout().write_all(line.as_bytes());
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
        .tasks(tasks![take_time, say_tick, note])
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
        Role::Producer => {
            let first = unsigned(FIRST).expect("a number");
            produce(app, first).await;
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
async fn produce(app: App, first: u64) {
    let app = app.without_consumer().without_scheduler();
    let app = app.start().await.expect("it starts");
    for number in first.. {
        let queued = take_time::queue(app.task_manager(), number, number % 40).await;
        if queued.is_ok() {
            let line = format!("said queued {number} 0 0\n");
            let _ = std::io::stdout().write_all(line.as_bytes());
        }
        // As many as there are consumers for, and no more.
        tokio::time::sleep(PAUSE).await;
    }
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
