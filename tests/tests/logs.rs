//! What the log says of attempts that did not end well, so that somebody can find out why.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use aqueduct::{App, Broker, TaskError, task, tasks};
use integration::Watcher;

#[task(retry(max = 1, backoff = "1ms"))]
async fn unlucky() -> Result<(), TaskError> {
    Err(TaskError::msg("no luck today"))
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

#[tokio::test]
async fn a_failed_attempt_says_why() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_ansi(false)
        .with_writer(move || writer.clone());
    let guard = tracing::subscriber::set_default(subscriber.finish());
    let (mut watcher, observer) = Watcher::new();
    let app = App::new(Broker::memory())
        .tasks(tasks![unlucky])
        .observe(observer);
    let app = app.start().await.unwrap();
    let run = unlucky::queue(app.task_manager()).await.unwrap().id();
    watcher.end_of(run).await;
    app.stop().await.unwrap();
    drop(guard);
    let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    let lines: Vec<&str> = text.lines().filter(|it| it.contains("no luck")).collect();
    assert_eq!(lines.len(), 2, "one line an attempt: {text}");
    assert!(lines[0].contains("WARN") && lines[0].contains("retry_in="));
    assert!(lines[1].contains("ERROR") && lines[1].contains("attempt=2"));
    let is_told_apart = |line: &&str| line.contains("unlucky") && line.contains(&run.to_string());
    assert!(lines.iter().all(is_told_apart), "{text}");
}
