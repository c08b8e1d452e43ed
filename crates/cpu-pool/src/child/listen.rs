//! The listening thread: signals, signs of life, and the frames of the parent while there is work.

use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;

use super::channel::Channel;
use super::intake::{Intake, wait};
use super::life::{self, Ending};

/// What the listening thread is made of.
pub(super) struct Listener {
    intake: Arc<Intake>,
    channel: Arc<Channel>,
    ending: Ending,
    heartbeat: Duration,
    waiting: OwnedFd,
}

impl Listener {
    pub(super) fn new(
        intake: Arc<Intake>,
        channel: Arc<Channel>,
        ending: Ending,
        heartbeat: Duration,
    ) -> rustix::io::Result<Self> {
        let waiting = intake.second_waiting(ending.signals())?;
        Ok(Self {
            intake,
            channel,
            ending,
            heartbeat,
            waiting,
        })
    }

    /// Listens until the process ends.
    pub(super) fn listen(self) -> ! {
        loop {
            let woken = wait(&self.waiting, Some(self.heartbeat));
            if woken.other && self.ending.take() {
                self.terminate();
            }
            if woken.input {
                self.intake.listen();
            }
            if !woken.input && !woken.other && self.channel.doing().work.is_some() {
                self.channel.beat();
            }
        }
    }

    /// SIGTERM: ends work that was told to end; else finishes and leaves.
    fn terminate(&self) {
        if self.channel.doing().is_stopping {
            life::leave(life::TERMINATED);
        }
        self.intake.drain();
    }
}
