//! A worker with work: everything that can happen until its end.

use std::sync::Arc;
use std::time::Duration;

use rustix::process::Signal;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinSet;
use tracing::Instrument;

use super::actor::{Running, log_line};
use super::connection::Heard;
use super::shared::{Assignment, Reply};
use super::steps::MEMORY_PERIOD;
use crate::death::Death;
use crate::frame::{Frame, Kind, Violation};
use crate::ladder::Ladder;
use crate::message::{self, DoneMeta, FailedMeta, HeartbeatMeta, ReplyMeta, WorkMetaRef, pack};
use crate::metrics::add;
use crate::relay::Relay;
use crate::work::{Ended, Failed, Force, Panicked, Stop, Usage, Work};
use crate::workers::Order;

/// One piece of work under way.
pub(super) struct Doing {
    pub(super) about: u32,
    pub(super) order: Order,
    pub(super) ladder: Ladder,
    /// When its memory is looked at next.
    pub(super) look_at: Option<Duration>,
    /// How much memory it had, if that was too much.
    pub(super) over_budget: Option<u64>,
    pub(super) is_hung: bool,
    /// Whether it was noticed that nobody waits for the end any more.
    is_abandoned: bool,
    answers: JoinSet<(u32, Result<Vec<u8>, String>)>,
}

/// How a piece of work left its worker.
enum Left {
    /// The worker said how it ended, and lives.
    Said(Ended),
    /// The worker is gone.
    Gone(Ended),
    /// The worker left before it began.
    Unsent,
}

/// What can happen.
enum Event {
    Heard(Result<Heard, Violation>),
    Exited,
    Printed,
    Stopped,
    Abandoned,
    Answered(u32, Result<Vec<u8>, String>),
    Due,
}

/// So many requests of one piece of work are under way at most.
const MAX_REQUESTS: usize = 256;

impl Running {
    /// Does one piece of work; returns whether the worker can do another.
    pub(super) async fn work(&mut self, assignment: Assignment) -> bool {
        let Assignment {
            order,
            span,
            mut reply,
            idle,
        } = assignment;
        let mut doing = self.doing(order);
        let left = if self.begin(&mut doing) {
            self.accompany(&mut doing, &mut reply)
                .instrument(span.clone())
                .await
        } else {
            Left::Unsent
        };
        let relay = Arc::clone(&doing.order.relay);
        let now = self.heard_at;
        match left {
            Left::Said(ended) => {
                span.in_scope(|| self.output.end_of_work(now, |line| relay.printed(line)));
                self.life.runs += 1;
                self.life.panicked = matches!(ended, Ended::Panicked(_));
                let verdict = self.give_back(idle, now);
                let _ = reply.send(Reply::Ended(ended));
                if let Some(reason) = verdict {
                    self.leave(reason).await;
                }
                verdict.is_none()
            }
            Left::Gone(ended) => {
                let _ = reply.send(Reply::Ended(ended));
                false
            }
            Left::Unsent => {
                self.worker.reap_soon().await;
                let _ = reply.send(Reply::Unsent(Box::new(doing.order)));
                false
            }
        }
    }

    fn doing(&mut self, order: Order) -> Doing {
        self.last_about = self.last_about.wrapping_add(1);
        self.heard_at = self.shared.now();
        Doing {
            about: self.last_about,
            order,
            ladder: Ladder::new(self.shared.config.graces()),
            look_at: self.memory_share.map(|_| self.heard_at + MEMORY_PERIOD),
            over_budget: None,
            is_hung: false,
            is_abandoned: false,
            answers: JoinSet::new(),
        }
    }

    /// Sends the work; false if the worker was gone before.
    fn begin(&mut self, doing: &mut Doing) -> bool {
        let Work {
            name,
            params,
            detail,
            remaining,
            cpu_time,
        } = &doing.order.work;
        let meta = WorkMetaRef {
            name,
            remaining_ms: millis(*remaining),
            cpu_ms: cpu_time.map(millis),
            detail,
        };
        let meta = pack(&meta).unwrap_or_default();
        let is_sent = self
            .connection
            .send(Kind::Work, doing.about, &meta, Arc::clone(params));
        if doing.order.stop.borrow().is_some() {
            // Whoever has said it before is heard at once.
            doing.order.stop.mark_changed();
        }
        is_sent
    }

