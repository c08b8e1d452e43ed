//! A consumer whose broker does not answer ends its tasks before somebody else may start them.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Mutex;
use std::time::Duration;

use aqueduct::broker_api::BrokerHandle;
use aqueduct::cancel::CancelReason;
use aqueduct::memory::MemoryBroker;
use aqueduct::{App, Broker, State, TaskContext, task, tasks};
use aqueduct_broker_conformance::{Fault, FaultyBroker, Operation};
use tokio::sync::oneshot;

type Told = Mutex<Option<oneshot::Sender<CancelReason>>>;

#[task(timeout = "1h")]
async fn tells_why_it_ends(ctx: TaskContext, told: State<Told>) {
    let reason = ctx.cancelled().await;
    let told = told.lock().unwrap().take();
    told.map(|told| told.send(reason));
}

#[tokio::test]
async fn trust_ends_with_the_lease_whatever_hangs() {
    const AN_HOUR: Fault = Fault::Delay(Duration::from_hours(1));
    let broker = FaultyBroker::new(BrokerHandle::new(MemoryBroker::new()))
        .every_of(Operation::Extend, 1, AN_HOUR)
        .every_of(Operation::Reclaim, 1, AN_HOUR);
    let (sender, told) = oneshot::channel();
    let app = App::new(Broker::from(BrokerHandle::with_schedules(broker)))
        .tasks(tasks![tells_why_it_ends])
        .state::<Told>(Mutex::new(Some(sender)))
        .consumer(|consumer| consumer.lease(Duration::from_secs(2)));
    let app = app.start().await.unwrap();
    tells_why_it_ends::queue(app.task_manager()).await.unwrap();
    assert_eq!(told.await.unwrap(), CancelReason::LeaseLost);
    app.stop().await.unwrap();
}
