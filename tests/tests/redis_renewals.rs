//! Renewals that are late within one consumer: scenario X10.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use aqueduct::broker_api::BrokerHandle;
use aqueduct::{App, Broker, State, TaskContext, TaskError, task, tasks};
use integration::figure::figure;
use integration::oracle::at_rest;
use integration::proxy::{Fault, FaultProxy, Rule};
use integration::redis::{broker, server};
use integration::soon;
use tokio::sync::Notify;

/// What the task and the test say to each other.
#[derive(Debug, Default)]
struct Signals {
    attempts: AtomicUsize,
    began: Notify,
    fail: Notify,
    end: Notify,
}

#[task(retry(max = 5, backoff = "1ms"))]
async fn fail_then_wait(ctx: TaskContext, signals: State<Arc<Signals>>) -> Result<(), TaskError> {
    signals.attempts.fetch_add(1, Ordering::AcqRel);
    signals.began.notify_one();
    if ctx.run().tally.failures == 0 {
        signals.fail.notified().await;
        return Err(TaskError::msg("the first time"));
    }
    signals.end.notified().await;
    Ok(())
}

/// The first attempt is renewed late, when the second is under way at the same consumer: that goes on.
#[tokio::test]
async fn x10_a_late_renewal_does_not_end_a_newer_attempt() {
    let server = server(&[]);
    let proxy = FaultProxy::start(server.port()).await;
    let broker = broker(&proxy.url()).await;
    let extend = broker.digest_of("extend").unwrap().to_owned();
    let signals = Arc::new(Signals::default());
    let app = App::new(Broker::from(BrokerHandle::new(broker)))
        .tasks(tasks![fail_then_wait])
        .state(Arc::clone(&signals))
        .without_scheduler();
    let app = app.start().await.unwrap();
    // The first renewal opens its connection.
    soon("no beat", proxy.has_answered(&extend, 2)).await;
    fail_then_wait::queue(app.task_manager()).await.unwrap();
    soon("no attempt", signals.began.notified()).await;
    proxy.add(Rule::every(1, &extend, Fault::Held).at_most(1));
    soon("no beat", proxy.holds(1)).await;
    let before = proxy.answered(&extend);
    signals.fail.notify_one();
    soon("no second attempt", signals.began.notified()).await;
    proxy.release();
    // Whoever beats again has dealt with the beat before.
    soon("no beat", proxy.has_answered(&extend, before + 2)).await;
    signals.end.notify_one();
    let ended = at_rest(&server).await;
    assert_eq!((ended.succeeded, ended.retried), (1, 1));
    let attempts = signals.attempts.load(Ordering::Acquire);
    assert_eq!(attempts, 2, "the second attempt was ended");
    app.stop().await.unwrap();
    figure(&format!(
        "{} renewal held back over an attempt",
        proxy.injected()
    ));
}
