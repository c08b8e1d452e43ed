//! What is true of workflows, whatever the broker.

use std::time::Duration;

use aqueduct::admin::{Finding, MAX_PAGE};
use aqueduct::manager::{InlineError, QueueErrorKind};
use aqueduct::workflow::{Chain, MAX_RUNS, MAX_STEPS};
use aqueduct::{QueueName, RunState, Timestamp, WaitError, chain, group, params};
use integration::soon;
use integration::store::{Bounds, Make};

use super::work::{
    Notes, all, count, double, fails, label, mended, number, outcome, outcomes, square, starts,
    sum, tell, waits,
};

const MINUTE: Duration = Duration::from_mins(1);

async fn value<T: serde::de::DeserializeOwned>(
    chain: Chain<T>,
    app: &aqueduct::RunningApp,
) -> Result<T, WaitError> {
    let wait = chain.queue_and_wait(app.task_manager());
    soon("nobody is told", wait.into_future()).await
}

pub(crate) async fn values_go_down_a_chain(make: Make) {
    let (store, notes) = (make(Bounds::default()), Notes::default());
    let app = store.app(all(), &notes).await;
    let text = chain(number::with(4))
        .then(double::after())
        .then(square::after())
        .then(label::after("it is ".to_owned()));
    assert_eq!(value(text, &app).await.unwrap(), "it is 64");
    // What takes nothing follows as well, and what was put off comes later.
    let later = Duration::from_millis(1);
    let told =
        chain(tell::with("first".to_owned())).then(tell::with("second".to_owned()).delay(later));
    value(told, &app).await.unwrap();
    assert_eq!(*notes.seen.lock().unwrap(), ["first", "second"]);
    app.stop().await.unwrap();
}

pub(crate) async fn a_failure_ends_the_rest(make: Make) {
    let (store, notes) = (make(Bounds::default()), Notes::default());
    let app = store.app(all(), &notes).await;
    let broken = chain(number::with(1))
        .then(fails::after())
        .then(double::after())
        .then(label::after("never".to_owned()))
        .keep_result(MINUTE);
    let handle = broken.queue(app.task_manager()).await.unwrap();
    let error = soon("nobody is told", handle.wait().into_future())
        .await
        .unwrap_err();
    let WaitError::Cancelled { reason } = &error else {
        panic!("{error:?}");
    };
    assert!(reason.as_str().contains("it follows `double`"), "{reason}");
    let run = app
        .task_manager()
        .find(handle.runs()[2])
        .await
        .unwrap()
        .unwrap();
    let reason = run.record.unwrap().reason.unwrap();
    let failed = format!(
        "it follows `fails` (run {}), which failed",
        handle.runs()[1]
    );
    assert_eq!(reason.as_str(), failed);
    assert_eq!(run.state, RunState::Cancelled);
    app.stop().await.unwrap();
}

pub(crate) async fn a_chain_takes_what_it_is_given(make: Make) {
    let store = make(Bounds::default());
    let app = store.app(all(), &Notes::default()).await;
    // The input of a task that nothing runs before is a parameter like any other.
    let wait = sum::queue_and_wait(app.task_manager(), vec![1, 2], 3).into_future();
    assert_eq!(soon("nobody is told", wait).await.unwrap(), 6);
    let begun = chain(label::with("n".to_owned(), 1));
    assert_eq!(value(begun, &app).await.unwrap(), "n1");
    app.stop().await.unwrap();
}

pub(crate) async fn values_of_a_group_come_in_order(make: Make) {
    let store = make(Bounds::default());
    let app = store.app(all(), &Notes::default()).await;
    for members in [0, 1, 2, 15, 16, 300] {
        let chord = group((0..members).map(number::with)).then(sum::after(1));
        let expected = (0..members).sum::<u64>() + 1;
        assert_eq!(
            value(chord, &app).await.unwrap(),
            expected,
            "{members} members"
        );
    }
    let all = group((0..20).map(number::with)).queue_and_wait(app.task_manager());
    let all = soon("nobody is told", all.into_future()).await.unwrap();
    assert_eq!(all, (0..20).collect::<Vec<_>>());
    let told = group(["a", "b"].map(|it| tell::with(it.to_owned()))).then(count::after());
    assert_eq!(value(told, &app).await.unwrap(), 2);
    app.stop().await.unwrap();
}

/// Refuses a wait that had no end, for a task that waits to be cancelled.
fn timed_out<T>(waited: Result<T, WaitError>) -> Duration {
    match waited {
        Err(WaitError::TimedOut { at_most }) => at_most,
        Err(error) => panic!("{error:?}"),
        Ok(_) => panic!("it has ended"),
    }
}

