//! Panics of the working thread: caught, and kept with the place where they happened.

use std::backtrace::Backtrace;
use std::panic::{self, AssertUnwindSafe, PanicHookInfo, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, ThreadId};

use super::channel::Channel;
use crate::frame::Kind;
use crate::message::{DoneMeta, FailedMeta, PanicMeta};

/// Notes how the working thread panics.
#[derive(Debug)]
pub(super) struct Panics(Arc<Mutex<Option<FailedMeta>>>);

/// The most of a message and of a backtrace that is kept, in bytes.
const MAX_TEXT_BYTES: usize = 24 * 1024;

impl Panics {
    /// Begins to watch the calling thread; panics of others are left to the hook that was there.
    pub(super) fn watch(channel: Arc<Channel>, always_backtrace: bool) -> Self {
        let last = Arc::new(Mutex::new(None));
        let (noted, working, before) = (
            Arc::clone(&last),
            thread::current().id(),
            panic::take_hook(),
        );
        panic::set_hook(Box::new(move |info| {
            if thread::current().id() != working {
                return before(info);
            }
            let failed = describe(info, working, always_backtrace);
            if cfg!(panic = "abort") {
                // Nothing comes after this hook: say it here.
                say(&channel, &failed);
            }
            *noted.lock().unwrap_or_else(PoisonError::into_inner) = Some(failed);
        }));
        Self(last)
    }

    /// Runs `work`; a panic becomes a description of it.
    pub(super) fn catch<T>(&self, work: impl FnOnce() -> T) -> Result<T, FailedMeta> {
        let caught = catch_unwind(AssertUnwindSafe(work));
        caught.map_err(|payload| {
            let noted = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
            // The value may panic itself when it is dropped; that adds nothing.
            let _ = catch_unwind(AssertUnwindSafe(|| drop(payload)));
            noted.unwrap_or_else(|| FailedMeta {
                message: "the task panicked without the panic hook".to_owned(),
                panic: Some(PanicMeta::default()),
                usage: DoneMeta::default(),
            })
        })
    }
}

fn describe(info: &PanicHookInfo<'_>, _thread: ThreadId, always_backtrace: bool) -> FailedMeta {
    let message = info.payload_as_str();
    let message = message.unwrap_or("the task panicked with a value that is not text");
    let location = info.location().map(ToString::to_string);
    let backtrace = if always_backtrace {
        Backtrace::force_capture()
    } else {
        Backtrace::capture()
    };
    let backtrace = match backtrace.status() {
        std::backtrace::BacktraceStatus::Captured => backtrace.to_string(),
        _ => String::new(),
    };
    FailedMeta {
        message: cut(message),
        panic: Some(PanicMeta {
            location: location.unwrap_or_default(),
            thread: thread::current().name().unwrap_or_default().to_owned(),
            backtrace: cut(&backtrace),
        }),
        usage: DoneMeta::default(),
    }
}

fn say(channel: &Channel, failed: &FailedMeta) {
    let about = channel.doing().work.as_ref().map(|(about, _)| *about);
    if let Some(about) = about {
        // The process dies of the panic anyway.
        let _ = channel.send_meta(Kind::Failed, about, failed);
    }
}

fn cut(text: &str) -> String {
    let end = text.floor_char_boundary(MAX_TEXT_BYTES);
    text.get(..end).unwrap_or_default().to_owned()
}
