//! One process: its exit, its group, and that it never outlives its pool.

use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::Child;
use std::time::Duration;

use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open};

use super::descriptor::Descriptor;
use crate::budget::memory_of;
use crate::death::Exit;

/// A process that leads a group of its own.
///
/// Dropping it kills the group and reaps the process.
#[derive(Debug)]
pub(super) struct Worker {
    child: Child,
    pid: Option<Pid>,
    exit: Descriptor,
    reaped: Option<Exit>,
}

/// How long a process may take to end after it has closed its pipe.
const EXIT_TIME: Duration = Duration::from_millis(500);

impl Worker {
    pub(super) fn new(mut child: Child) -> io::Result<Self> {
        let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        let exit = pid
            .ok_or_else(|| io::Error::other("the process has no id"))
            .and_then(|pid| Ok(pidfd_open(pid, PidfdFlags::empty())?))
            .and_then(Descriptor::watch);
        match exit {
            Ok(exit) => Ok(Self {
                child,
                pid,
                exit,
                reaped: None,
            }),
            Err(error) => {
                let _ = child.kill();
                let _ = child.wait();
                Err(error)
            }
        }
    }

    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits until the process has ended; it is not reaped yet.
    pub(super) async fn exited(&self) {
        // An error of the poller ends the wait as well: then reaping waits.
        self.exit.readable().await;
    }

    /// Sends a signal to the process and to all that it has started.
    pub(super) fn signal(&self, signal: Signal) {
        if let (Some(pid), None) = (self.pid, self.reaped) {
            // Fails only if nobody is left, which is what is wanted.
            let _ = kill_process_group(pid, signal);
        }
    }

    /// Waits a moment for the exit that a closed pipe announces, then takes it.
    pub(super) async fn reap_soon(&mut self) -> Exit {
        // What does not end by itself is killed below.
        let _ = tokio::time::timeout(EXIT_TIME, self.exited()).await;
        self.reap()
    }

    /// Kills the group, then reaps its leader: as long as that is a zombie, nobody else has its number.
    pub(super) fn reap(&mut self) -> Exit {
        if let Some(exit) = self.reaped {
            return exit;
        }
        self.signal(Signal::KILL);
        let exit = match self.child.wait() {
            Ok(status) => status
                .signal()
                .map_or_else(|| Exit::Code(status.code().unwrap_or(-1)), Exit::Signal),
            // Somebody else has reaped it.
            Err(_) => Exit::Code(-1),
        };
        self.reaped = Some(exit);
        exit
    }

    /// Returns the memory of the process that nobody shares, in bytes.
    pub(super) fn memory(&self) -> u64 {
        memory_of(&self.id().to_string()).unwrap_or_default()
    }

    /// Returns whether a debugger holds the process: then its silence means nothing.
    pub(super) fn is_traced(&self) -> bool {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.id()));
        let status = status.unwrap_or_default();
        let tracer = status
            .lines()
            .find_map(|line| line.strip_prefix("TracerPid:"));
        tracer.is_some_and(|pid| pid.trim() != "0")
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.reap();
    }
}
