//! The working thread: prepares once, then does one piece of work after the other.

use std::io::{self, Write};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use super::channel::Channel;
use super::family::Family;
use super::intake::{Incoming, Intake};
use super::panics::Panics;
use super::{fail, life, limits, usage};
use crate::body::Body;
use crate::frame::Kind;
use crate::message::{DoneMeta, FailedMeta, Hello, LIBRARY, PROTOCOL, Ready, pack};
use crate::work::Failed;

/// What the working thread is made of.
struct Worker<B> {
    body: Arc<B>,
    channel: Arc<Channel>,
    panics: Panics,
    measure_memory: bool,
    family: Family,
    /// The CPU time up to the end of the last work.
    used: Duration,
}

/// What a body returned, or how it panicked.
type Caught = Result<Result<Vec<u8>, Failed>, FailedMeta>;

/// Starts the working thread.
pub(super) fn start<B: Body>(
    body: Arc<B>,
    hello: &Hello,
    channel: &Arc<Channel>,
    intake: Arc<Intake>,
) -> io::Result<()> {
    let (channel, hello) = (Arc::clone(channel), hello.clone());
    let work = move || {
        let panics = Panics::watch(Arc::clone(&channel), hello.backtrace);
        let mut worker = Worker {
            body,
            channel,
            panics,
            measure_memory: hello.measure_memory,
            family: Family::default(),
            used: Duration::ZERO,
        };
        worker.prepare();
        worker.family.keep();
        worker.used = usage::cpu();
        loop {
            worker.work(intake.next_work());
        }
    };
    let thread = thread::Builder::new().name("cpu-work".to_owned());
    thread.stack_size(hello.stack_size).spawn(work).map(drop)
}

impl<B: Body> Worker<B> {
    fn prepare(&self) {
        let began = usage::now();
        match self.panics.catch(|| self.body.prepare()) {
            Ok(Ok(())) => {}
            Ok(Err(problem)) => fail(&self.channel, "state", problem),
            Err(panicked) => fail(&self.channel, "state", shown(&panicked)),
        }
        let ready = Ready {
            protocol: PROTOCOL,
            library: LIBRARY.to_owned(),
            init_us: usage::micros(usage::now().saturating_sub(began)),
        };
        let names = pack(&self.body.names()).unwrap_or_default();
        let meta = pack(&ready).unwrap_or_default();
        if self.channel.send(Kind::Ready, 0, &meta, &names).is_err() {
            life::end_group();
        }
    }

    fn work(&mut self, incoming: Incoming) {
        let Incoming { about, work, link } = incoming;
        let (began, limit) = (usage::now(), work.cpu_time);
        let done = limited(limit, || self.panics.catch(|| self.body.run(work, &link)));
        // What the task printed goes out before its end is known.
        let _ = io::stdout().flush();
        let left = self.family.sweep();
        if left > 0 {
            life::say(&format!(
                "ended {left} programs that the work had left behind"
            ));
        }
        let used = usage::cpu();
        let usage = DoneMeta {
            wall_us: usage::micros(usage::now().saturating_sub(began)),
            cpu_us: usage::micros(used.saturating_sub(self.used)),
            memory: if self.measure_memory {
                usage::memory()
            } else {
                0
            },
        };
        self.channel.forget_requests();
        self.used = used;
        self.finish(about, usage, done);
    }

    /// Says how it ended, and leaves if the worker was told to meanwhile.
    fn finish(&self, about: u32, usage: DoneMeta, done: Caught) {
        let limit = self.channel.max_payload();
        let over = |what: &str, bytes: usize| {
            Failed::new(format!(
                "{what} has {bytes} bytes; at most {limit} are allowed"
            ))
        };
        let done = done.map(|done| match done {
            Ok(result) if result.len() > limit => Err(over("the result", result.len())),
            Err(failed) if failed.detail.len() > limit => {
                Err(over("the error", failed.detail.len()))
            }
            done => done,
        });
        self.channel.doing().begin_report();
        let sent = match done {
            Ok(Ok(result)) => self.send(Kind::Done, about, &pack(&usage), &result),
            Ok(Err(Failed { message, detail })) => {
                let end = message.floor_char_boundary(MAX_MESSAGE_BYTES);
                let meta = FailedMeta {
                    message: message.get(..end).unwrap_or_default().to_owned(),
                    panic: None,
                    usage,
                };
                self.send(Kind::Failed, about, &pack(&meta), &detail)
            }
            Err(panicked) => {
                let meta = FailedMeta { usage, ..panicked };
                self.send(Kind::Failed, about, &pack(&meta), &[])
            }
        };
        if sent.is_err() {
            life::end_group();
        }
        if self.channel.doing().end_report() {
            let _ = self.channel.send(Kind::Goodbye, 0, &[], &[]);
            life::leave(0);
        }
    }

    fn send(
        &self,
        kind: Kind,
        about: u32,
        meta: &Result<Vec<u8>, crate::PackError>,
        blob: &[u8],
    ) -> io::Result<()> {
        let meta = meta.as_deref().unwrap_or_default();
        self.channel.send(kind, about, meta, blob)
    }
}

/// Runs work under a limit of CPU time.
fn limited(limit: Option<Duration>, run: impl FnOnce() -> Caught) -> Caught {
    if limit.is_none() {
        return run();
    }
    if let Err(problem) = limits::cpu_time(limit) {
        return Ok(Err(Failed::new(problem)));
    }
    let done = run();
    // A limit that stays is set anew for the next piece of work that has one.
    let _ = limits::cpu_time(None);
    done
}

/// The most of a message that goes into the map of a frame, in bytes.
const MAX_MESSAGE_BYTES: usize = 32 * 1024;

fn shown(panicked: &FailedMeta) -> String {
    let location = panicked.panic.as_ref().map(|panic| panic.location.as_str());
    format!(
        "panicked: {}, at {}",
        panicked.message,
        location.unwrap_or("?")
    )
}
