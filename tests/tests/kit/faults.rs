//! Faults on demand.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use aqueduct::observe::RunEventKind;
use aqueduct::testing::{Fault, Operation, START};
use aqueduct::{App, RunId};

use super::*;

/// How often each run has begun, and how often it came to its end.
#[derive(Clone, Default)]
struct Counts(Arc<Mutex<BTreeMap<RunId, (u32, u32)>>>);

impl Counts {
    fn of(&self, run: RunId) -> (u32, u32) {
        self.0
            .lock()
            .unwrap()
            .get(&run)
            .copied()
            .unwrap_or_default()
    }
}

#[task(timeout = "1h")]
async fn takes(ctx: TaskContext, counts: State<Counts>, seconds: u64) {
    counts.0.lock().unwrap().entry(ctx.id()).or_default().0 += 1;
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    counts.0.lock().unwrap().entry(ctx.id()).or_default().1 += 1;
}

/// Notes, if it is told to end.
#[task(timeout = "1h")]
async fn is_told(ctx: TaskContext, counts: State<Counts>) {
    ctx.cancelled().await;
    counts.0.lock().unwrap().entry(ctx.id()).or_default().0 += 1;
}

fn app(kit: &TestKit, counts: &Counts) -> App {
    kit.app()
        .tasks(tasks![takes, is_told])
        .state(counts.clone())
}

#[test]
fn a_crash_tells_nobody_and_the_run_goes_on_elsewhere() {
    testing::run(async |kit| {
        let counts = Counts::default();
        let first = app(&kit, &counts).start().await.unwrap();
        let run = takes::queue(first.task_manager(), 60).await.unwrap().id();
        let told = is_told::queue(first.task_manager()).await.unwrap().id();
        kit.advance(Duration::from_secs(10)).await;
        assert_eq!(counts.of(run), (1, 0));
        kit.crash(first);
        kit.advance(HOUR).await;
        assert_eq!(counts.of(run), (1, 0), "nothing of it goes on");
        assert_eq!(counts.of(told), (0, 0), "no task is told");
        assert!(kit.states_of(run).is_empty(), "no attempt is settled");
        assert_eq!(kit.find(run).await.unwrap().state, RunState::Running);
        let second = app(&kit, &counts).start().await.unwrap();
        kit.advance(Duration::from_mins(5)).await;
        assert_eq!(
            (counts.of(run), kit.end_of(run)),
            ((2, 1), Some(RunState::Succeeded))
        );
        second.stop().await.unwrap();
    });
}

#[test]
fn schedules_go_on_after_a_crash() {
    #[task(schedule = every("1m"))]
    async fn ticks() {}
    testing::run(async |kit| {
        let first = kit.app().tasks(tasks![ticks]).start().await.unwrap();
        let second = kit.app().tasks(tasks![ticks]).start().await.unwrap();
        kit.advance(HOUR).await;
        kit.crash(first);
        kit.advance(HOUR).await;
        let began = kit.events().into_iter();
        let began = began.filter(|it| it.kind == RunEventKind::Started);
        assert_eq!(began.count(), 120);
        second.stop().await.unwrap();
    });
}

#[test]
fn a_lost_reply_runs_nothing_twice() {
    testing::run(async |kit| {
        let counts = Counts::default();
        let app = app(&kit, &counts).start().await.unwrap();
        for operation in [Operation::Enqueue, Operation::Claim] {
            kit.fail_next(operation, Fault::LostReply);
            let run = takes::queue(app.task_manager(), 1).await.unwrap().id();
            kit.drain().await;
            assert_eq!(
                (counts.of(run), kit.end_of(run)),
                ((1, 1), Some(RunState::Succeeded))
            );
        }
        assert_eq!(kit.faults(), 2);
        app.stop().await.unwrap();
    });
}

#[test]
fn a_run_is_delivered_twice() {
    testing::run(async |kit| {
        let counts = Counts::default();
        let app = app(&kit, &counts).start().await.unwrap();
        kit.deliver_twice("takes");
        kit.fail_next(Operation::Claim, Fault::Repeated);
        let run = takes::queue(app.task_manager(), 1).await.unwrap().id();
        let other = takes::queue(app.task_manager(), 2).await.unwrap().id();
        kit.drain().await;
        assert_eq!((counts.of(run), counts.of(other)), ((2, 2), (1, 1)));
        assert_eq!(
            kit.states_of(run),
            [RunState::Succeeded],
            "the first is not recorded"
        );
        let metrics = app.metrics().unwrap().snapshot();
        assert_eq!((metrics.succeeded, metrics.lost), (2, 1));
        app.stop().await.unwrap();
    });
}

#[test]
fn nothing_runs_while_everything_is_suspended() {
    #[task(schedule = every("1m"))]
    async fn ticks() {}
    testing::run(async |kit| {
        let app = kit.app().tasks(tasks![ticks]).start().await.unwrap();
        kit.advance(MILLISECOND).await;
        kit.suspend(HOUR).await;
        kit.drain().await;
        assert_eq!(kit.now(), START.saturating_add(HOUR + MILLISECOND));
        let metrics = app.metrics().unwrap().clone();
        assert_eq!(
            metrics.snapshot().succeeded,
            1,
            "of the missed ticks one is made up for"
        );
        kit.advance(HOUR).await;
        assert_eq!(metrics.snapshot().succeeded, 61);
        app.stop().await.unwrap();
    });
}

#[test]
fn random_faults_lose_nothing() {
    testing::run(async |kit| {
        println!("seed {}", kit.seed());
        let counts = Counts::default();
        let apps = [
            app(&kit, &counts).start().await.unwrap(),
            app(&kit, &counts).start().await.unwrap(),
        ];
        kit.fail_at_random(0.2);
        let mut runs = Vec::new();
        for number in 0..200 {
            let app = &apps[number % 2];
            runs.push(takes::queue(app.task_manager(), 1).await.unwrap().id());
        }
        kit.drain().await;
        assert!(kit.faults() > 0);
        kit.heal();
        for run in runs {
            assert_eq!(kit.end_of(run), Some(RunState::Succeeded), "{run}");
            assert!(counts.of(run).1 >= 1);
        }
        for app in apps {
            app.stop().await.unwrap();
        }
    });
}
