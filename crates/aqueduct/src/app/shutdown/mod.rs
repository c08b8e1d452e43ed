//! The signals that ask for the stop, heard on a thread of their own.
//!
//! On the runtime of the tasks nobody would hear them while tasks block all of its threads.

use std::io;
use std::thread;
use std::time::Duration;

use aqueduct_core::clock::Clock;
use aqueduct_core::time::Monotonic;
use tokio::signal;
use tokio::sync::{mpsc, oneshot};

/// Ctrl-C and, on Unix, SIGTERM.
pub(super) struct Signals(mpsc::Receiver<()>);

/// Tells a new signal from the echo of the one before: what sends a signal to a process and to its group
/// sends it twice.
#[derive(Default)]
struct Echo {
    last: Option<Monotonic>,
}

/// Signals that nobody has awaited yet; further ones add nothing.
const MAX_UNHEARD: usize = 2;

/// What follows a signal so soon is its echo: shorter than the pause between two keystrokes that are meant.
const ECHO: Duration = Duration::from_millis(250);

impl Signals {
    /// Begins to listen; from now on these signals no longer end the process by themselves.
    pub(super) async fn listen() -> io::Result<Self> {
        let (heard, signals) = mpsc::channel(MAX_UNHEARD);
        let (ready, is_ready) = oneshot::channel();
        thread::Builder::new()
            .name("aqueduct-signals".to_owned())
            .spawn(move || forward(&heard, ready))?;
        match is_ready.await {
            Ok(Ok(())) => Ok(Self(signals)),
            Ok(Err(error)) => Err(error),
            Err(_) => Err(io::Error::other("the thread that listens has ended")),
        }
    }

    /// Waits for the next signal.
    pub(super) async fn next(&mut self) {
        if self.0.recv().await.is_none() {
            std::future::pending::<()>().await;
        }
    }
}

/// Passes signals on until nobody awaits them any more.
fn forward(heard: &mpsc::Sender<()>, ready: oneshot::Sender<io::Result<()>>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => return drop(ready.send(Err(error))),
    };
    runtime.block_on(async {
        let mut source = match Source::open() {
            Ok(source) => source,
            Err(error) => return drop(ready.send(Err(error))),
        };
        if ready.send(Ok(())).is_err() {
            return;
        }
        let (clock, mut echo) = (Clock::system(), Echo::default());
        loop {
            tokio::select! {
                () = source.next() => {
                    if echo.is_new(clock.monotonic()) {
                        // Those that nobody awaits any more add nothing.
                        let _ = heard.try_send(());
                    }
                }
                () = heard.closed() => return,
            }
        }
    });
}

impl Echo {
    /// Returns whether a signal that comes `now` is meant for itself.
    fn is_new(&mut self, now: Monotonic) -> bool {
        let is_new = self
            .last
            .is_none_or(|last| now >= last.saturating_add(ECHO));
        if is_new {
            self.last = Some(now);
        }
        is_new
    }
}

/// The signals as the operating system has them.
struct Source {
    #[cfg(unix)]
    terminate: signal::unix::Signal,
    #[cfg(unix)]
    interrupt: signal::unix::Signal,
}

#[cfg(unix)]
impl Source {
    fn open() -> io::Result<Self> {
        use signal::unix::{SignalKind, signal};
        let terminate = signal(SignalKind::terminate())?;
        Ok(Self {
            terminate,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

#[cfg(not(unix))]
impl Source {
    #[expect(clippy::unnecessary_wraps, reason = "the Unix form can fail")]
    fn open() -> io::Result<Self> {
        Ok(Self {})
    }

    async fn next(&mut self) {
        if signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

#[cfg(test)]
mod tests;
