//! What is true of waiting, whatever the broker.

use std::time::Duration;

use aqueduct::manager::{QueueErrorKind, RunHandle};
use aqueduct::run::{CancelAnswer, FailureKind};
use aqueduct::{RunId, RunState, Timestamp, WaitError, params};
use integration::soon;
use integration::store::{Bounds, Make};

use super::work::{
    Signals, add, add_later, all, fails, fails_for_long, fails_twice, gives_up, listens, nothing,
    plain, sums,
};

async fn value<T: serde::de::DeserializeOwned>(handle: &RunHandle<T>) -> Result<T, WaitError> {
    soon("nobody is told", handle.wait().into_future()).await
}

pub(crate) async fn a_value_comes_to_whoever_waits(make: Make) {
    let (store, signals) = (make(Bounds::default()), Signals::new());
    let app = store.app(all(), &signals).await;
    let (here, elsewhere) = (app.task_manager(), store.manager(all()).await);
    // Before and after the end; with the handle, and with the id in another process.
    let handle = add_later::queue(here, 1, 2).await.unwrap();
    let copy = add_later::handle(&elsewhere, handle.id());
    let (one, two, ()) = tokio::join!(value(&handle), value(&copy), async { signals.go() });
    assert_eq!((one.unwrap(), two.unwrap()), (3, 3));
    assert_eq!(value(&copy).await.unwrap(), 3);
    // Queued elsewhere, executed here.
    let wait = add::queue_and_wait(&elsewhere, 20, 22);
    assert_eq!(
        soon("nobody is told", wait.into_future()).await.unwrap(),
        42
    );
    value(&nothing::queue(here).await.unwrap()).await.unwrap();
    // Queued by name: the type is said by whoever waits.
    let by_name = here.queue("add", params! { a: 1, b: 1 }).await.unwrap();
    let typed = RunHandle::<u64>::new(here, by_name.id());
    assert_eq!(value(&typed).await.unwrap(), 2);
    assert!(matches!(value(&by_name).await, Err(WaitError::Value(_))));
    app.stop().await.unwrap();
}

pub(crate) async fn the_final_state_counts_not_the_first_attempt(make: Make) {
    let store = make(Bounds::default());
    let app = store.app(all(), &Signals::new()).await;
    let handle = fails_twice::queue(app.task_manager()).await.unwrap();
    assert_eq!(value(&handle).await.unwrap(), 2);
    assert_eq!(handle.find().await.unwrap().unwrap().tally.attempt, 3);
    app.stop().await.unwrap();
}

pub(crate) async fn an_end_without_a_value_is_a_typed_error(make: Make) {
    let store = make(Bounds::default());
    let manager = store.manager(all()).await;
    let expires = add::with(1, 1).expires_in(Duration::ZERO);
    let expired = expires.queue(&manager).await.unwrap();
    let cancelled = add::queue(&manager, 1, 1).await.unwrap();
    cancelled.cancel("not needed").await.unwrap();
    let app = store.app(all(), &Signals::new()).await;
    let failed = fails::queue(app.task_manager()).await.unwrap();
    match value(&failed).await {
        Err(WaitError::Failed { failure, attempts }) => {
            assert_eq!((failure.kind(), attempts), (FailureKind::Error, 3));
            assert_eq!(failure.message(), "it never works");
        }
        other => panic!("{other:?}"),
    }
    let gave_up = gives_up::queue(app.task_manager()).await.unwrap();
    for (handle, expected) in [(cancelled, "not needed"), (gave_up, "nothing to do")] {
        match value(&handle).await {
            Err(WaitError::Cancelled { reason }) => assert_eq!(reason.as_str(), expected),
            other => panic!("{other:?}"),
        }
    }
    assert!(matches!(value(&expired).await, Err(WaitError::Expired)));
    app.stop().await.unwrap();
}

pub(crate) async fn what_cannot_be_waited_for_says_what_to_do(make: Make) {
    let store = make(Bounds::default());
    let manager = store.manager(all()).await;
    let handle = plain::queue(&manager, 1).await.unwrap();
    let error = value(&handle).await.unwrap_err();
    assert!(matches!(error, WaitError::NotKept), "{error:?}");
    assert!(error.to_string().contains("`.keep_result(…)`"), "{error}");
    let nobody = RunId::generate(Timestamp::from_millis(1));
    for id in [handle.id(), nobody] {
        let error = value(&plain::handle(&manager, id)).await.unwrap_err();
        assert!(matches!(error, WaitError::Unknown), "{error:?}");
    }
    // Asked for, it can.
    let app = store.app(all(), &Signals::new()).await;
    let minute = Duration::from_mins(1);
    let kept = plain::queue(&manager, 7).keep_result(minute).await.unwrap();
    assert_eq!(value(&kept).await.unwrap(), 7);
    let wait = plain::queue_and_wait(&manager, 8).into_future();
    assert_eq!(soon("nobody is told", wait).await.unwrap(), 8);
    let unknown = manager.queue("pain", params! {}).await.unwrap_err();
    assert_eq!(unknown.kind(), QueueErrorKind::UnknownTask);
    app.stop().await.unwrap();
}

