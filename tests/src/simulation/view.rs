//! All that a broker stores, at one moment.

use std::collections::BTreeMap;

use aqueduct::broker_api::{
    Broker, BrokerAdmin, BrokerHandle, ConsumerInfo, LimitInfo, PauseScope, QueueLengths,
    RunFilter, ScheduleEntry, ScheduleStore, TaskInfo,
};
use aqueduct::{RunId, ScheduleName, TaskRun};
use aqueduct_core::ConsumerId;

/// All that a broker stores, at one moment.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct View {
    /// The runs.
    pub runs: BTreeMap<RunId, TaskRun>,
    /// Who holds which.
    pub holders: BTreeMap<RunId, ConsumerId>,
    /// How many are where.
    pub lengths: Vec<QueueLengths>,
    /// The consumers whose leases have not passed.
    pub consumers: Vec<ConsumerInfo>,
    /// How runs have ended.
    pub tasks: Vec<TaskInfo>,
    /// The schedules.
    pub schedules: BTreeMap<ScheduleName, ScheduleEntry>,
    /// What is paused.
    pub paused: Vec<PauseScope>,
    /// The limits that are in use.
    pub limits: Vec<LimitInfo>,
}

impl View {
    /// Looks at everything.
    ///
    /// # Panics
    ///
    /// Panics if the broker does not show it.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future changes nothing.
    pub(super) async fn of(broker: &BrokerHandle) -> Self {
        let admin = broker.admin().expect("the administrative seam");
        let mut runs = BTreeMap::new();
        let mut filter = RunFilter::all();
        loop {
            let page = admin.list(&filter).await.expect("a page");
            runs.extend(page.runs.into_iter().map(|run| (run.id, run)));
            filter.after = page.next;
            if page.next.is_none() {
                break;
            }
        }
        let running = runs.values().filter(|run| !run.state.is_final());
        let ids: Vec<RunId> = running.map(|run| run.id).collect();
        let mut holders = BTreeMap::new();
        for ids in ids.chunks(512) {
            let answers = admin.holders(ids).await.expect("the holders");
            let pairs = ids.iter().zip(answers);
            holders.extend(pairs.filter_map(|(id, holder)| Some((*id, holder?.consumer))));
        }
        let schedules = broker.schedules().expect("the seam of schedules");
        let schedules = schedules.list().await.expect("the schedules").entries;
        Self {
            runs,
            holders,
            lengths: broker.queue_lengths(&[]).await.expect("the lengths"),
            consumers: admin.consumers().await.expect("the consumers"),
            tasks: admin.tasks().await.expect("the tasks"),
            schedules: schedules
                .into_iter()
                .map(|it| (it.definition.name.clone(), it))
                .collect(),
            paused: admin.paused().await.expect("what is paused"),
            limits: admin.limits(&[]).await.expect("the limits"),
        }
    }

    /// Returns whether the queue of a run is paused, or its task.
    pub(super) fn is_paused(&self, run: &TaskRun) -> bool {
        let scopes = [
            PauseScope::Queue(run.queue.clone()),
            PauseScope::Task(run.task.clone()),
        ];
        scopes.iter().any(|scope| self.paused.contains(scope))
    }

    /// Returns how many runs have not ended.
    #[must_use]
    pub fn unfinished(&self) -> usize {
        let runs = self.runs.values();
        runs.filter(|run| !run.state.is_final()).count()
    }
}
