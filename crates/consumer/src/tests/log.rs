//! What the log says of a broker that does not answer.

use std::io::{self, Write};

use super::*;

/// Returns what a consumer logs in a minute.
async fn log_of(world: &World) -> String {
    let log = Arc::new(Mutex::new(Vec::new()));
    let writer = Arc::clone(&log);
    let subscriber = tracing_subscriber::fmt()
        .with_ansi(false)
        .with_writer(move || Written(Arc::clone(&writer)));
    let guard = tracing::subscriber::set_default(subscriber.finish());
    let (shared, mut pump) = world.consumer(|consumer| consumer);
    live(&shared, &mut pump, 60 * SECOND).await;
    drop(guard);
    let text = log.lock().unwrap().clone();
    String::from_utf8(text).unwrap()
}

/// Keeps what is written to it.
struct Written(Arc<Mutex<Vec<u8>>>);

impl Write for Written {
    fn write(&mut self, part: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(part)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn the_log_says_once_that_the_broker_answers_again() {
    let answers = "the broker answers again";
    let world = World::new(|broker| broker);
    assert!(!log_of(&world).await.contains(answers));
    let world = World::new(|broker| broker);
    world.broker.fail_next(Operation::Claim, Fault::Error);
    world.broker.fail_next(Operation::Claim, Fault::Error);
    let log = log_of(&world).await;
    assert_eq!(log.matches(answers).count(), 1, "{log}");
}
