//! Consumers that die while limits, keys and checkpoints hang on their runs.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use aqueduct::App;

use super::*;

/// How many run, the most that did, and the steps that were taken.
#[derive(Default)]
struct Seen {
    running: AtomicUsize,
    most: AtomicUsize,
    steps: Mutex<Vec<u32>>,
}

/// Counts one less when an attempt is over, however that is.
struct Running(Arc<Seen>);

impl Running {
    fn begin(seen: &Arc<Seen>) -> Self {
        let now = seen.running.fetch_add(1, Ordering::SeqCst) + 1;
        seen.most.fetch_max(now, Ordering::SeqCst);
        Self(Arc::clone(seen))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::SeqCst);
    }
}

#[task(max_concurrency = 2, unique = "shares:{number}", timeout = "1h")]
async fn shares(seen: State<Arc<Seen>>, number: u32) {
    let _ = number;
    let _running = Running::begin(&seen);
    tokio::time::sleep(Duration::from_mins(1)).await;
}

#[task(timeout = "1h")]
async fn walks(ctx: TaskContext, seen: State<Arc<Seen>>) -> Result<(), TaskError> {
    for step in ctx.last_checkpoint::<u32>()?.unwrap_or(0)..60 {
        if ctx.attempt() == 1 {
            ctx.progress(u64::from(step), 60);
        }
        seen.steps.lock().unwrap().push(step);
        tokio::time::sleep(Duration::from_secs(1)).await;
        ctx.checkpoint(&(step + 1)).await?;
    }
    Ok(())
}

fn app(kit: &TestKit, seen: &Arc<Seen>) -> App {
    kit.app()
        .tasks(tasks![shares, walks])
        .state(Arc::clone(seen))
}

#[test]
fn the_places_and_keys_of_the_dead_are_free_with_their_runs() {
    testing::run(async |kit| {
        let seen = Arc::new(Seen::default());
        let first = app(&kit, &seen).start().await.unwrap();
        let runs = first.task_manager().queue_many((0..5).map(shares::with));
        let runs = runs.await.unwrap();
        kit.advance(Duration::from_secs(30)).await;
        kit.crash(first);
        let second = app(&kit, &seen).start().await.unwrap();
        let again = shares::queue(second.task_manager(), 0).await.unwrap();
        assert_eq!((again.is_new(), again.id()), (false, runs[0].id()));
        kit.drain_all().await;
        for run in runs {
            assert_eq!(kit.end_of(run.id()), Some(RunState::Succeeded));
        }
        assert_eq!(seen.most.load(Ordering::SeqCst), 2);
        let again = shares::queue(second.task_manager(), 0).await.unwrap();
        assert!(again.is_new(), "its key is held still");
        kit.drain_all().await;
        second.stop().await.unwrap();
    });
}

#[test]
fn a_run_of_the_dead_goes_on_from_its_checkpoint_without_their_report() {
    testing::run(async |kit| {
        let seen = Arc::new(Seen::default());
        let first = app(&kit, &seen).start().await.unwrap();
        let run = walks::queue(first.task_manager()).await.unwrap().id();
        kit.advance(Duration::from_millis(30_500)).await;
        assert!(kit.find(run).await.unwrap().progress.is_some());
        kit.crash(first);
        let second = app(&kit, &seen).start().await.unwrap();
        kit.advance(Duration::from_secs(20)).await;
        let found = kit.find(run).await.unwrap();
        assert_eq!((found.state, found.progress), (RunState::Running, None));
        kit.drain_all().await;
        let mut once: Vec<u32> = (0..60).collect();
        // It died in the midst of this one.
        once.insert(31, 30);
        assert_eq!(*seen.steps.lock().unwrap(), once);
        second.stop().await.unwrap();
    });
}
