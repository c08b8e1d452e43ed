//! What a consumer logs of its workers.
#![cfg(target_os = "linux")]
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test fails by panicking; tasks print"
)]

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use aqueduct::cpu::{CpuSettings, PoolConfig};
use aqueduct::{App, Broker, RunState, State, TaskList, cpu_task, tasks};
use integration::Watcher;

aqueduct::cpu_worker!(all());

fn all() -> TaskList {
    tasks![logs, prints, panics]
}

struct Model;

fn load_model() -> Model {
    println!("the model is read");
    tracing::info!(layers = 3, "the model is made");
    Model
}

#[cpu_task(init = load_model)]
fn logs(_model: State<Model>) {
    let outer = tracing::info_span!("outer", file = "a.txt", lines = tracing::field::Empty);
    outer.record("lines", 7);
    let _outer = outer.enter();
    tracing::warn!("between");
    tracing::info_span!("inner").in_scope(|| tracing::warn!(size = 7, "deep inside"));
    tracing::debug!("a detail");
}

#[cpu_task(retry = none)]
fn prints() {
    println!("printed by a task");
}

#[cpu_task(retry = none)]
fn panics() {
    panic!("what now");
}

/// Keeps what is written to it.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, part: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(part)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Log {
    /// Returns the only line with these words.
    fn line(&self, words: &str) -> String {
        let text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
        let lines: Vec<&str> = text.lines().filter(|it| it.contains(words)).collect();
        assert_eq!(lines.len(), 1, "one line with `{words}`: {text}");
        lines[0].to_owned()
    }
}

// One test: tracing remembers for a whole process who wants what.
#[tokio::test]
async fn a_worker_is_heard_with_the_run_and_the_spans_around_it() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt().with_ansi(false);
    let subscriber = subscriber.with_writer(move || writer.clone()).finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let (mut watcher, observer) = Watcher::new();
    let mut pool = PoolConfig::default();
    pool.program = cpu_worker();
    pool.workers = 1;
    pool.panic_backtrace = true;
    let app = App::new(Broker::memory())
        .tasks(all())
        .consumer(|consumer| consumer.cpu(CpuSettings::processes(pool)))
        .observe(observer);
    let app = app.start().await.unwrap();
    let manager = app.task_manager();
    let run = logs::queue(manager).await.unwrap().id();
    assert_eq!(watcher.end_of(run).await, RunState::Succeeded);
    let line = log.line("deep inside size=7");
    for part in [
        " WARN ",
        &format!("run={run}"),
        "from=\"cpu_logs\"",
        "spans=\"outer{file=\\\"a.txt\\\" lines=7}:inner\"",
    ] {
        assert!(line.contains(part), "{part} in {line}");
    }
    assert!(log.line("between").contains("spans=\"outer{"));
    assert!(
        log.line("the model is read")
            .contains("cpu_worker{worker=1}")
    );
    assert!(
        log.line("INFO cpu_logs: the model is made layers=3")
            .contains("aqueduct::cpu::output")
    );

    let run = prints::queue(manager).await.unwrap().id();
    assert_eq!(watcher.end_of(run).await, RunState::Succeeded);
    assert!(
        log.line("printed by a task")
            .contains(&format!("run={run}"))
    );

    let run = panics::queue(manager).await.unwrap().id();
    assert_eq!(watcher.end_of(run).await, RunState::Failed);
    let failure = watcher.failure_of(run);
    assert_eq!(failure.lines().count(), 1, "{failure}");
    assert!(
        failure.starts_with("Panic: what now, at tests/tests/cpu_logs.rs:"),
        "{failure}"
    );
    let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(
        text.contains("a CPU task panicked") && text.contains("cpu_logs::panics"),
        "{text}"
    );
    app.stop().await.unwrap();
}
