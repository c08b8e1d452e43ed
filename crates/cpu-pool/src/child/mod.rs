//! The inside of a worker: one thread listens to the parent, another one works.
//!
//! While there is work, the listening thread reads, and it never waits for the working one, nor for room in
//! a pipe: so a signal, a stop and the end of the parent are seen at once, whatever the work does.

mod channel;
mod entry;
mod family;
mod intake;
mod life;
mod limits;
mod listen;
mod panics;
mod usage;
mod worker;

pub use entry::{Entry, entry, is_entry_open, is_worker_process};

use std::convert::Infallible;
use std::fs::File;
use std::io::Read;
use std::sync::Arc;
use std::time::Duration;

use crate::body::Body;
use crate::frame::{Decoder, Frame, Kind, Violation};
use crate::message::{self, Hello, InitFailed, PROTOCOL};
use channel::Channel;
use family::Family;
use intake::Intake;
use life::Ending;

/// Serves the pool that started this process, until it says otherwise; never returns.
///
/// Call it as early as possible, and before a runtime exists: what runs before it runs in every worker.
pub fn serve(entry: Entry, body: impl Body) -> ! {
    let Entry {
        input,
        output,
        marker,
    } = entry;
    let mut input = File::from(input);
    let ending = match Ending::watch(marker.parent) {
        Ok(ending) => ending,
        Err(problem) => fail(
            &Channel::new(File::from(output)),
            "hook",
            problem.to_string(),
        ),
    };
    let channel = Arc::new(Channel::new(File::from(output)));
    if channel.write_raw(&marker.preamble()).is_err() {
        life::leave(life::PARENT_GONE);
    }
    // Before the greeting nothing is known of limits: no parameters can come yet either.
    let mut decoder = Decoder::new(0);
    let hello = match greeting(&mut input, &mut decoder, &marker.token) {
        Ok(hello) => hello,
        Err(violation) => fail(&channel, "handshake", violation.to_string()),
    };
    channel.configure(&hello);
    decoder.set_max_blob(hello.max_payload);
    if let Err(problem) = limits::apply(&hello.limits) {
        fail(&channel, "limits", problem);
    }
    let Err(problem) = begin(body, &hello, (input, decoder), &channel, ending);
    fail(&channel, "thread", problem.to_string())
}

/// Starts to work on a thread, and listens on this one.
fn begin(
    body: impl Body,
    hello: &Hello,
    (input, decoder): (File, Decoder),
    channel: &Arc<Channel>,
    ending: Ending,
) -> std::io::Result<Infallible> {
    Family::adopt()?;
    let intake = Arc::new(Intake::new(input.into(), decoder, Arc::clone(channel))?);
    let heartbeat = Duration::from_millis(hello.heartbeat_ms);
    let (read, write) = (Arc::clone(&intake), Arc::clone(channel));
    let listener = listen::Listener::new(read, write, ending, heartbeat)?;
    worker::start(Arc::new(body), hello, channel, intake)?;
    listener.listen()
}

/// Waits for the first frame: the pool greets, and proves that it started this process.
fn greeting(input: &mut File, decoder: &mut Decoder, token: &str) -> Result<Hello, Violation> {
    let frame = first_frame(input, decoder)?;
    if frame.kind != Kind::Hello {
        return Err(Violation::new(format!(
            "{:?} instead of a greeting",
            frame.kind
        )));
    }
    let hello: Hello = message::read(&frame.meta)?;
    if hello.token != token {
        return Err(Violation::new("the greeting has another token"));
    }
    if hello.protocol.0 != PROTOCOL.0 {
        let (theirs, ours) = (hello.protocol.0, PROTOCOL.0);
        return Err(Violation::new(format!(
            "protocol {theirs} of the pool, {ours} here"
        )));
    }
    Ok(hello)
}

fn first_frame(input: &mut File, decoder: &mut Decoder) -> Result<Frame, Violation> {
    loop {
        if let Some(frame) = decoder.next()? {
            return Ok(frame);
        }
        match input.read(decoder.space()) {
            Ok(0) | Err(_) => life::leave(life::PARENT_GONE),
            Ok(count) => decoder.filled(count),
        }
    }
}

/// Says why this worker cannot be used, and leaves.
fn fail(channel: &Channel, stage: &str, problem: String) -> ! {
    let failed = InitFailed {
        stage: stage.to_owned(),
        problem,
    };
    // If this cannot be said, the exit code says it.
    let _ = channel.send_meta(Kind::InitFailed, 0, &failed);
    life::leave(life::NOT_USABLE)
}
