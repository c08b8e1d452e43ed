//! What the processes share: the broker, its clock, and what is known of attempts under way.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aqueduct::broker_api::{BrokerHandle, ScheduleStore};
use aqueduct::memory::MemoryBroker;
use aqueduct::{RunId, ScheduleName};
use aqueduct_core::Clock;
use tokio::time::Instant;

use crate::simulation::concerns::laws;
use crate::simulation::law::check;
use crate::simulation::{Court, Deed, Heard, Law, Observed};

/// The lease of the consumers.
pub(super) const LEASE: Duration = Duration::from_secs(2);

/// The name of the schedule.
pub(super) const SCHEDULE: ScheduleName = ScheduleName::from_static("often");

/// What the processes share.
#[derive(Debug)]
pub(super) struct Stage {
    pub(super) broker: Observed,
    pub(super) clock: Clock,
    lived: Mutex<Lived>,
}

/// What is known of attempts.
#[derive(Debug, Default)]
struct Lived {
    /// When each attempt that is under way began.
    under_way: BTreeMap<RunId, Vec<Instant>>,
    /// The clock has jumped: what began by then was promised nothing.
    jumped_until: Option<Instant>,
    /// Everything stood still: nobody can have stopped anything by then.
    stood_until: Option<Instant>,
    runs: Vec<RunId>,
}

/// How soon whoever stood still has stopped what it has no right to any more.
const RESUMES_WITHIN: Duration = Duration::from_millis(50);

impl Lived {
    /// Returns a run that has two attempts under way.
    fn doubled(&self, now: Instant) -> Option<RunId> {
        if self.stood_until.is_some_and(|until| now <= until) {
            return None;
        }
        let counts = |it: &&Instant| self.jumped_until.is_none_or(|until| **it > until);
        let mut runs = self.under_way.iter();
        let doubled = runs.find(|(_, began)| began.iter().filter(counts).count() > 1);
        doubled.map(|(run, _)| *run)
    }
}

impl Stage {
    pub(super) fn new(clock: Clock) -> Self {
        let memory = MemoryBroker::with_clock(clock.clone());
        let mut laws = laws();
        laws.push(Box::new(Heartbeats));
        let court = Court::new(laws);
        Self {
            broker: Observed::new(BrokerHandle::new(memory), clock.clone(), court),
            clock,
            lived: Mutex::default(),
        }
    }

    fn lived(&self) -> MutexGuard<'_, Lived> {
        self.lived.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that the clock jumps: what was promised of leases is void.
    pub(super) fn note_jump(&self) {
        self.broker.court().note_time(&self.clock);
        self.lived().jumped_until = Some(Instant::now() + LEASE);
    }

    /// Notes that everything stands still for so long, and goes on.
    pub(super) fn note_standstill(&self, time: Duration) {
        self.lived().stood_until = Some(Instant::now() + time + RESUMES_WITHIN);
    }

    pub(super) fn note_run(&self, run: RunId) {
        self.lived().runs.push(run);
    }

    /// Returns the runs that were queued.
    pub(super) fn runs(&self) -> Vec<RunId> {
        self.lived().runs.clone()
    }

    /// Notes that an attempt begins.
    pub(super) fn begin(&self, run: RunId) -> Instant {
        let now = Instant::now();
        let mut lived = self.lived();
        lived.under_way.entry(run).or_default().push(now);
        if let Some(doubled) = lived.doubled(now) {
            let wrong = format!("two attempts of {doubled} are under way");
            self.broker.court().accuse(wrong);
        }
        now
    }

    /// Notes that an attempt is over, however it ended.
    pub(super) fn end(&self, run: RunId, began: Instant) {
        let mut lived = self.lived();
        let under_way = lived.under_way.entry(run).or_default();
        if let Some(at) = under_way.iter().position(|it| *it == began) {
            under_way.remove(at);
        }
    }

    /// Returns the first thing that is wrong.
    pub(super) fn verdict(&self) -> Result<(), String> {
        if let Some(doubled) = self.lived().doubled(Instant::now()) {
            return Err(format!("two attempts of {doubled} are still under way"));
        }
        let court = self.broker.court();
        court.wrong().map_or(Ok(()), |wrong| Err(wrong.to_owned()))
    }

    pub(super) fn unfinished(&self) -> usize {
        self.broker.court().view().unfinished()
    }

    /// Switches the schedule off, so that there is an end.
    pub(super) async fn stop_schedules(&self) {
        let name = SCHEDULE;
        let off = ScheduleStore::set_enabled(&self.broker, &name, false);
        off.await.expect("an answer");
    }
}

/// A heartbeat reports of nothing but what its consumer has in hand: what has ended is left out.
struct Heartbeats;

impl Law for Heartbeats {
    fn hear(&mut self, heard: &Heard<'_>) -> Result<(), String> {
        let Deed::Extended { request, .. } = heard.deed else {
            return Ok(());
        };
        let mut reports = request.progress.iter();
        let stray = reports.find(|report| !request.held.contains(&report.token));
        check(stray.is_none(), || {
            format!(
                "{} reports {stray:?}, and does not hold it",
                request.consumer
            )
        })
    }
}