pub(crate) async fn a_wait_for_a_workflow_has_its_time(make: Make) {
    const SHORT: Duration = Duration::from_millis(20);
    let store = make(Bounds::default());
    let app = store.app(all(), &Notes::default()).await;
    let manager = app.task_manager();
    let wait = chain(waits::with())
        .queue_and_wait(manager)
        .at_most(SHORT)
        .into_future();
    assert_eq!(timed_out(soon("it has no end", wait).await), SHORT);
    let members = || group([chain(number::with(1)), chain(waits::with())]);
    let wait = members()
        .queue_and_wait(manager)
        .at_most(SHORT)
        .into_future();
    assert_eq!(timed_out(soon("it has no end", wait).await), SHORT);
    // It goes on, and can be waited for again.
    let handle = members().keep_results(MINUTE).queue(manager).await.unwrap();
    let wait = handle.wait_all().at_most(SHORT).into_future();
    assert_eq!(timed_out(soon("it has no end", wait).await), SHORT);
    handle.cancel("enough").await.unwrap();
    let wait = handle.wait_all().at_most(MINUTE).into_future();
    let ended = soon("nobody is told", wait).await.unwrap_err();
    assert!(matches!(ended, WaitError::Cancelled { .. }), "{ended:?}");
    // What is in time is not cut.
    let wait = group((0..3).map(number::with)).queue_and_wait(manager);
    let values = soon("nobody is told", wait.at_most(MINUTE).into_future()).await;
    assert_eq!(values.unwrap(), [0, 1, 2]);
    app.stop().await.unwrap();
}

pub(crate) async fn what_runs_anyway_is_told_of_failures(make: Make) {
    let store = make(Bounds::default());
    let app = store.app(all(), &Notes::default()).await;
    let one = chain(fails::with(1)).then_anyway(outcome::after());
    let failed = "failed `fails` failed: error: it never works";
    assert_eq!(value(one, &app).await.unwrap(), failed);
    let fine = chain(number::with(7)).then_anyway(outcome::after());
    assert_eq!(value(fine, &app).await.unwrap(), "ok 7");
    let late = number::with(3).expires_in(Duration::ZERO);
    let members = [number::with(1), fails::with(2), late];
    let several = group(members).then_anyway(outcomes::after());
    let expected = ["ok 1", failed, "expired `number` has expired"];
    assert_eq!(value(several, &app).await.unwrap(), expected);
    // Without that, the first that fails ends it.
    let error = value(
        group([number::with(1), fails::with(2)]).then(sum::after(0)),
        &app,
    )
    .await;
    let error = error.unwrap_err().to_string();
    assert!(error.contains("it follows `fails`"), "{error}");
    app.stop().await.unwrap();
}

pub(crate) async fn groups_of_chains_and_chains_of_groups(make: Make) {
    let store = make(Bounds::default());
    let app = store.app(all(), &Notes::default()).await;
    let members = (1..=3).map(|n| chain(number::with(n)).then(double::after()));
    let all = group(members)
        .then(sum::after(0))
        .then(label::after("=".to_owned()));
    assert_eq!(value(all, &app).await.unwrap(), "=12");
    let two = [1, 2].map(|n| group([number::with(n), number::with(n)]).then(sum::after(0)));
    assert_eq!(
        value(group(two).then(sum::after(0)), &app).await.unwrap(),
        6
    );
    app.stop().await.unwrap();
}

pub(crate) async fn cancelling_a_workflow_ends_all_of_it(make: Make) {
    let (store, notes) = (make(Bounds::default()), Notes::default());
    let app = store.app(all(), &notes).await;
    let manager = app.task_manager();
    let members = [waits::with(), number::with(1).delay(MINUTE)];
    let chord = group(members)
        .then(sum::after(1))
        .then(double::after())
        .keep_result(MINUTE);
    let handle = chord.queue(manager).await.unwrap();
    soon("it does not begin", notes.begun.notified()).await;
    assert_eq!(handle.cancel("not needed").await.unwrap(), 4);
    let error = soon("nobody is told", handle.wait().into_future())
        .await
        .unwrap_err();
    assert!(matches!(&error, WaitError::Cancelled { reason } if reason.as_str() == "not needed"));
    for run in &handle.runs()[1..] {
        let state = manager.find(*run).await.unwrap().unwrap().state;
        assert_eq!(state, RunState::Cancelled);
    }
    assert_eq!(handle.root(), handle.runs()[0]);
    app.stop().await.unwrap();
    let running = store
        .manager(all())
        .await
        .find(handle.runs()[0])
        .await
        .unwrap()
        .unwrap();
    assert_eq!(running.state, RunState::Cancelled, "its task was told");
}

