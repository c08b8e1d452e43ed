//! Several queues in one consumer: shared by weight or in strict order; and runs claimed ahead.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::{Arc, Mutex};

use aqueduct::broker_api::{Broker as _, BrokerAdmin as _, RunFilter};
use aqueduct::memory::MemoryBroker;
use aqueduct::{App, Broker, QueueName, State, TaskContext, TaskManager, task, tasks};
use integration::Watcher;

/// The queues of the runs, in the order in which they began.
type Order = Arc<Mutex<String>>;

#[task]
async fn notes_its_queue(ctx: TaskContext, order: State<Order>) {
    order.lock().unwrap().push_str(ctx.run().queue.as_str());
}

#[task]
async fn ends_when_asked(ctx: TaskContext) {
    ctx.cancelled().await;
}

fn app(broker: &MemoryBroker, order: &Order) -> App {
    App::new(Broker::new(broker.clone()))
        .tasks(tasks![notes_its_queue, ends_when_asked])
        .state(Arc::clone(order))
}

fn manager(broker: &MemoryBroker) -> TaskManager {
    let app = app(broker, &Order::default());
    app.into_task_manager().unwrap()
}

async fn queue_in(manager: &TaskManager, queue: QueueName, count: usize) {
    for _ in 0..count {
        let call = notes_its_queue::queue(manager);
        call.queue_name(queue.clone()).await.unwrap();
    }
}

/// Runs what was queued in `a` and `b`, one at a time; returns the order.
async fn order_of(weights: Option<[u32; 2]>) -> String {
    let (broker, order) = (MemoryBroker::new(), Order::default());
    let names = ["a", "b"].map(QueueName::from_static);
    let manager = manager(&broker);
    for name in &names {
        queue_in(&manager, name.clone(), 12).await;
    }
    let (mut watcher, observer) = Watcher::new();
    let app = app(&broker, &order)
        .observe(observer)
        .consumer(move |consumer| {
            let consumer = consumer.concurrency(1);
            match weights {
                Some(weights) => consumer.weighted_queues(names.into_iter().zip(weights)),
                None => consumer.queues(names),
            }
        });
    let app = app.start().await.unwrap();
    watcher.ends_of_task("notes_its_queue", 24).await;
    app.stop().await.unwrap();
    let order = order.lock().unwrap();
    order.clone()
}

#[tokio::test]
async fn weighted_queues_share_as_their_weights_say() {
    let order = order_of(Some([3, 1])).await;
    let count = |part: &str| part.matches('b').count();
    // In every span of eight, two are of the lighter queue, as long as both have runs.
    for span in 0..8 {
        assert_eq!(count(&order[span..span + 8]), 2, "{order}");
    }
    assert_eq!(count(&order), 12, "what is left runs as well: {order}");
}

#[tokio::test]
async fn without_weights_the_first_queue_comes_first() {
    assert_eq!(order_of(None).await, "a".repeat(12) + &"b".repeat(12));
}

#[tokio::test]
async fn runs_claimed_ahead_are_given_back_with_the_stop() {
    let broker = MemoryBroker::new();
    let manager = manager(&broker);
    for _ in 0..9 {
        ends_when_asked::queue(&manager).await.unwrap();
    }
    let (mut watcher, observer) = Watcher::new();
    let app = app(&broker, &Order::default())
        .observe(observer)
        .consumer(|consumer| consumer.concurrency(2).prefetch(3));
    let app = app.start().await.unwrap();
    watcher.starts_of_task("ends_when_asked", 2).await;
    let lengths = broker.queue_lengths(&[QueueName::DEFAULT]).await.unwrap();
    assert_eq!((lengths[0].running, lengths[0].queued), (5, 4));
    let report = app.stop().await.unwrap().consumer.unwrap();
    assert_eq!((report.finished, report.released), (2, 3));
    let lengths = broker.queue_lengths(&[QueueName::DEFAULT]).await.unwrap();
    assert_eq!((lengths[0].running, lengths[0].queued), (0, 7));
    let page = broker.list(&RunFilter::default()).await.unwrap();
    for run in page.runs {
        let tally = run.tally;
        assert_eq!((tally.failures, tally.crashes, tally.parks), (0, 0, 0));
    }
}
