//! The thread that starts processes.
//!
//! Starting blocks, and the death signal of a child follows the thread that started it: so there is
//! one thread for it, as long as the pool lives.

use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;

use tokio::sync::oneshot;

use crate::marker::{Marker, VARIABLE, worker_name};
use crate::profile::Profile;
use crate::program::Program;

/// Starts processes, one at a time.
#[derive(Debug)]
pub(super) struct Spawner(SyncSender<Order>);

/// A process to start.
#[derive(Debug)]
struct Order {
    command: Command,
    started: oneshot::Sender<io::Result<Child>>,
}

/// So many starts wait at most; more wait in their callers.
const MAX_WAITING: usize = 1024;

impl Spawner {
    /// Starts the thread.
    pub(super) fn start() -> io::Result<Self> {
        let (orders, waiting) = sync_channel::<Order>(MAX_WAITING);
        let body = move || {
            for Order {
                mut command,
                started,
            } in waiting
            {
                if let Err(Ok(unwanted)) = started.send(command.spawn()) {
                    end(unwanted);
                }
            }
        };
        let thread = thread::Builder::new().name("aqueduct-spawner".to_owned());
        thread.spawn(body)?;
        Ok(Self(orders))
    }

    /// Starts one worker.
    pub(super) async fn spawn(&self, command: Command) -> io::Result<Child> {
        let (started, waiting) = oneshot::channel();
        let order = Order { command, started };
        self.0
            .try_send(order)
            .map_err(|_full| io::Error::other("the spawner has no room"))?;
        waiting
            .await
            .map_err(|_gone| io::Error::other("the spawner is gone"))?
    }
}

/// Ends a process that nobody waits for any more: it holds its pipes only.
fn end(mut unwanted: Child) {
    let _ = unwanted.kill();
    let _ = unwanted.wait();
}

/// Prepares the command of a worker: no hook after the fork, so that starting costs the same whatever
/// memory this process has.
pub(super) fn command(
    program: &Program,
    profile: &Profile,
    marker: &Marker,
    number: u32,
) -> Command {
    let path = program.path();
    let own = std::env::args_os().next();
    let own = own.map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    let mut command = Command::new(path);
    command
        .arg0(worker_name(&own, number))
        .args(program.args())
        .env_clear()
        .envs(profile.environment(std::env::vars_os()))
        .env(VARIABLE, marker.to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0);
    command
}