pub(crate) async fn a_full_queue_takes_all_or_nothing(make: Make) {
    let store = make(Bounds::taking(4));
    let manager = store.manager(all()).await;
    let chord = |n| group((0..n).map(number::with)).then(sum::after(0));
    for n in [4, 9] {
        let error = chord(n).queue(&manager).await.unwrap_err();
        assert_eq!(error.kind(), QueueErrorKind::QueueFull);
        let problem = format!(
            "the queue `default` (max_queue_length=4) has no room for {} runs",
            n + 1
        );
        assert!(error.to_string().starts_with(&problem), "{error}");
    }
    let error = group((0..5).map(number::with))
        .queue(&manager)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), QueueErrorKind::QueueFull);
    // Nothing of them takes a place.
    chord(3).queue(&manager).await.unwrap();
    let error = number::queue(&manager, 1).await.unwrap_err();
    assert_eq!(error.kind(), QueueErrorKind::QueueFull);
}

pub(crate) async fn a_purge_takes_all_and_ends_what_follows(make: Make) {
    let store = make(Bounds::default());
    let manager = store.manager(all()).await;
    // More than one page of them.
    let chains = MAX_PAGE + 88;
    let mut handles = Vec::new();
    for _ in 0..chains {
        let chain = chain(number::with(1)).then(double::after());
        handles.push(chain.keep_result(MINUTE).queue(&manager).await.unwrap());
    }
    let admin = store.open().await.admin().unwrap();
    let removed = admin.purge(&QueueName::DEFAULT).await.unwrap();
    assert_eq!(removed, chains as u64, "the first run of each chain");
    for handle in handles {
        let [first, follow_up] = handle.runs() else {
            panic!("{handle:?}");
        };
        assert!(admin.find(*first).await.unwrap().is_none());
        let follow_up = admin.find(*follow_up).await.unwrap().unwrap();
        assert_eq!(follow_up.state, RunState::Cancelled);
    }
    assert_eq!(admin.purge(&QueueName::DEFAULT).await.unwrap(), 0);
}

pub(crate) async fn wrong_workflows_are_refused(make: Make) {
    let manager = make(Bounds::default()).manager(all()).await;
    let refused = async |chain: Chain<u64>, kind, word: &str| {
        let error = chain.queue(&manager).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.to_string().contains(word), "{error}");
    };
    let many = group((0..MAX_RUNS as u64).map(number::with)).then(sum::after(0));
    refused(many, QueueErrorKind::LimitExceeded, "512 runs").await;
    let mut long = chain(number::with(1));
    for _ in 0..MAX_STEPS {
        long = long.then(double::after());
    }
    refused(long, QueueErrorKind::LimitExceeded, "64 steps").await;
    let unique = chain(number::with(1).unique("k")).then(double::after());
    refused(unique, QueueErrorKind::Contradiction, "unique").await;
    let repeated = chain(number::with(1).idempotency_key("k")).then(double::after());
    refused(repeated, QueueErrorKind::Contradiction, "idempotency").await;
    let expires = chain(number::with(1)).then(double::after().expires_in(MINUTE));
    refused(expires, QueueErrorKind::Contradiction, "`expires_in`").await;
    let at = chain(number::with(1)).then(double::after().at(Timestamp::MAX));
    refused(at, QueueErrorKind::Contradiction, "`delay`").await;
}

pub(crate) async fn a_task_queues_a_workflow(make: Make) {
    let (store, notes) = (make(Bounds::default()), Notes::default());
    let app = store.app(all(), &notes).await;
    let all = chain(starts::with()).then(tell::with("after it".to_owned()));
    value(all, &app).await.unwrap();
    app.stop().await.unwrap();
    let mut seen = notes.seen.lock().unwrap().clone();
    seen.sort();
    assert!(seen.contains(&"after it".to_owned()), "{seen:?}");
}

pub(crate) async fn people_see_a_family_and_what_is_waited_for(make: Make) {
    let store = make(Bounds::default());
    let (manager, admin) = (
        store.manager(all()).await,
        store.open().await.admin().unwrap(),
    );
    let members = (0..7).map(number::with);
    let chord = group(members).then(sum::after(0)).then(double::after());
    let handle = chord.queue(&manager).await.unwrap();
    number::queue(&manager, 1).await.unwrap();
    let page = admin
        .family(handle.root())
        .next_page()
        .await
        .unwrap()
        .unwrap();
    let mut runs = handle.runs().to_vec();
    runs.sort();
    assert_eq!(page.iter().map(|run| run.id).collect::<Vec<_>>(), runs);
    let scheduled = page
        .iter()
        .filter(|run| run.state == RunState::Scheduled)
        .count();
    assert_eq!(scheduled, 2, "what follows is there before it runs");
    manager.cancel(handle.runs()[0], "enough").await.unwrap();
    let sum = admin.explain(handle.runs()[7]).await.unwrap();
    let [
        Finding::Ended {
            can_be_requeued: false,
            ..
        },
        Finding::LacksInput { of },
    ] = sum.findings.as_slice()
    else {
        panic!("{sum}");
    };
    assert_eq!(of, &handle.runs()[..7]);
    assert!(sum.to_string().contains("queue the workflow anew"), "{sum}");
    let refused = admin.requeue(&[handle.runs()[7]]).await.unwrap();
    assert_eq!(refused, [false]);
    let chord = group((0..7).map(number::with)).then_anyway(outcomes::after());
    let handle = chord.queue(&manager).await.unwrap();
    manager.cancel(handle.runs()[0], "enough").await.unwrap();
    let explained = admin.explain(handle.id()).await.unwrap();
    let Finding::Follows { awaited, of } = &explained.findings[0] else {
        panic!("{explained}");
    };
    assert_eq!((awaited.as_slice(), *of), (&handle.runs()[1..7], 7));
    let text = explained.to_string();
    assert!(text.contains("the end of 6 of 7 runs: "), "{text}");
    assert!(text.contains(", …; explain those"), "{text}");
}

