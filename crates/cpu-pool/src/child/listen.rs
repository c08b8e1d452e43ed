//! The listening thread: frames of the parent, signals, signs of life.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::sync::Arc;
use std::sync::mpsc::SyncSender;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use super::channel::Channel;
use super::life::{self, Ending};
use super::worker::Incoming;
use crate::body::{Link, Uplink};
use crate::frame::{Decoder, Frame, Kind, Violation};
use crate::message::{self, ReplyMeta, WorkMeta};
use crate::work::{Stop, Work};

/// What the listening thread is made of.
pub(super) struct Listener {
    pub(super) input: File,
    pub(super) decoder: Decoder,
    pub(super) channel: Arc<Channel>,
    pub(super) hand_over: SyncSender<Incoming>,
    pub(super) ending: Ending,
    pub(super) heartbeat: Duration,
}

impl Listener {
    /// Listens until the process ends.
    pub(super) fn listen(mut self) -> ! {
        loop {
            if let Err(violation) = self.take_frames() {
                // The parent sees the code, and stderr is in its log.
                eprint(&format!("the pool broke the protocol: {violation}"));
                life::leave(life::PROTOCOL_BROKEN);
            }
            let (input, signals) = self.wait();
            if signals && self.ending.take() {
                self.terminate();
            }
            if input {
                self.read();
            }
        }
    }

    /// Waits for input or signals; beats meanwhile.
    fn wait(&self) -> (bool, bool) {
        let mut fds = [
            PollFd::new(&self.input, PollFlags::IN),
            PollFd::from_borrowed_fd(self.ending.signals(), PollFlags::IN),
        ];
        let timeout = Timespec::try_from(self.heartbeat).ok();
        match poll(&mut fds, timeout.as_ref()) {
            Ok(0) => {
                if self.channel.doing().work.is_some() {
                    self.channel.beat();
                }
                (false, false)
            }
            Ok(_) => {
                let [input, signals] = fds;
                (!input.revents().is_empty(), !signals.revents().is_empty())
            }
            Err(Errno::INTR) => (false, true),
            Err(_) => life::end_group(),
        }
    }

    fn read(&mut self) {
        match self.input.read(self.decoder.space()) {
            Ok(0) => life::end_group(),
            Ok(count) => self.decoder.filled(count),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(_) => life::end_group(),
        }
    }

    fn take_frames(&mut self) -> Result<(), Violation> {
        while let Some(frame) = self.decoder.next()? {
            self.take(frame)?;
        }
        Ok(())
    }

    fn take(&self, frame: Frame) -> Result<(), Violation> {
        let Frame {
            kind,
            about,
            meta,
            blob,
        } = frame;
        match kind {
            Kind::Work => self.begin(about, message::read(&meta)?, blob),
            Kind::Stop => {
                self.stop(about, &message::read(&meta)?);
                Ok(())
            }
            Kind::Reply => {
                let ReplyMeta { error } = message::read(&meta)?;
                self.channel.answer(about, error.map_or(Ok(blob), Err));
                Ok(())
            }
            Kind::Drain => {
                self.drain();
                Ok(())
            }
            other => Err(Violation::new(format!("{other:?} is not for workers"))),
        }
    }

    /// Hands work over to the working thread.
    fn begin(&self, about: u32, meta: WorkMeta, params: Vec<u8>) -> Result<(), Violation> {
        let uplink: Arc<dyn Uplink> = Arc::<Channel>::clone(&self.channel);
        let link = Link::new(about, uplink);
        {
            let mut doing = self.channel.doing();
            if doing.work.is_some() {
                return Err(Violation::new("work for a worker that has some"));
            }
            doing.work = Some((about, link.clone()));
        }
        let work = Work {
            name: meta.name,
            params: Arc::new(params),
            detail: meta.detail,
            remaining: Duration::from_millis(meta.remaining_ms),
            cpu_time: meta.cpu_ms.map(Duration::from_millis),
        };
        let incoming = Incoming { about, work, link };
        let handed = self.hand_over.try_send(incoming);
        handed.map_err(|_full| Violation::new("the working thread takes no work"))
    }

    /// Tells the work to end, if it is still that work.
    fn stop(&self, about: u32, stop: &Stop) {
        let link = {
            let mut doing = self.channel.doing();
            let link = doing.work.as_ref().filter(|(now, _)| *now == about);
            let link = link.map(|(_, link)| link.clone());
            doing.is_stopping |= link.is_some();
            link
        };
        if let Some(link) = link {
            link.stop(stop);
        }
    }

    /// SIGTERM: ends work that was told to end; else finishes and leaves.
    fn terminate(&self) {
        if self.channel.doing().is_stopping {
            life::leave(life::TERMINATED);
        }
        self.drain();
    }

    /// Leaves, at once or after the work.
    fn drain(&self) {
        if !self.channel.doing().drain() {
            return;
        }
        // The parent sees the code as well.
        let _ = self.channel.send(Kind::Goodbye, 0, &[], &[]);
        life::leave(0);
    }
}

#[expect(
    clippy::print_stderr,
    reason = "stderr of a worker is the log of its parent"
)]
fn eprint(text: &str) {
    eprintln!("{text}");
}
