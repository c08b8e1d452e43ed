//! The scheduler: lists, plans, sleeps, fires; never dies because of the broker or a clock.

use std::future::Future;
use std::time::Duration;

use aqueduct_broker_api::{
    BrokerError, BrokerErrorKind, BrokerHandle, Fire, Fired, ScheduleDefinition, ScheduleHandle,
    ScheduleSnapshot, ScheduleStore, Upserted,
};
use aqueduct_core::{Clock, ScheduleName};
use tokio::task::JoinSet;
use tracing::{debug, info, warn};

use crate::agenda::Agenda;
use crate::broker_time::BrokerTime;
use crate::builder::{MissedPolicies, TaskSchedulerBuilder};
use crate::control::ScheduleControl;
use crate::difference::differences;
use crate::error::SchedulerError;
use crate::plan::Plan;
use crate::report::ScheduleReport;

/// Fires periodic tasks; any number of schedulers may share a broker.
#[derive(Debug)]
pub struct TaskScheduler {
    store: ScheduleHandle,
    control: ScheduleControl,
    policy: MissedPolicies,
    clock: Clock,
    report: ScheduleReport,
}

/// How long schedules are trusted before they are listed again.
const LIST_EVERY: Duration = Duration::from_secs(30);

/// How many schedules are fired at a time.
const FIRE_AT_ONCE: usize = 64;

/// How many definitions are stored in one call.
const UPSERT_AT_ONCE: usize = 256;

/// How long one call of the broker may take; then it is tried again.
const CALL_AT_MOST: Duration = Duration::from_secs(10);

/// The first and the longest pause after a broker error.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const MAX_PAUSE: Duration = Duration::from_secs(3);

impl TaskScheduler {
    /// Begins a scheduler on a broker.
    pub fn builder(broker: BrokerHandle) -> TaskSchedulerBuilder {
        TaskSchedulerBuilder::new(broker)
    }

    pub(crate) fn assemble(
        store: ScheduleHandle,
        control: ScheduleControl,
        policy: MissedPolicies,
        clock: Clock,
    ) -> Self {
        let report = ScheduleReport::default();
        Self {
            store,
            control,
            policy,
            clock,
            report,
        }
    }

    /// Returns a handle to steer schedules with.
    #[must_use]
    pub fn control(&self) -> ScheduleControl {
        self.control.clone()
    }

    /// Fires ticks until `shutdown` completes.
    ///
    /// A broker that cannot be reached is no error: it is tried again, and what was missed meanwhile
    /// is treated by the policy for missed ticks.
    ///
    /// # Errors
    ///
    /// Returns an error if the broker refuses this scheduler for good.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing: a tick is fired whole or not at all.
    pub async fn run(
        mut self,
        shutdown: impl Future<Output = ()> + Send,
    ) -> Result<ScheduleReport, SchedulerError> {
        let refused = tokio::select! {
            biased;
            () = shutdown => None,
            refused = self.fire_for_ever() => Some(refused),
        };
        match refused {
            None => Ok(self.report),
            Some(error) => Err(SchedulerError::broker("schedule", error)),
        }
    }

    /// Fires ticks for ever; returns only what the broker refuses for good.
    async fn fire_for_ever(&mut self) -> BrokerError {
        let mut pause = FIRST_PAUSE;
        let mut is_announced = false;
        loop {
            let round = async {
                if !is_announced {
                    self.announce().await?;
                    is_announced = true;
                }
                let snapshot = answered("list schedules", self.store.list()).await?;
                self.follow(snapshot).await
            };
            match round.await {
                Ok(()) => pause = FIRST_PAUSE,
                Err(error) if is_final(&error) => return error,
                Err(error) => {
                    self.report.broker_errors += 1;
                    warn!(
                        error = &error as &dyn std::error::Error,
                        "scheduling is tried again"
                    );
                    tokio::time::sleep(pause.mul_f64(fastrand::f64())).await;
                    pause = (pause * 2).min(MAX_PAUSE);
                }
            }
        }
    }

    /// Stores the definitions of this process, and says where they differ from what fires.
    async fn announce(&self) -> Result<(), BrokerError> {
        let mut is_outdated = false;
        for definitions in self.definitions().chunks(UPSERT_AT_ONCE) {
            let answers = answered("store schedules", self.store.upsert(definitions)).await?;
            for (definition, answer) in definitions.iter().zip(answers) {
                is_outdated |= answer == Upserted::Outdated;
                if matches!(answer, Upserted::Created | Upserted::Replaced) {
                    let name = &definition.name;
                    info!(schedule = %name, when = %definition.schedule, ?answer, "scheduled");
                }
            }
        }
        if is_outdated {
            let snapshot = answered("list schedules", self.store.list()).await?;
            for difference in differences(self.definitions(), &snapshot) {
                warn!(schedule = %difference.here.name, "{difference}");
            }
        }
        Ok(())
    }

    fn definitions(&self) -> &[ScheduleDefinition] {
        self.control.definitions()
    }

