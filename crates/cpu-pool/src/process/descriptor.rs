//! A descriptor that one task reads, without further reads to find out that there is nothing more.

use std::future::poll_fn;
use std::io;
use std::os::fd::OwnedFd;

use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::io::{Errno, read};
use tokio::io::Interest;
use tokio::io::unix::{AsyncFd, AsyncFdReadyGuard};

/// A descriptor that one task waits for: a further task would take the wake-ups of the first.
#[derive(Debug)]
pub(super) struct Descriptor(AsyncFd<OwnedFd>);

/// What one read gave, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Read {
    /// All that there was.
    All(usize),
    /// As much as there was room for.
    Some(usize),
    /// The end.
    End,
}

impl Descriptor {
    /// Watches a descriptor that never blocks, whatever becomes readable of it.
    #[expect(
        deprecated,
        reason = "the replacement is unsafe, because of types that change their descriptor; this one does not"
    )]
    pub(super) fn watch(descriptor: OwnedFd) -> io::Result<Self> {
        AsyncFd::with_interest(descriptor, Interest::READABLE).map(Self)
    }

    /// Watches the reading end of a pipe.
    pub(super) fn watch_pipe(pipe: OwnedFd) -> io::Result<Self> {
        do_not_block(&pipe)?;
        Self::watch(pipe)
    }

    /// Waits until it is readable; an error of the poller ends the wait as well.
    ///
    /// Cancel safe.
    pub(super) async fn readable(&self) {
        // Fails only when the runtime is shut down.
        let _ = self.ready().await;
    }

    /// Waits until it is readable, then reads once.
    ///
    /// Cancel safe: what was read is in `space` of the call that returns.
    pub(super) async fn read(&self, space: &mut [u8]) -> Read {
        let Ok(mut ready) = self.ready().await else {
            return Read::End;
        };
        let read = read_once(self.0.get_ref(), space);
        if let Read::All(_) = read {
            // Known to be empty: no further read has to find that out.
            ready.clear_ready();
        }
        read
    }

    /// Reads once, without waiting.
    pub(super) fn read_now(&self, space: &mut [u8]) -> Read {
        read_once(self.0.get_ref(), space)
    }

    /// Reads once, unless it is known that there is nothing.
    pub(super) fn read_if_ready(&self, space: &mut [u8]) -> Read {
        let read = self
            .0
            .try_io(Interest::READABLE, |it| match read_once(it, space) {
                Read::All(0) => Err(io::ErrorKind::WouldBlock.into()),
                read => Ok(read),
            });
        read.unwrap_or(Read::All(0))
    }

    async fn ready(&self) -> io::Result<AsyncFdReadyGuard<'_, OwnedFd>> {
        poll_fn(|context| self.0.poll_read_ready(context)).await
    }
}

/// Makes operations on a descriptor fail instead of waiting.
pub(super) fn do_not_block(descriptor: &OwnedFd) -> io::Result<()> {
    Ok(fcntl_setfl(
        descriptor,
        fcntl_getfl(descriptor)? | OFlags::NONBLOCK,
    )?)
}

fn read_once(descriptor: &OwnedFd, space: &mut [u8]) -> Read {
    let room = space.len();
    match read(descriptor, space) {
        Ok(0) => Read::End,
        // A pipe gives less than asked for only if that is all.
        Ok(count) if count < room => Read::All(count),
        Ok(count) => Read::Some(count),
        Err(Errno::AGAIN) => Read::All(0),
        Err(Errno::INTR) => Read::Some(0),
        // A reset comes behind what was written before, and is an end like any other.
        Err(_) => Read::End,
    }
}
