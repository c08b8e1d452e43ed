//! One worker from its start to its end: idle and busy in turn.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tracing::{Span, debug, info_span, warn};

use super::alarm::Alarm;
use super::connection::{Connection, Heard};
use super::output::Output;
use super::shared::{Assignment, Idle, Reply, Shared};
use super::spawner;
use super::worker::Worker;
use crate::death::Exit;
use crate::frame::{Kind, Violation};
use crate::marker::Marker;
use crate::message::{self, Hello, InitFailed, Limits, PROTOCOL, Ready, pack, unpack};
use crate::metrics::{Gauge, add};
use crate::printed::printed;
use crate::profile::Profile;
use crate::recycle::{Life, Lifetime};
use crate::work::{LogLine, StartError};

/// Starts one worker, and accompanies it.
pub(super) struct Actor {
    shared: Arc<Shared>,
    profile: Arc<Profile>,
    ready: oneshot::Sender<Result<Idle, StartError>>,
}

/// A worker that is there.
pub(super) struct Running {
    pub(super) shared: Arc<Shared>,
    pub(super) number: u32,
    pub(super) worker: Worker,
    pub(super) connection: Connection,
    pub(super) output: Output,
    pub(super) alarm: Alarm,
    pub(super) last_about: u32,
    pub(super) life: Life,
    /// How much memory it may use.
    pub(super) memory_share: Option<u64>,
    lifetime: Lifetime,
    began: Duration,
    /// When it last gave a sign of life.
    pub(super) heard_at: Duration,
}

/// What an idle worker does next.
enum Next {
    Work(Box<Assignment>),
    Leave(&'static str),
    Gone,
}

impl Actor {
    pub(super) fn new(
        shared: Arc<Shared>,
        profile: Arc<Profile>,
        ready: oneshot::Sender<Result<Idle, StartError>>,
    ) -> Self {
        Self {
            shared,
            profile,
            ready,
        }
    }

    /// Lives as long as the worker.
    pub(super) async fn live(self) {
        let Self {
            shared,
            profile,
            ready,
        } = self;
        let number = shared.begin_start();
        let _alive = Gone(Arc::clone(&shared));
        let _gauge = Gauge::up(&shared.counters.workers);
        let (inbox, assignments) = mpsc::channel(1);
        let mut running = match start(&shared, &profile, number).await {
            Ok(running) => running,
            Err(error) => {
                // Whoever wanted it may be gone.
                let _ = ready.send(Err(error));
                return;
            }
        };
        let idle = Idle {
            number,
            profile,
            inbox,
        };
        if let Err(Ok(unwanted)) = ready.send(Ok(idle)) {
            shared.put_idle(unwanted);
        }
        running.serve(assignments).await;
    }
}

/// Notes the end of a worker, however it comes.
struct Gone(Arc<Shared>);

impl Drop for Gone {
    fn drop(&mut self) {
        self.0.gone();
    }
}

async fn start(
    shared: &Arc<Shared>,
    profile: &Profile,
    number: u32,
) -> Result<Running, StartError> {
    let config = &shared.config;
    let marker = Marker::generate();
    let command = spawner::command(&config.program, profile, &marker, number);
    let spawned = |error: std::io::Error| StartError::new("spawn", error.to_string());
    let mut child = shared.spawner.spawn(command).await.map_err(spawned)?;
    let pipes = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let worker = Worker::new(child).map_err(spawned)?;
    let (Some(stdin), Some(stdout), Some(stderr)) = pipes else {
        return Err(StartError::new("spawn", "the process has no pipes"));
    };
    let connection = Connection::new(
        stdin,
        stdout,
        marker.preamble(),
        config.max_payload,
        config.pipe_buffer,
    );
    let mut running = Running {
        shared: Arc::clone(shared),
        number,
        worker,
        connection: connection.map_err(spawned)?,
        output: Output::new(stderr, config.log_rate).map_err(spawned)?,
        alarm: shared.alarm(),
        last_about: 0,
        life: Life::default(),
        memory_share: shared
            .memory_share
            .map(|share| share.saturating_mul(profile.cpus.into())),
        lifetime: config.lifetime().spread(fastrand::u32(..)),
        began: shared.now(),
        heard_at: shared.now(),
    };
    running.greet(profile, marker.token);
    let waited = tokio::time::timeout(config.ready_timeout, running.until_ready()).await;
    match waited {
        Ok(Ok(())) => Ok(running),
        Ok(Err(error)) => Err(error),
        Err(_too_long) => Err(StartError::new("hook", never_ready(config.ready_timeout))),
    }
}

fn never_ready(waited: Duration) -> String {
    format!(
        "within {waited:?} the program has not reached the CPU worker hook, or its state was not made: put \
         `#[aqueduct::main]` on `main`, or call `aqueduct::cpu::init` first in it"
    )
}

impl Running {
    fn greet(&mut self, profile: &Profile, token: String) {
        let config = &self.shared.config;
        let hello = Hello {
            protocol: PROTOCOL,
            token,
            number: self.number,
            heartbeat_ms: u64::try_from(config.heartbeat.as_millis()).unwrap_or(u64::MAX),
            max_payload: config.max_payload,
            stack_size: profile.stack_size,
            measure_memory: config.max_memory.is_some(),
            backtrace: config.panic_backtrace,
            log_rate: config.log_rate,
            limits: Limits {
                memory_bytes: profile.memory_limit,
                nice: profile.nice.unwrap_or(config.nice),
                cpus: profile.cores.clone(),
                oom_score: OOM_SCORE,
            },
        };
        // A map that does not encode is answered by silence, and that by a start error.
        let meta = pack(&hello).unwrap_or_default();
        self.connection.send(Kind::Hello, 0, &meta, Arc::default());
    }

