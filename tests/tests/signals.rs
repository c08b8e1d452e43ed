//! Ctrl-C is heard whatever the tasks do.
#![cfg(unix)]
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::Duration;

/// Ends the process if the test fails.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It has ended already, unless the test fails.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn interrupt(child: &Child) {
    let mut kill = Command::new("kill");
    kill.args(["-INT", &child.id().to_string()]);
    assert!(kill.status().unwrap().success());
}

/// Reads lines on a thread of its own, so that waiting for one has an end.
fn lines_of(errors: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, lines) = mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(errors).lines().map_while(Result::ok) {
            let _ = sender.send(line);
        }
    });
    lines
}

fn await_line(lines: &Receiver<String>, wanted: &str) {
    while !lines.recv_timeout(PATIENCE).expect(wanted).contains(wanted) {}
}

/// Nothing here takes as long, unless it hangs.
const PATIENCE: Duration = Duration::from_mins(1);

/// Starts the program, and waits until its tasks block both threads.
fn blocked(grace: &str) -> (Running, Receiver<String>) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_blocked"));
    command.arg(grace);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut running = Running(child.spawn().unwrap());
    let mut lines = BufReader::new(running.0.stdout.take().unwrap()).lines();
    for _ in 0..2 {
        assert_eq!(lines.next().unwrap().unwrap(), "blocking");
    }
    let errors = lines_of(running.0.stderr.take().unwrap());
    (running, errors)
}

fn await_end(errors: &Receiver<String>) {
    let end = std::iter::from_fn(|| Some(errors.recv_timeout(PATIENCE))).find_map(Result::err);
    assert_eq!(end, Some(RecvTimeoutError::Disconnected), "it goes on");
}

#[test]
fn the_grace_time_ends_although_tasks_block_every_thread() {
    let (mut running, errors) = blocked("0");
    interrupt(&running.0);
    await_line(&errors, "its run is given back");
    await_end(&errors);
    assert_eq!(running.0.wait().unwrap().code(), Some(0));
}

#[test]
fn a_second_signal_ends_a_process_whose_tasks_block_every_thread() {
    let (mut running, errors) = blocked("25");
    interrupt(&running.0);
    await_line(&errors, "stopping");
    // What follows the first at once counts as the same one: so it is sent until it ends.
    while running.0.try_wait().unwrap().is_none() {
        interrupt(&running.0);
    }
    await_line(&errors, "stopped at once by a second signal");
    await_end(&errors);
    assert_eq!(running.0.wait().unwrap().code(), Some(1));
}