pub(crate) async fn a_wait_has_a_limit(make: Make) {
    let (store, signals) = (make(Bounds::default()), Signals::new());
    let app = store.app(all(), &signals).await;
    let handle = add_later::queue(app.task_manager(), 1, 1).await.unwrap();
    let limit = Duration::from_millis(5);
    for _ in 0..3 {
        let error = handle.wait().at_most(limit).await.unwrap_err();
        assert!(
            matches!(error, WaitError::TimedOut { at_most } if at_most == limit),
            "{error:?}"
        );
    }
    signals.go();
    assert_eq!(value(&handle).await.unwrap(), 2, "it went on");
    app.stop().await.unwrap();
}

pub(crate) async fn a_task_waits_for_its_child(make: Make) {
    let store = make(Bounds::default());
    let app = store.app(all(), &Signals::new()).await;
    let handle = sums::queue(app.task_manager(), vec![1, 2, 3, 4]).await;
    assert_eq!(value(&handle.unwrap()).await.unwrap(), 10);
    app.stop().await.unwrap();
}

pub(crate) async fn an_evicted_value_still_comes_to_whoever_waited(make: Make) {
    let (store, signals) = (make(Bounds::keeping(0)), Signals::new());
    let app = store.app(all(), &signals).await;
    let manager = store.manager(all()).await;
    let handle = add_later::queue(&manager, 1, 1).await.unwrap();
    let (value_of_it, ()) = tokio::join!(value(&handle), async {
        // The broker has answered the look of the wait before this one.
        assert!(handle.find().await.unwrap().is_some());
        signals.go();
    });
    assert_eq!(value_of_it.unwrap(), 2);
    let late = value(&handle).await;
    assert!(matches!(late, Err(WaitError::Unknown)), "{late:?}");
    app.stop().await.unwrap();
}

pub(crate) async fn many_waits_at_once(make: Make) {
    const RUNS: u64 = 500;
    let (store, signals) = (make(Bounds::default()), Signals::new());
    let app = store.app(all(), &signals).await;
    let manager = store.manager(all()).await;
    let calls = (0..RUNS).map(|number| add_later::with(number, 1));
    let handles = manager.queue_many(calls).await.unwrap();
    let mut waits = tokio::task::JoinSet::new();
    for (number, handle) in (0..RUNS).zip(handles) {
        waits.spawn(async move { (number, value(&handle).await.unwrap()) });
    }
    for _ in 0..RUNS {
        signals.go();
    }
    while let Some(ended) = waits.join_next().await {
        let (number, sum) = ended.unwrap();
        assert_eq!(sum, number + 1);
    }
    app.stop().await.unwrap();
}

pub(crate) async fn a_handle_cancels(make: Make) {
    let store = make(Bounds::default());
    let app = store.app(all(), &Signals::new()).await;
    let manager = store.manager(all()).await;
    let later = add::queue(&manager, 1, 1).delay(Duration::from_hours(1));
    let later = later.await.unwrap();
    assert_eq!(later.cancel("no").await.unwrap(), CancelAnswer::Cancelled);
    let ended = CancelAnswer::AlreadyEnded(RunState::Cancelled);
    assert_eq!(later.cancel("again").await.unwrap(), ended);
    let nobody = add::handle(&manager, RunId::generate(Timestamp::from_millis(1)));
    assert_eq!(nobody.cancel("no").await.unwrap(), CancelAnswer::Unknown);
    let running = listens::queue(&manager).await.unwrap();
    let (ended, ()) = tokio::join!(value(&running), async {
        while running.find().await.unwrap().unwrap().state != RunState::Running {
            tokio::task::yield_now().await;
        }
        let answer = running.cancel("enough").await.unwrap();
        assert_eq!(answer, CancelAnswer::Requested);
    });
    assert!(
        matches!(&ended, Err(WaitError::Cancelled { reason }) if reason.as_str() == "enough"),
        "{ended:?}"
    );
    app.stop().await.unwrap();
}

pub(crate) async fn a_total_limit_ends_all_attempts(make: Make) {
    let store = make(Bounds::default());
    let app = store.app(all(), &Signals::new()).await;
    let manager = store.manager(all()).await;
    let handle = fails_for_long::queue(&manager).await.unwrap();
    match value(&handle).await {
        Err(WaitError::Failed { failure, attempts }) => {
            assert!(attempts > 1, "{attempts} attempts");
            let message = failure.message();
            for words in ["it never works", "total time limit"] {
                assert!(message.contains(words), "{message}");
            }
        }
        other => panic!("{other:?}"),
    }
    // Nobody takes it in time: it is not begun.
    app.stop().await.unwrap();
    let call = add::with(1, 1).total_timeout(Duration::from_millis(1));
    let late = call.queue(&manager).await.unwrap();
    let ends_by = late.find().await.unwrap().unwrap().ends_by().unwrap();
    while manager.clock().now() <= ends_by {
        tokio::task::yield_now().await;
    }
    let app = store.app(all(), &Signals::new()).await;
    match value(&late).await {
        Err(WaitError::Failed { failure, .. }) => {
            assert_eq!(failure.kind(), FailureKind::Timeout);
        }
        other => panic!("{other:?}"),
    }
    app.stop().await.unwrap();
}
