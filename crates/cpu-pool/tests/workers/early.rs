//! What workers print before they have work; in a process of its own, since tracing remembers for a whole
//! process who wants what.

use std::sync::{Arc, Mutex};

use aqueduct_cpu_pool::Profile;

use crate::support::{Pool, text};

/// Keeps what is logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, part: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(part)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Prints of a worker that has no work yet are logged.
pub(crate) fn early_prints() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt().with_ansi(false);
    let subscriber = subscriber.with_writer(move || writer.clone()).finish();
    // One thread, so that all of the pool has this subscriber.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    tracing::subscriber::with_default(subscriber, || {
        runtime.block_on(async {
            let mut profile = Profile::default();
            profile.env.insert("PREPARE".to_owned(), "print".to_owned());
            let pool = Pool::new();
            text(pool.run_in(profile, "pid").await);
            pool.close().await;
        });
    });
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    let lines: Vec<&str> = log
        .lines()
        .filter(|it| it.contains("a line of the preparation"))
        .collect();
    assert!(
        lines.len() == 1 && lines[0].contains("INFO cpu_worker{worker=1}"),
        "{log}"
    );
}