    async fn accompany(&mut self, doing: &mut Doing, reply: &mut oneshot::Sender<Reply>) -> Left {
        loop {
            let event = self.next_event(doing, reply).await;
            let left = match event {
                Event::Heard(Ok(heard)) => self.hear(doing, heard).await,
                Event::Heard(Err(violation)) => Some(self.violated(&violation).await),
                Event::Exited => Some(self.ended(doing).await),
                Event::Printed => {
                    self.pass_on_printed(&doing.order.relay);
                    None
                }
                Event::Stopped => {
                    let force = doing
                        .order
                        .stop
                        .borrow_and_update()
                        .as_ref()
                        .map(|it| it.force);
                    let now = self.shared.now();
                    let step = force.and_then(|force| doing.ladder.stop(force, now));
                    self.take_step(doing, step);
                    None
                }
                Event::Abandoned => {
                    doing.is_abandoned = true;
                    let step = doing.ladder.stop(Force::Kill, self.shared.now());
                    self.take_step(doing, step);
                    None
                }
                Event::Answered(about, answer) => {
                    self.answer(about, answer);
                    None
                }
                Event::Due => {
                    self.tick(doing);
                    None
                }
            };
            if let Some(left) = left {
                return left;
            }
        }
    }

    async fn next_event(&mut self, doing: &mut Doing, reply: &mut oneshot::Sender<Reply>) -> Event {
        let hangs_at = self
            .heard_at
            .saturating_add(self.shared.config.hang_timeout);
        let hangs_at = (!doing.is_hung).then_some(hangs_at);
        let due = [doing.ladder.due(), hangs_at, doing.look_at];
        let due = due.into_iter().flatten().min();
        // A worker can say and print without end: whatever it must not hold up stands in front.
        tokio::select! {
            biased;
            () = changed(&mut doing.order.stop) => Event::Stopped,
            () = reply.closed(), if !doing.is_abandoned => Event::Abandoned,
            () = self.alarm.ring(due) => Event::Due,
            Some(Ok((about, answer))) = doing.answers.join_next() => Event::Answered(about, answer),
            heard = self.connection.next() => Event::Heard(heard),
            () = self.output.readable() => Event::Printed,
            () = self.worker.exited() => Event::Exited,
        }
    }

    /// Takes what the worker says.
    async fn hear(&mut self, doing: &mut Doing, heard: Heard) -> Option<Left> {
        self.heard_at = self.shared.now();
        match heard {
            Heard::Frame(frame) => match self.take_frame(doing, frame) {
                // The signal is on its way: the next work must not meet it.
                Ok(Some(Left::Said(ended))) if doing.ladder.has_signalled() => {
                    Some(self.gone_after(doing, ended).await)
                }
                Ok(left) => left,
                Err(violation) => Some(self.violated(&violation).await),
            },
            Heard::Text(_) => None,
            Heard::End => Some(self.ended(doing).await),
        }
    }

    fn take_frame(&mut self, doing: &mut Doing, frame: Frame) -> Result<Option<Left>, Violation> {
        let Frame {
            kind,
            about,
            meta,
            blob,
        } = frame;
        let is_ours = about == doing.about;
        let relay = &doing.order.relay;
        match kind {
            Kind::Done if is_ours => {
                let usage = self.usage(&message::read(&meta)?);
                let result = blob;
                return Ok(Some(Left::Said(Ended::Done { result, usage })));
            }
            Kind::Failed if is_ours => {
                return Ok(Some(Left::Said(self.failed(message::read(&meta)?, blob))));
            }
            Kind::Goodbye => return Ok(Some(Left::Unsent)),
            Kind::Progress if is_ours => relay.progress(message::read(&meta)?),
            Kind::Log => {
                if let Some(line) = log_line(&meta) {
                    relay.log(line);
                }
            }
            Kind::Heartbeat => {
                let HeartbeatMeta { memory, .. } = message::read(&meta)?;
                self.life.memory = memory;
            }
            Kind::Request => self.relay(doing, about, blob),
            // Late words of earlier work.
            Kind::Progress => {}
            other => return Err(Violation::new(format!("{other:?} in the middle of work"))),
        }
        Ok(None)
    }

