//! What the log says of attempts that did not end well, so that somebody can find out why.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::{self, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aqueduct::broker_api::{
    Broker as _, BrokerAdmin as _, ClaimRequest, LaneWant, ReclaimRequest, Sequence,
};
use aqueduct::{App, Broker, Lane, QueueName, TaskError, task, tasks};
use aqueduct_core::ConsumerId;
use aqueduct_redis_server::RedisServer;
use integration::Watcher;
use integration::redis::{broker, server};
use tracing::subscriber::DefaultGuard;

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

impl Log {
    /// Takes what this thread logs, as long as the guard lives.
    fn taking() -> (Self, DefaultGuard) {
        let log = Self::default();
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_ansi(false)
            .with_writer(move || writer.clone());
        (log, tracing::subscriber::set_default(subscriber.finish()))
    }

    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

#[tokio::test]
async fn a_failed_attempt_says_why() {
    let (log, guard) = Log::taking();
    let (mut watcher, observer) = Watcher::new();
    let app = App::new(Broker::memory())
        .tasks(tasks![unlucky])
        .observe(observer);
    let app = app.start().await.unwrap();
    let run = unlucky::queue(app.task_manager()).await.unwrap().id();
    watcher.end_of(run).await;
    app.stop().await.unwrap();
    drop(guard);
    let text = log.text();
    let lines: Vec<&str> = text.lines().filter(|it| it.contains("no luck")).collect();
    assert_eq!(lines.len(), 2, "one line an attempt: {text}");
    assert!(lines[0].contains("WARN") && lines[0].contains("retry_in="));
    assert!(lines[1].contains("ERROR") && lines[1].contains("attempt=2"));
    let is_told_apart = |line: &&str| line.contains("unlucky") && line.contains(&run.to_string());
    assert!(lines.iter().all(is_told_apart), "{text}");
}

/// Puts bytes into the ready list that are no runs, and lets a claim come upon them.
async fn break_entries(server: &RedisServer, entries: &[&[u8]]) {
    let ready = b"{aqueduct}:ready:io:medium:default";
    for entry in entries {
        server.command_bytes(&[b"RPUSH", ready, entry]).unwrap();
    }
    let want = LaneWant::new(Lane::Io, Arc::from([QueueName::DEFAULT]), 9);
    let consumer = ConsumerId::generate();
    let claim = ClaimRequest::new(consumer, Sequence::FIRST, Duration::from_secs(5)).want(want);
    let claimed = broker(&server.url()).await.claim(&claim).await.unwrap();
    assert!(claimed.leases.is_empty());
}

#[tokio::test]
async fn what_cannot_be_read_is_told_once() {
    let server = server(&[]);
    let broker = broker(&server.url()).await;
    let beat = ReclaimRequest::new(Duration::from_secs(1), Duration::from_secs(5));
    let (log, _guard) = Log::taking();
    let lines = || {
        let text = log.text();
        let told = text.lines().filter(|line| line.contains("cannot be read"));
        told.map(str::to_owned).collect::<Vec<_>>()
    };
    broker.reclaim(&beat).await.unwrap();
    assert!(lines().is_empty(), "{:?}", lines());
    break_entries(&server, &[b"garbage", &[2; 80]]).await;
    for _ in 0..3 {
        broker.reclaim(&beat).await.unwrap();
    }
    let told = lines();
    assert_eq!(told.len(), 1, "{told:?}");
    for part in ["WARN", "all=2 new=2", "{aqueduct}:unreadable"] {
        assert!(told[0].contains(part), "{told:?}");
    }
    break_entries(&server, &[b"more"]).await;
    broker.reclaim(&beat).await.unwrap();
    assert!(lines()[1].contains("all=3 new=1"), "{:?}", lines());
    assert_eq!(broker.unreadable().await.unwrap(), 3);
    // Somebody has looked at them; what comes then is told again.
    server.command(&["DEL", "{aqueduct}:unreadable"]).unwrap();
    broker.reclaim(&beat).await.unwrap();
    break_entries(&server, &[b"again"]).await;
    broker.reclaim(&beat).await.unwrap();
    assert!(lines()[2].contains("all=1 new=1"), "{:?}", lines());
    assert_eq!(lines().len(), 3);
}