    async fn until_ready(&mut self) -> Result<(), StartError> {
        loop {
            tokio::select! {
                heard = self.connection.next() => match heard {
                    Ok(Heard::Frame(frame)) if frame.kind == Kind::Ready => {
                        return self.check(&frame.meta, &frame.blob);
                    }
                    Ok(Heard::Frame(frame)) if frame.kind == Kind::InitFailed => {
                        return Err(init_failed(&frame.meta));
                    }
                    Ok(Heard::Frame(_)) => {}
                    Ok(Heard::Text(text)) => self.note(&String::from_utf8_lossy(&text)),
                    Ok(Heard::End) => return Err(self.ended_early().await),
                    Err(violation) => return Err(StartError::new("handshake", violation.to_string())),
                },
                () = self.output.readable() => self.pass_on_output(),
            }
        }
    }

    /// Checks that the worker runs what this process does.
    fn check(&self, meta: &[u8], names: &[u8]) -> Result<(), StartError> {
        let skew = |problem: String| Err(StartError::new("handshake", problem));
        let fits = |violation: Violation| StartError::new("handshake", violation.to_string());
        let ready: Ready = message::read(meta).map_err(fits)?;
        if ready.protocol.0 != PROTOCOL.0 || ready.library != message::LIBRARY {
            let (theirs, ours) = (ready.library, message::LIBRARY);
            return skew(format!(
                "the worker has version {theirs} of the library, the pool {ours}"
            ));
        }
        let known: Vec<String> = unpack(names).unwrap_or_default();
        let missing = self.shared.names.iter();
        let missing: Vec<&str> = missing
            .filter(|name| !known.contains(name))
            .map(String::as_str)
            .collect();
        if !missing.is_empty() {
            return skew(format!("the worker does not know {}", missing.join(", ")));
        }
        debug!(
            worker = self.number,
            pid = self.worker.id(),
            init_us = ready.init_us,
            "CPU worker ready"
        );
        Ok(())
    }

    /// Names the end of a program that was never a worker.
    async fn ended_early(&mut self) -> StartError {
        let exit = self.worker.reap_soon().await;
        self.output.finish(self.shared.now(), |_| {}).await;
        let exit = match exit {
            Exit::Code(code) => format!("ended with code {code}"),
            Exit::Signal(signal) => {
                format!(
                    "was ended by signal {signal} ({})",
                    crate::death::signal_name(signal)
                )
            }
        };
        let mut problem = format!("the program {exit} before it was ready");
        let printed = self.connection.take_text_so_far();
        let printed = String::from_utf8_lossy(&printed);
        let printed = printed.trim_end().lines().rev().take(LAST_PRINTED);
        let mut last: Vec<String> = printed.map(str::to_owned).collect();
        last.reverse();
        last.extend(self.output.last_words());
        if !last.is_empty() {
            problem = format!("{problem}; it last said:\n{}", last.join("\n"));
        }
        StartError::new("hook", problem)
    }