pub(crate) async fn a_mended_step_goes_on_with_its_chain(make: Make) {
    let (store, notes) = (make(Bounds::default()), Notes::default());
    let app = store.app(all(), &notes).await;
    let chain = chain(number::with(4))
        .then(mended::after())
        .then(label::after("=".to_owned()))
        .keep_result(MINUTE);
    let handle = chain.queue(app.task_manager()).await.unwrap();
    let error = soon("nobody is told", handle.wait().into_future()).await;
    assert!(
        matches!(error, Err(WaitError::Cancelled { .. })),
        "{error:?}"
    );
    notes.seen.lock().unwrap().push("mended".to_owned());
    let admin = store.open().await.admin().unwrap();
    let requeued = admin.requeue(&handle.runs()[1..2]).await.unwrap();
    assert_eq!(requeued, [true]);
    let value = soon("nobody is told", handle.wait().into_future()).await;
    assert_eq!(value.unwrap(), "=5");
    app.stop().await.unwrap();
}

pub(crate) async fn inline_it_is_the_same(make: Make) {
    let manager = make(Bounds::default()).manager(all()).await;
    let text = chain(number::with(4))
        .then(square::after())
        .then(label::after("=".to_owned()));
    assert_eq!(text.run(&manager).await.unwrap(), "=16");
    let members = (1..=3).map(|n| chain(number::with(n)).then(double::after()));
    let all = group(members).then(sum::after(1)).then(double::after());
    assert_eq!(all.run(&manager).await.unwrap(), 26);
    let broken = group([number::with(1), fails::with(2)]).then(sum::after(0));
    let error = broken
        .then(double::after())
        .run(&manager)
        .await
        .unwrap_err();
    assert!(matches!(&error, InlineError::Task(error) if error.to_string() == "it never works"));
    let members = [
        chain(number::with(1)),
        chain(fails::with(2)).then(double::after()),
    ];
    let told = group(members)
        .then_anyway(outcomes::after())
        .run(&manager)
        .await
        .unwrap();
    assert_eq!(told[0], "ok 1");
    assert!(
        told[1].starts_with("cancelled `double` was cancelled: it follows `fails`"),
        "{told:?}"
    );
    assert!(told[1].ends_with("which failed"), "{told:?}");
    let none: [Chain<u64>; 0] = [];
    assert_eq!(
        group(none).then(sum::after(5)).run(&manager).await.unwrap(),
        5
    );
}

pub(crate) async fn by_name_it_is_checked_when_queued(make: Make) {
    let store = make(Bounds::default());
    let app = store.app(all(), &Notes::default()).await;
    let manager = app.task_manager();
    let members = [1, 2].map(|value| manager.call("number", params! { value }));
    let all = group(members).then(manager.after("sum", params! { more: 4 }));
    let handle = all.keep_result(MINUTE).queue(manager).await.unwrap();
    let sum = sum::handle(manager, handle.id());
    assert_eq!(
        soon("nobody is told", sum.wait().into_future())
            .await
            .unwrap(),
        7
    );
    let refused = async |next, word: &str| {
        let error = chain(number::with(1))
            .then(next)
            .queue(manager)
            .await
            .unwrap_err();
        assert!(error.to_string().contains(word), "{error}");
    };
    refused(manager.after("sun", params! {}), "did you mean `sum`?").await;
    refused(
        manager.after("number", params! { value: 1 }),
        "has no `#[input]`",
    )
    .await;
    refused(
        manager.after("sum", params! { values: [1] }),
        "leave it out",
    )
    .await;
    refused(
        manager.after("sum", params! { les: 1 }),
        "no parameter `les`",
    )
    .await;
    app.stop().await.unwrap();
}
