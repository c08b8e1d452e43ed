//! The way from a worker to its pool: frames out, and answers to requests.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, IoSlice, Write};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError, TryLockError};

use serde::Serialize;
use tokio::sync::oneshot;

use super::usage;
use crate::body::{Answer, Link, Uplink};
use crate::frame::{Kind, encode, is_copied};
use crate::message::{HeartbeatMeta, Hello, pack};
use crate::rate::Rate;
use crate::work::{LogLine, Progress};

/// Writes frames, keeps track of requests, and knows what the worker does.
#[derive(Debug)]
pub(super) struct Channel {
    output: Mutex<File>,
    requests: Mutex<HashMap<u32, oneshot::Sender<Answer>>>,
    last_request: AtomicU32,
    doing: Mutex<Doing>,
    max_payload: OnceLock<usize>,
    log_rate: Mutex<Rate>,
    progress_rate: Mutex<Rate>,
    logs_dropped: AtomicU64,
}

/// What the worker does.
#[derive(Debug, Default)]
pub(super) struct Doing {
    pub(super) work: Option<(u32, Link)>,
    /// Whether the worker leaves after what it does.
    pub(super) is_draining: bool,
    /// Whether the work was told to end: then a SIGTERM ends it at once.
    pub(super) is_stopping: bool,
    /// Whether the end of the last work is being sent.
    is_reporting: bool,
}

impl Doing {
    /// Notes that the work has ended; further work may come from now on.
    pub(super) fn begin_report(&mut self) {
        self.work = None;
        self.is_stopping = false;
        self.is_reporting = true;
    }

    /// Notes that the pool was told; returns whether the worker is to leave now.
    pub(super) fn end_report(&mut self) -> bool {
        self.is_reporting = false;
        self.is_draining && self.work.is_none()
    }

    /// Notes that the worker is to leave; returns whether it can at once.
    pub(super) fn drain(&mut self) -> bool {
        self.is_draining = true;
        self.work.is_none() && !self.is_reporting
    }
}

/// The most reports on progress that leave a worker in a second.
const PROGRESS_RATE: u32 = 10;

impl Channel {
    pub(super) fn new(output: File) -> Self {
        Self {
            output: Mutex::new(output),
            requests: Mutex::default(),
            last_request: AtomicU32::new(0),
            doing: Mutex::default(),
            max_payload: OnceLock::new(),
            log_rate: Mutex::new(Rate::new(PROGRESS_RATE)),
            progress_rate: Mutex::new(Rate::new(PROGRESS_RATE)),
            logs_dropped: AtomicU64::new(0),
        }
    }

    /// Takes over what the pool has said.
    pub(super) fn configure(&self, hello: &Hello) {
        // Called once.
        let _ = self.max_payload.set(hello.max_payload);
        *lock(&self.log_rate) = Rate::new(hello.log_rate);
    }

    pub(super) fn max_payload(&self) -> usize {
        self.max_payload.get().copied().unwrap_or_default()
    }

    pub(super) fn doing(&self) -> MutexGuard<'_, Doing> {
        lock(&self.doing)
    }

    /// Writes bytes that are no frame.
    pub(super) fn write_raw(&self, bytes: &[u8]) -> io::Result<()> {
        lock(&self.output).write_all(bytes)
    }

    /// Writes a frame; waits while the pipe is full.
    pub(super) fn send(&self, kind: Kind, about: u32, meta: &[u8], blob: &[u8]) -> io::Result<()> {
        let head = encode(kind, about, meta, blob).ok_or(io::ErrorKind::InvalidInput)?;
        let mut output = lock(&self.output);
        if is_copied(blob) {
            return output.write_all(&head);
        }
        write_both(&mut output, &head, blob)
    }

    pub(super) fn send_meta<T: Serialize>(
        &self,
        kind: Kind,
        about: u32,
        meta: &T,
    ) -> io::Result<()> {
        self.send(kind, about, &packed(meta)?, &[])
    }

    /// Gives a sign of life, unless somebody is just writing, which is one.
    pub(super) fn beat(&self) {
        let meta = HeartbeatMeta {
            memory: usage::memory(),
            logs_dropped: self.logs_dropped.load(Ordering::Relaxed),
        };
        let head = packed(&meta).ok();
        let head = head.and_then(|meta| encode(Kind::Heartbeat, 0, &meta, &[]));
        let output = match self.output.try_lock() {
            Ok(output) => Some(output),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        };
        if let (Some(mut output), Some(head)) = (output, head) {
            // A pool that is gone is noticed by the end of the input.
            let _ = output.write_all(&head);
        }
    }

    /// Passes the answer to a request on; nobody may wait for it any more.
    pub(super) fn answer(&self, about: u32, answer: Answer) {
        if let Some(waiting) = lock(&self.requests).remove(&about) {
            let _ = waiting.send(answer);
        }
    }

    /// Forgets all requests: the work that made them has ended.
    pub(super) fn forget_requests(&self) {
        lock(&self.requests).clear();
    }
}

impl Uplink for Channel {
    fn request(&self, _about: u32, body: Vec<u8>) -> io::Result<oneshot::Receiver<Answer>> {
        let limit = self.max_payload();
        if body.len() > limit {
            let message = format!(
                "a request of {} bytes; at most {limit} are allowed",
                body.len()
            );
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        }
        let (answer, waiting) = oneshot::channel();
        let number = self.last_request.fetch_add(1, Ordering::Relaxed);
        lock(&self.requests).insert(number, answer);
        self.send(Kind::Request, number, &[], &body)?;
        Ok(waiting)
    }

    fn progress(&self, about: u32, progress: &Progress) {
        let is_last = progress.done >= progress.total;
        if is_last || lock(&self.progress_rate).allows(usage::now()) {
            // A report that cannot be sent is of use to nobody.
            let _ = self.send_meta(Kind::Progress, about, progress);
        }
    }

    fn log(&self, about: u32, line: &LogLine) {
        let sent = lock(&self.log_rate).allows(usage::now())
            && self.send_meta(Kind::Log, about, line).is_ok();
        if !sent {
            self.logs_dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

pub(super) fn packed<T: Serialize>(meta: &T) -> io::Result<Vec<u8>> {
    pack(meta).map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))
}

/// Writes two slices, as one call if the pipe has room.
fn write_both(output: &mut File, head: &[u8], blob: &[u8]) -> io::Result<()> {
    let mut written = 0;
    while written < head.len() {
        let rest = head.get(written..).unwrap_or_default();
        match output.write_vectored(&[IoSlice::new(rest), IoSlice::new(blob)]) {
            Ok(count) => written += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    output.write_all(blob.get(written - head.len()..).unwrap_or_default())
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
