//! What the pool says to a worker: read by whichever of its two threads is free.
//!
//! The working thread reads while it has no work: so work needs no second wake-up, of another thread. While
//! it works, the listening thread reads. Both wait for the pipe with `EPOLLEXCLUSIVE`, the working thread
//! in front: the system wakes the first of them that waits. Nothing but speed depends on that order.

#[cfg(test)]
mod tests;

use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::event::{EventfdFlags, Timespec, eventfd};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::io::{Errno, read, write};

use super::channel::Channel;
use super::life;
use crate::body::{Link, Uplink};
use crate::frame::{Decoder, Frame, Kind, Violation};
use crate::message::{self, ReplyMeta, WorkMeta};
use crate::work::{Stop, Work};

/// The frames of the pool, and the work that they bring.
#[derive(Debug)]
pub(super) struct Intake {
    pipe: OwnedFd,
    decoder: Mutex<Decoder>,
    channel: Arc<Channel>,
    inbox: Mutex<Option<Incoming>>,
    /// Becomes readable when the listening thread has put work into the inbox.
    called: OwnedFd,
    working: OwnedFd,
}

/// A piece of work on its way to the working thread.
#[derive(Debug)]
pub(super) struct Incoming {
    pub(super) about: u32,
    pub(super) work: Work,
    pub(super) link: Link,
}

/// What woke a thread.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Woken {
    pub(super) input: bool,
    pub(super) other: bool,
}

impl Intake {
    /// Takes over the pipe from the pool; the calling order decides who reads first: the working thread.
    pub(super) fn new(
        pipe: OwnedFd,
        decoder: Decoder,
        channel: Arc<Channel>,
    ) -> rustix::io::Result<Self> {
        fcntl_setfl(&pipe, fcntl_getfl(&pipe)? | OFlags::NONBLOCK)?;
        let called = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        let working = waiting_for(&pipe, &called)?;
        Ok(Self {
            pipe,
            decoder: Mutex::new(decoder),
            channel,
            inbox: Mutex::default(),
            called,
            working,
        })
    }

    /// Makes the waiting of the listening thread: for input, and for `other`.
    pub(super) fn second_waiting(&self, other: &OwnedFd) -> rustix::io::Result<OwnedFd> {
        waiting_for(&self.pipe, other)
    }

    /// Waits until there is work; on the working thread.
    pub(super) fn next_work(&self) -> Incoming {
        loop {
            if let Some(incoming) = self.inbox().take() {
                return incoming;
            }
            let woken = wait(&self.working, None);
            if woken.other {
                // Readable only once for each call, however often it was called.
                let _ = read(&self.called, &mut [0; 8]);
            }
            if woken.input {
                self.take_frames(|| {});
            }
        }
    }

    /// Reads what is there; on the listening thread.
    pub(super) fn listen(&self) {
        self.take_frames(|| {
            // Full only if it is readable already.
            let _ = write(&self.called, &1_u64.to_ne_bytes());
        });
    }

    /// Reads until the pipe is empty, and takes all whole frames; `call` wakes the working thread.
    fn take_frames(&self, call: impl Fn()) {
        let mut decoder = self.decoder.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let space = decoder.space();
            let room = space.len();
            let count = match read(&self.pipe, space) {
                Ok(0) => life::end_group(),
                Ok(count) => count,
                Err(Errno::INTR) => continue,
                Err(Errno::AGAIN) => return,
                Err(_) => life::end_group(),
            };
            decoder.filled(count);
            if let Err(violation) = self.take_whole(&mut decoder, &call) {
                life::say(&format!("the pool broke the protocol: {violation}"));
                life::leave(life::PROTOCOL_BROKEN);
            }
            if count < room {
                // A pipe gives less than asked for only if that is all.
                return;
            }
        }
    }

    fn take_whole(&self, decoder: &mut Decoder, call: &impl Fn()) -> Result<(), Violation> {
        while let Some(frame) = decoder.next()? {
            if let Some(incoming) = self.take(frame)? {
                *self.inbox() = Some(incoming);
                call();
            }
        }
        Ok(())
    }

    fn take(&self, frame: Frame) -> Result<Option<Incoming>, Violation> {
        let Frame {
            kind,
            about,
            meta,
            blob,
        } = frame;
        match kind {
            Kind::Work => return self.begin(about, message::read(&meta)?, blob),
            Kind::Stop => self.stop(about, &message::read(&meta)?),
            Kind::Reply => {
                let ReplyMeta { error } = message::read(&meta)?;
                self.channel.answer(about, error.map_or(Ok(blob), Err));
            }
            Kind::Drain => self.drain(),
            other => return Err(Violation::new(format!("{other:?} is not for workers"))),
        }
        Ok(None)
    }

    /// Takes work, unless this worker is about to leave: then its goodbye gives the work to another.
    fn begin(
        &self,
        about: u32,
        meta: WorkMeta,
        params: Vec<u8>,
    ) -> Result<Option<Incoming>, Violation> {
        let uplink: Arc<dyn Uplink> = Arc::<Channel>::clone(&self.channel);
        let link = Link::new(about, uplink);
        {
            let mut doing = self.channel.doing();
            if doing.work.is_some() {
                return Err(Violation::new("work for a worker that has some"));
            }
            if doing.is_draining {
                return Ok(None);
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
        Ok(Some(Incoming { about, work, link }))
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

    /// Leaves, at once or after the work.
    pub(super) fn drain(&self) {
        if !self.channel.doing().drain() {
            return;
        }
        // The parent sees the code as well.
        let _ = self.channel.send(Kind::Goodbye, 0, &[], &[]);
        life::leave(0);
    }

    fn inbox(&self) -> std::sync::MutexGuard<'_, Option<Incoming>> {
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Makes a set of what one thread waits for: input, and something else.
fn waiting_for(pipe: &OwnedFd, other: &OwnedFd) -> rustix::io::Result<OwnedFd> {
    let waiting = epoll::create(CreateFlags::CLOEXEC)?;
    let input = EventFlags::IN | EventFlags::EXCLUSIVE;
    epoll::add(&waiting, pipe, EventData::new_u64(INPUT), input)?;
    epoll::add(&waiting, other, EventData::new_u64(OTHER), EventFlags::IN)?;
    Ok(waiting)
}

/// Waits for something of such a set, for so long at most.
pub(super) fn wait(waiting: &OwnedFd, limit: Option<Duration>) -> Woken {
    let nothing = Event {
        flags: EventFlags::empty(),
        data: EventData::new_u64(0),
    };
    let mut events = [nothing; 2];
    let limit = limit.and_then(|limit| Timespec::try_from(limit).ok());
    match epoll::wait(waiting, &mut events, limit.as_ref()) {
        Ok(count) => {
            let has = |what| events.iter().take(count).any(|it| it.data.u64() == what);
            Woken {
                input: has(INPUT),
                other: has(OTHER),
            }
        }
        Err(Errno::INTR) => Woken {
            input: true,
            other: true,
        },
        Err(_) => life::end_group(),
    }
}

const INPUT: u64 = 1;
const OTHER: u64 = 2;