    /// Fires what a listing holds, until the schedules change or it is old.
    async fn follow(&mut self, snapshot: ScheduleSnapshot) -> Result<(), BrokerError> {
        let time = BrokerTime::told(&self.clock, snapshot.now);
        let list_again = snapshot.now.saturating_add(LIST_EVERY);
        let mut agenda = Agenda::of(snapshot);
        while time.now() < list_again {
            // Watched from before the look at the time, so that no move by hand is lost.
            let mut moves = self.clock.moves();
            let policy = &self.policy;
            let due = agenda.due(|name| policy.of(name), time.now(), FIRE_AT_ONCE);
            if !due.is_empty() {
                if !self.fire(&mut agenda, due, &time).await? {
                    return Ok(());
                }
                continue;
            }
            let next = agenda
                .next_look()
                .map_or(list_again, |look| look.min(list_again));
            let wait = time.until(next).max(TICK);
            tokio::select! {
                biased;
                () = tokio::time::sleep(wait) => {}
                // The clock of the broker may have moved as well.
                () = moves.moved() => return Ok(()),
                changed = self.store.wait_changed(agenda.revision, wait) => {
                    if changed? {
                        return Ok(());
                    }
                }
            }
        }
        Ok(())
    }

    /// Fires the due ticks of several schedules; false if the schedules are to be listed anew.
    async fn fire(
        &mut self,
        agenda: &mut Agenda,
        due: Vec<(ScheduleName, Plan)>,
        time: &BrokerTime,
    ) -> Result<bool, BrokerError> {
        let mut firing = JoinSet::new();
        for (name, plan) in due {
            if plan.fires.is_empty() {
                agenda.put_back(name, plan.next);
                continue;
            }
            let store = self.store.clone();
            firing.spawn(async move { fire_in_order(&store, plan).await });
        }
        let mut is_current = true;
        let mut problem = None;
        while let Some(joined) = firing.join_next().await {
            let Ok((next, done, error)) = joined else {
                continue;
            };
            problem = problem.or(error);
            for (fire, fired) in done {
                is_current &= agenda.note(&fire.schedule, fire.tick, fired);
                self.count(&fire, fired);
                let look = match fired {
                    Fired::TooEarly { wait } => Some(time.now().saturating_add(wait)),
                    Fired::QueueFull => Some(time.now().saturating_add(FULL_PAUSE)),
                    _ => continue,
                };
                agenda.put_back(fire.schedule, look);
            }
            if let Some((name, look)) = next {
                agenda.put_back(name, look);
            }
        }
        problem.map_or(Ok(is_current), Err)
    }

    fn count(&mut self, fire: &Fire, fired: Fired) {
        debug!(schedule = %fire.schedule, tick = %fire.tick, ?fired, "tick");
        let counter = match fired {
            Fired::Fired(Some(_)) => &mut self.report.fired,
            Fired::Fired(None) => &mut self.report.skipped,
            Fired::Overlapped { run } => {
                info!(schedule = %fire.schedule, tick = %fire.tick, %run, "the tick is dropped: the run before has not ended");
                &mut self.report.overlapped
            }
            Fired::AlreadyDone { .. } => &mut self.report.already_done,
            _ => return,
        };
        *counter += 1;
    }
}

/// What was fired of one schedule, when to look at it again, and the error that ended it early.
type Done = (
    Option<(ScheduleName, Option<aqueduct_core::Timestamp>)>,
    Vec<(Fire, Fired)>,
    Option<BrokerError>,
);

/// Fires the ticks of one schedule in order; stops at the first that is not done with.
async fn fire_in_order(store: &ScheduleHandle, plan: Plan) -> Done {
    let mut done = Vec::new();
    let mut name = None;
    for fire in plan.fires {
        name = Some(fire.schedule.clone());
        match answered("fire a tick", store.fire(&fire)).await {
            Ok(
                fired @ (Fired::Fired(_) | Fired::Overlapped { .. } | Fired::AlreadyDone { .. }),
            ) => done.push((fire, fired)),
            Ok(fired) => {
                done.push((fire, fired));
                return (None, done, None);
            }
            // Firing it again is safe: a tick that was done is `AlreadyDone`.
            Err(error) => return (None, done, Some(error)),
        }
    }
    (name.map(|name| (name, plan.next)), done, None)
}

/// Waits for an answer of the broker, and gives up on one that does not come.
async fn answered<T>(
    operation: &'static str,
    call: impl Future<Output = Result<T, BrokerError>>,
) -> Result<T, BrokerError> {
    let answer = tokio::time::timeout(CALL_AT_MOST, call).await;
    answer.unwrap_or_else(|_too_long| {
        let message = format!("it did not answer within {CALL_AT_MOST:?}");
        Err(BrokerError::new(
            BrokerErrorKind::Timeout,
            operation,
            message,
        ))
    })
}

fn is_final(error: &BrokerError) -> bool {
    matches!(
        error.kind(),
        BrokerErrorKind::Config | BrokerErrorKind::NotSupported
    )
}

/// The broker's clock has milliseconds: never wait for less.
const TICK: Duration = Duration::from_millis(1);

/// How long a schedule waits whose queue is full.
const FULL_PAUSE: Duration = Duration::from_secs(1);
