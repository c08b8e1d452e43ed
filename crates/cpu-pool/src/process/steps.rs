//! What is done to a busy worker when its time comes.

use std::sync::Arc;
use std::time::Duration;

use rustix::process::Signal;

use super::actor::Running;
use super::busy::Doing;
use crate::frame::Kind;
use crate::ladder::Step;
use crate::message::pack;
use crate::metrics::add;
use crate::work::Force;

/// How often the memory of a worker is looked at.
pub(super) const MEMORY_PERIOD: Duration = Duration::from_millis(100);

impl Running {
    /// Does what is due: the worker is silent, over its share of memory, or on the next rung.
    pub(super) fn tick(&mut self, doing: &mut Doing) {
        let now = self.shared.now();
        self.look_at_memory(doing, now);
        let silent = now.saturating_sub(self.heard_at);
        let step = if silent >= self.shared.config.hang_timeout && !doing.is_hung {
            if self.worker.is_traced() {
                self.heard_at = now;
                None
            } else {
                doing.is_hung = !doing.ladder.has_begun();
                self.heard_at = now;
                doing.ladder.hung(now)
            }
        } else {
            doing.ladder.tick(now)
        };
        self.take_step(doing, step);
    }

    /// Kills a worker that uses more memory than its share.
    fn look_at_memory(&mut self, doing: &mut Doing, now: Duration) {
        let is_due = doing.look_at.is_some_and(|at| at <= now);
        let (true, Some(share)) = (is_due, self.memory_share) else {
            return;
        };
        doing.look_at = Some(now + MEMORY_PERIOD);
        let used = self.worker.memory();
        if used > share {
            doing.look_at = None;
            doing.over_budget = Some(used);
            let step = doing.ladder.stop(Force::Kill, now);
            self.take_step(doing, step);
        }
    }

    pub(super) fn take_step(&mut self, doing: &Doing, step: Option<Step>) {
        match step {
            Some(Step::Tell) => {
                let stop = doing.order.stop.borrow().clone();
                let meta = pack(&stop).unwrap_or_default();
                self.connection
                    .send(Kind::Stop, doing.about, &meta, Arc::default());
            }
            Some(Step::Terminate) => self.worker.signal(Signal::TERM),
            Some(Step::Kill) => {
                add(&self.shared.counters.killed, 1);
                self.worker.signal(Signal::KILL);
            }
            None => {}
        }
    }
}
