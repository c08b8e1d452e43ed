//! What the tests share.

use std::future::Future;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aqueduct_cpu_pool::{
    Answering, Ended, Force, LogLine, Order, PoolConfig, ProcessPool, Profile, Progress, Relay,
    Stop, StopReason, Work, Workers,
};
use libtest_mimic::{Failed, Trial};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

/// Makes a test of an async function.
pub(crate) fn trial<F, Fut>(name: &str, test: F) -> Trial
where
    F: FnOnce() -> Fut + Send + 'static,
    Fut: Future<Output = ()>,
{
    Trial::test(name, move || {
        let mut runtime = tokio::runtime::Builder::new_multi_thread();
        let runtime = runtime.worker_threads(2).enable_all().build();
        runtime.map_err(Failed::from)?.block_on(test());
        Ok(())
    })
}

/// Lets this program do one act in a process of its own, which ends well.
pub(crate) async fn alone(act: &str) {
    let mut process = std::process::Command::new("/proc/self/exe");
    process.arg(act);
    let status = tokio::task::block_in_place(|| process.status().unwrap());
    assert!(status.success(), "what went wrong stands above");
}

/// Short waits everywhere.
pub(crate) fn config() -> PoolConfig {
    let mut config = PoolConfig::default();
    config.workers = 2;
    config.cancel_grace = Duration::from_millis(100);
    config.term_grace = Duration::from_millis(100);
    config
}

/// A pool under test; ends all workers, and checks that none is left.
pub(crate) struct Pool(pub(crate) ProcessPool);

impl Pool {
    pub(crate) fn new() -> Self {
        Self::with(config())
    }

    pub(crate) fn with(config: PoolConfig) -> Self {
        Self(ProcessPool::new(config, vec!["echo".to_owned()]).unwrap())
    }

    pub(crate) async fn run(&self, act: &str, params: impl Into<Vec<u8>>) -> Ended {
        self.0.run(Order::plain(work(act, params))).await
    }

    pub(crate) async fn run_in(&self, profile: Profile, act: &str) -> Ended {
        let mut order = Order::plain(work(act, ""));
        order.profile = Arc::new(profile);
        self.0.run(order).await
    }

    /// The pool still does what it is for.
    pub(crate) async fn still_works(self) {
        for _ in 0..4 {
            assert_eq!(text(self.run("echo", "fine").await), "fine");
        }
        self.close().await;
    }

    pub(crate) async fn close(self) {
        self.0.close().await;
        let metrics = self.0.metrics();
        assert_eq!((metrics.workers, metrics.busy), (0, 0));
    }
}

pub(crate) fn work(act: &str, params: impl Into<Vec<u8>>) -> Work {
    Work::new(act).with_params(params.into())
}

/// The result of work that must have been done, as text.
pub(crate) fn text(ended: Ended) -> String {
    match ended {
        Ended::Done { result, .. } => String::from_utf8(result).unwrap(),
        other => panic!("not done: {other:?}"),
    }
}

/// How work died, in words.
pub(crate) fn death(ended: Ended) -> String {
    match ended {
        Ended::Died(death) => death.to_string(),
        other => panic!("not dead: {other:?}"),
    }
}

/// Work under way that a test watches and stops.
pub(crate) struct Watched {
    order: Option<Order>,
    stop: watch::Sender<Option<Stop>>,
    heard: mpsc::Receiver<Progress>,
    pub(crate) probe: Arc<Probe>,
}

/// Starts work that a test watches.
#[expect(clippy::disallowed_methods, reason = "the test awaits it")]
pub(crate) fn start(pool: &Arc<Pool>, watched: &mut Watched) -> JoinHandle<Ended> {
    let (pool, order) = (Arc::clone(pool), watched.order());
    tokio::spawn(async move { pool.0.run(order).await })
}

/// A relay that tells the test what it hears; it answers requests with the same bytes reversed.
#[derive(Debug)]
pub(crate) struct Probe {
    progress: mpsc::Sender<Progress>,
    pub(crate) lines: Mutex<Vec<String>>,
    pub(crate) logs: Mutex<Vec<LogLine>>,
}

impl Watched {
    pub(crate) fn new(work: Work) -> Self {
        let (progress, heard) = mpsc::channel(100);
        let (stop, stopped) = watch::channel(None);
        let probe = Arc::new(Probe {
            progress,
            lines: Mutex::default(),
            logs: Mutex::default(),
        });
        let relay: Arc<dyn Relay> = Arc::<Probe>::clone(&probe);
        Self {
            order: Some(Order::new(work, Arc::default(), relay, stopped)),
            stop,
            heard,
            probe,
        }
    }

    pub(crate) fn order(&mut self) -> Order {
        self.order.take().unwrap()
    }

    /// Waits until the work has reported something.
    pub(crate) async fn reported(&mut self) -> Progress {
        self.heard.recv().await.unwrap()
    }

    pub(crate) fn stop(&self, force: Force) {
        let stop = Stop::new(StopReason::Requested("a test".to_owned()), force);
        self.stop.send_replace(Some(stop));
    }
}

impl Relay for Probe {
    fn request(&self, mut body: Vec<u8>) -> Answering {
        let progress = self.progress.clone();
        Box::pin(async move {
            if body == b"refuse" {
                return Err("as you wish".to_owned());
            }
            if body == b"never" {
                progress.try_send(Progress::new(0, 0, "asked")).unwrap();
                return std::future::pending().await;
            }
            body.reverse();
            Ok(body)
        })
    }

    fn progress(&self, progress: Progress) {
        let _ = self.progress.try_send(progress);
    }

    fn log(&self, line: LogLine) {
        self.logs.lock().unwrap().push(line);
    }

    fn printed(&self, line: &str) {
        self.lines.lock().unwrap().push(line.to_owned());
    }
}

/// Returns how many descriptors this process has open.
pub(crate) fn open_files() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}