    fn usage(&mut self, meta: &DoneMeta) -> Usage {
        self.life.memory = meta.memory;
        Usage {
            wall: Duration::from_micros(meta.wall_us),
            cpu: Duration::from_micros(meta.cpu_us),
            memory: meta.memory,
        }
    }

    fn failed(&mut self, meta: FailedMeta, detail: Vec<u8>) -> Ended {
        let FailedMeta {
            message,
            panic,
            usage,
        } = meta;
        self.usage(&usage);
        match panic {
            Some(panic) => Ended::Panicked(Panicked {
                message,
                location: panic.location,
                thread: panic.thread,
                backtrace: panic.backtrace,
            }),
            None => Ended::Failed(Failed { message, detail }),
        }
    }

    /// Passes a request on; the answer comes as an event.
    fn relay(&mut self, doing: &mut Doing, about: u32, body: Vec<u8>) {
        if doing.answers.len() >= MAX_REQUESTS {
            let refused = format!("over {MAX_REQUESTS} requests at a time");
            return self.answer(about, Err(refused));
        }
        add(&self.shared.counters.relayed, 1);
        let answer = doing.order.relay.request(body);
        doing.answers.spawn(async move { (about, answer.await) });
    }

    fn answer(&mut self, about: u32, answer: Result<Vec<u8>, String>) {
        let (error, blob) = match answer {
            Ok(blob) => (None, blob),
            Err(refused) => (Some(refused), Vec::new()),
        };
        let meta = pack(&ReplyMeta { error }).unwrap_or_default();
        self.connection
            .send(Kind::Reply, about, &meta, Arc::new(blob));
    }

    /// Names the end of a worker; what it has said before counts.
    async fn ended(&mut self, doing: &mut Doing) -> Left {
        while let Ok(Some(Heard::Frame(frame))) = self.connection.next_now() {
            match self.take_frame(doing, frame) {
                Ok(Some(Left::Said(ended))) => return self.gone_after(doing, ended).await,
                Ok(Some(left)) => return left,
                Ok(None) => {}
                Err(violation) => return self.violated(&violation).await,
            }
        }
        let exit = self.worker.reap_soon().await;
        self.finish_output(&doing.order.relay).await;
        if doing.is_hung {
            add(&self.shared.counters.died, 1);
            let silent_for = self.shared.config.hang_timeout;
            return Left::Gone(Ended::Died(Death::Hung { silent_for }));
        }
        if let (Some(used), Some(share)) = (doing.over_budget, self.memory_share) {
            add(&self.shared.counters.died, 1);
            return Left::Gone(Ended::Died(Death::OverBudget { used, share }));
        }
        if doing.ladder.has_begun() {
            return Left::Gone(Ended::Stopped { by_force: true });
        }
        add(&self.shared.counters.died, 1);
        let death = Death::classify(exit, &self.output.last_words());
        Left::Gone(Ended::Died(death))
    }

    /// Takes the end of a worker that has said before how its work ended.
    async fn gone_after(&mut self, doing: &Doing, ended: Ended) -> Left {
        self.worker.reap_soon().await;
        self.finish_output(&doing.order.relay).await;
        Left::Gone(ended)
    }

    /// Kills a worker that does not keep to the protocol.
    async fn violated(&mut self, violation: &Violation) -> Left {
        add(&self.shared.counters.died, 1);
        self.worker.signal(Signal::KILL);
        self.worker.reap_soon().await;
        let problem = violation.to_string();
        Left::Gone(Ended::Died(Death::Protocol { problem }))
    }

    fn pass_on_printed(&mut self, relay: &Arc<dyn Relay>) {
        let now = self.shared.now();
        self.output.pass_on(now, |line| relay.printed(line));
        add(
            &self.shared.counters.lines_dropped,
            self.output.take_dropped(),
        );
    }

    async fn finish_output(&mut self, relay: &Arc<dyn Relay>) {
        let now = self.shared.now();
        self.output.finish(now, |line| relay.printed(line)).await;
    }
}

/// Waits until somebody stops the work, or stops it harder; for ever if nobody can any more.
async fn changed(stop: &mut watch::Receiver<Option<Stop>>) {
    if stop.changed().await.is_err() {
        std::future::pending::<()>().await;
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