    /// Serves one assignment after the other, until the worker has to leave.
    async fn serve(&mut self, mut assignments: mpsc::Receiver<Assignment>) {
        loop {
            let assignment = match self.idle(&mut assignments).await {
                Next::Work(assignment) => assignment,
                Next::Leave(reason) => return self.leave(reason).await,
                Next::Gone => {
                    let exit = self.worker.reap_soon().await;
                    debug!(worker = self.number, ?exit, "an idle CPU worker has left");
                    return;
                }
            };
            let stays = {
                let shared = Arc::clone(&self.shared);
                let _busy = Gauge::up(&shared.counters.busy);
                self.work(*assignment).await
            };
            if !stays {
                return;
            }
        }
    }

    /// Waits for work; meanwhile listens.
    async fn idle(&mut self, assignments: &mut mpsc::Receiver<Assignment>) -> Next {
        let shared = Arc::clone(&self.shared);
        let mut leave_at = self.heard_at.saturating_add(shared.config.idle_timeout);
        loop {
            let is_gone = tokio::select! {
                biased;
                assignment = assignments.recv() => return match assignment {
                    Some(assignment) => Next::Work(Box::new(assignment)),
                    None => Next::Leave("not needed"),
                },
                heard = self.connection.next() => match heard {
                    Ok(Heard::Frame(frame)) => frame.kind == Kind::Goodbye,
                    Ok(Heard::Text(_)) => false,
                    Ok(Heard::End) | Err(_) => true,
                },
                () = self.worker.exited() => true,
                () = self.output.readable() => {
                    self.pass_on_output();
                    false
                }
                () = self.alarm.ring(Some(leave_at)) => {
                    if shared.now() >= leave_at {
                        if shared.retire(self.number) {
                            return Next::Leave("idle");
                        }
                        leave_at = shared.now().saturating_add(shared.config.idle_timeout);
                    }
                    false
                }
            };
            if !is_gone {
                continue;
            }
            if !shared.withdraw(self.number)
                && let Some(assignment) = assignments.recv().await
            {
                // It was given work in the same moment; another worker takes that.
                let Assignment { order, reply, .. } = assignment;
                let _ = reply.send(Reply::Unsent(Box::new(order)));
            }
            return Next::Gone;
        }
    }

    /// Puts the worker back among the idle ones, or says why it has to leave.
    pub(super) fn give_back(&mut self, idle: Idle, now: Duration) -> Option<&'static str> {
        self.life.age = now.saturating_sub(self.began);
        let verdict = self.lifetime.verdict(&self.life);
        match verdict {
            None => self.shared.put_idle(idle),
            Some(_) => add(&self.shared.counters.recycled, 1),
        }
        verdict
    }

    /// Lets the worker finish and leave; kills what does not.
    pub(super) async fn leave(&mut self, reason: &'static str) {
        self.connection.send(Kind::Drain, 0, &[], Arc::default());
        let grace = self.shared.config.cancel_grace;
        let leaves = async {
            loop {
                tokio::select! {
                    heard = self.connection.next() => if matches!(heard, Ok(Heard::End) | Err(_)) {
                        return self.worker.exited().await;
                    },
                    () = self.worker.exited() => return,
                    () = self.output.readable() => self.pass_on_output(),
                }
            }
        };
        let in_time = tokio::time::timeout(grace, leaves).await;
        if in_time.is_err() {
            warn!(
                worker = self.number,
                "a CPU worker did not leave; it is killed"
            );
            add(&self.shared.counters.killed, 1);
        }
        self.worker.reap();
        debug!(worker = self.number, reason, "CPU worker left");
    }

    /// Passes on what the worker prints while it has no work.
    fn pass_on_output(&mut self) {
        let (now, span) = (self.shared.now(), self.span());
        span.in_scope(|| self.output.pass_on(now, printed));
        add(
            &self.shared.counters.lines_dropped,
            self.output.take_dropped(),
        );
    }

    /// Notes what the program has printed before it was a worker: whatever its `main` says each time.
    fn note(&self, text: &str) {
        for line in text.lines().filter(|line| !line.trim().is_empty()) {
            debug!(worker = self.number, "printed before the hook: {line}");
        }
    }

    fn span(&self) -> Span {
        info_span!("cpu_worker", worker = self.number)
    }
}

/// So many lines of what a program printed are shown when it was never a worker.
const LAST_PRINTED: usize = 10;

fn init_failed(meta: &[u8]) -> StartError {
    let InitFailed { stage, problem } = message::read(meta).unwrap_or_default();
    StartError::new(stage, problem)
}

/// Reads a line that a worker logged.
pub(super) fn log_line(meta: &[u8]) -> Option<LogLine> {
    message::read(meta).ok()
}

/// The system ends a worker rather than its parent when memory runs out.
const OOM_SCORE: i32 = 300;
