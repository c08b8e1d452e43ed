//! The end of a worker: signals, and the death of its parent.

use std::io;
use std::os::fd::OwnedFd;
use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{
    Pid, Signal, getpgrp, getpid, getppid, kill_current_process_group, kill_process,
    set_parent_process_death_signal,
};
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};
use signal_hook::{flag, low_level};

/// The worker was told to end by a signal, after it was told by a frame.
pub(super) const TERMINATED: i32 = 143;
/// The worker cannot be used.
pub(super) const NOT_USABLE: i32 = 78;
/// The pool said something that makes no sense.
pub(super) const PROTOCOL_BROKEN: i32 = 70;
/// Nobody is there any more.
pub(super) const PARENT_GONE: i32 = 79;

/// Signals become readable here, one byte each.
#[derive(Debug)]
pub(super) struct Ending {
    signals: OwnedFd,
    terminate: Arc<AtomicBool>,
    parent: u32,
}

impl Ending {
    /// Begins to watch: SIGTERM asks for the end, SIGHUP may mean that the parent is gone.
    ///
    /// SIGHUP, SIGINT and SIGQUIT do nothing by themselves: they come from a terminal, and are meant
    /// for the parent. They are handled and not ignored, since programs that a task starts would
    /// inherit that.
    pub(super) fn watch(parent: u32) -> io::Result<Self> {
        let (signals, tell) = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)?;
        let terminate = Arc::new(AtomicBool::new(false));
        flag::register(SIGTERM, Arc::clone(&terminate))?;
        for signal in [SIGTERM, SIGHUP, SIGINT, SIGQUIT] {
            low_level::pipe::register(signal, tell.try_clone()?)?;
        }
        set_parent_process_death_signal(Some(Signal::HUP))?;
        let ending = Self {
            signals,
            terminate,
            parent,
        };
        ending.check_parent();
        Ok(ending)
    }

    pub(super) fn signals(&self) -> &OwnedFd {
        &self.signals
    }

    /// Takes the signals that have come; returns whether one of them asks for the end.
    pub(super) fn take(&self) -> bool {
        let mut bytes = [0; 64];
        while rustix::io::read(&self.signals, &mut bytes).is_ok_and(|count| count > 0) {}
        self.check_parent();
        self.terminate.swap(false, Ordering::AcqRel)
    }

    /// Ends everything if the parent is gone.
    fn check_parent(&self) {
        let now = getppid().map(|pid| pid.as_raw_nonzero().get().cast_unsigned());
        if now != Some(self.parent) {
            end_group();
        }
    }
}

/// Kills this process with all that it has started.
pub(super) fn end_group() -> ! {
    if getpgrp() == getpid() {
        // Cannot fail: the group has a member, this one.
        let _ = kill_current_process_group(Signal::KILL);
    }
    let own: Pid = getpid();
    let _ = kill_process(own, Signal::KILL);
    leave(PARENT_GONE)
}

/// Says something to the log of the parent, which is what stderr of a worker is.
///
/// Straight into the descriptor: the work may hold the lock of `std::io::stderr`.
pub(super) fn say(text: &str) {
    // Whoever reads the log can do without it.
    let _ = rustix::io::write(rustix::stdio::stderr(), format!("{text}\n").as_bytes());
}

/// Leaves with a code that says why.
pub(super) fn leave(code: i32) -> ! {
    process::exit(code)
}
