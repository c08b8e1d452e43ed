//! What the parts of one pool share: who is idle, and whether starts may be tried.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::alarm::Alarm;
use super::spawner::Spawner;
use crate::breaker::Breaker;
use crate::config::PoolConfig;
use crate::metrics::Counters;
use crate::profile::Profile;
use crate::work::Ended;
use crate::workers::Order;

/// What the parts of one pool share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) config: PoolConfig,
    /// The names that a worker must know.
    pub(super) names: Vec<String>,
    pub(super) spawner: Spawner,
    pub(super) counters: Counters,
    /// How much memory one place may use.
    pub(super) memory_share: Option<u64>,
    origin: Instant,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// Who is idle, the longest first.
    idle: VecDeque<Idle>,
    breaker: Breaker,
    alive: usize,
    is_closed: bool,
    last_number: u32,
}

/// An idle worker: whoever takes it gives it its next work.
#[derive(Debug)]
pub(super) struct Idle {
    pub(super) number: u32,
    pub(super) profile: Arc<Profile>,
    pub(super) inbox: mpsc::Sender<Assignment>,
}

/// A piece of work on its way to a worker.
#[derive(Debug)]
pub(super) struct Assignment {
    pub(super) order: Order,
    pub(super) span: tracing::Span,
    pub(super) reply: oneshot::Sender<Reply>,
    /// The way back to the idle ones.
    pub(super) idle: Idle,
}

/// What became of an assignment.
#[derive(Debug)]
pub(super) enum Reply {
    /// The work has ended.
    Ended(Ended),
    /// The worker was gone before it began: another one takes it.
    Unsent(Box<Order>),
}

impl Shared {
    pub(super) fn new(config: PoolConfig, names: Vec<String>, spawner: Spawner) -> Self {
        let breaker = Breaker::new(config.restart_limit, config.restart_window);
        Self {
            memory_share: config.memory_budget.share(config.workers),
            config,
            names,
            spawner,
            counters: Counters::default(),
            origin: Instant::now(),
            state: Mutex::new(State {
                idle: VecDeque::new(),
                breaker,
                alive: 0,
                is_closed: false,
                last_number: 0,
            }),
        }
    }

    /// Returns the time since the start of the pool.
    pub(super) fn now(&self) -> Duration {
        self.origin.elapsed()
    }

    /// Creates an alarm for times since the start of the pool.
    pub(super) fn alarm(&self) -> Alarm {
        Alarm::new(self.origin)
    }

    /// Takes the worker of a profile that was idle for the shortest time.
    pub(super) fn take_idle(&self, profile: &Arc<Profile>) -> Option<Idle> {
        let mut state = self.state();
        let at = state
            .idle
            .iter()
            .rposition(|idle| Arc::ptr_eq(&idle.profile, profile) || idle.profile == *profile)?;
        state.idle.remove(at)
    }

    /// Puts a worker among the idle ones; drops it, which ends it, if the pool is closed.
    pub(super) fn put_idle(&self, idle: Idle) {
        let mut state = self.state();
        if !state.is_closed {
            state.idle.push_back(idle);
        }
    }

    /// Takes an idle worker out that is about to leave; false if it has just been given work.
    pub(super) fn withdraw(&self, number: u32) -> bool {
        let mut state = self.state();
        let at = state.idle.iter().position(|idle| idle.number == number);
        let is_closed = state.is_closed;
        at.and_then(|at| state.idle.remove(at)).is_some() || is_closed
    }

    /// Takes an idle worker out whose idle time is over, if enough others are left.
    pub(super) fn retire(&self, number: u32) -> bool {
        let mut state = self.state();
        if state.alive <= self.config.min_workers {
            return false;
        }
        let at = state.idle.iter().position(|idle| idle.number == number);
        at.and_then(|at| state.idle.remove(at)).is_some()
    }

    /// Makes room for one more worker: the longest idle one of another profile leaves.
    pub(super) fn begin_start(&self) -> u32 {
        let mut state = self.state();
        if state.alive >= self.config.workers {
            state.idle.pop_front();
        }
        state.alive += 1;
        state.last_number += 1;
        state.last_number
    }

    /// Notes that a worker is gone.
    pub(super) fn gone(&self) {
        let mut state = self.state();
        state.alive = state.alive.saturating_sub(1);
    }

    pub(super) fn start_worked(&self) {
        self.state().breaker.worked();
    }

    /// Notes a failed start; returns how long none is tried.
    pub(super) fn start_failed(&self) -> Duration {
        let now = self.now();
        self.state().breaker.failed(now, fastrand::f64())
    }

    /// Returns how long no start may be tried.
    pub(super) fn start_wait(&self) -> Option<Duration> {
        let now = self.now();
        self.state().breaker.wait(now)
    }

    /// Returns how many pieces of work may run now.
    pub(super) fn open_places(&self) -> usize {
        let now = self.now();
        let state = self.state();
        if state.is_closed {
            return 0;
        }
        if !state.breaker.is_probing() {
            return self.config.workers;
        }
        // Those that are alive still work; beyond them one start is tried at a time.
        let probe = usize::from(state.breaker.wait(now).is_none());
        (state.idle.len() + probe).min(self.config.workers)
    }

    pub(super) fn is_degraded(&self) -> bool {
        let now = self.now();
        self.state().breaker.is_open(now)
    }

    /// Ends all idle workers, and every other one as soon as it is idle.
    pub(super) fn close(&self) {
        let idle = {
            let mut state = self.state();
            state.is_closed = true;
            std::mem::take(&mut state.idle)
        };
        drop(idle);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
