//! The administrative and the schedule seam of the broken broker.

use std::time::Duration;

use aqueduct_broker_api::{
    Broker, BrokerAdmin, BrokerError, CancelAnswer, ConsumerInfo, EnqueueRequest, Fire, Fired,
    Holder, KeyHolder, LimitInfo, PauseScope, RunFilter, RunPage, ScheduleDefinition,
    ScheduleSnapshot, ScheduleStore, ScheduleVersion, Sequence, TaskInfo, TurnInfo, Upserted,
};
use aqueduct_broker_conformance::START;
use aqueduct_core::key::Key;
use aqueduct_core::run::{Limit, Reason, TaskRun};
use aqueduct_core::schedule::Overlap;
use aqueduct_core::{ProducerId, QueueName, RunId, RunState, ScheduleName};

use crate::broken::BrokenBroker;
use crate::defect::Defect;
use crate::keyed::spoil_keys;

impl BrokerAdmin for BrokenBroker {
    async fn find(&self, runs: &[RunId]) -> Result<Vec<Option<TaskRun>>, BrokerError> {
        let mut found = self.inner.find(runs).await?;
        for run in found.iter_mut().flatten() {
            self.spoil_found(run);
        }
        Ok(found)
    }

    async fn list(&self, filter: &RunFilter) -> Result<RunPage, BrokerError> {
        let mut filter = filter.clone();
        if self.has(Defect::EndIgnoredByFilters) {
            filter.ended_since = None;
        }
        if self.has(Defect::FamiliesMixed) {
            filter.root = None;
        }
        if self.has(Defect::ListRepeatsItsFirstPage) {
            filter.after = None;
        }
        let mut page = BrokerAdmin::list(&self.inner, &filter).await?;
        if self.has(Defect::ListIsOnePage) {
            page.next = None;
        }
        while self.has(Defect::PagesHaveAnySize)
            && page.next.is_some()
            && page.runs.len() < filter.page_size()
        {
            filter.after = page.next;
            let more = BrokerAdmin::list(&self.inner, &filter).await?;
            page.runs.extend(more.runs);
            page.next = more.next;
        }
        Ok(page)
    }

    async fn cancel(
        &self,
        runs: &[RunId],
        reason: Reason,
    ) -> Result<Vec<CancelAnswer>, BrokerError> {
        let is_running = |run: &Option<TaskRun>| {
            run.as_ref()
                .is_some_and(|run| run.state == RunState::Running)
        };
        if self.has(Defect::CancelDoesNothing) {
            return Ok(vec![CancelAnswer::Cancelled; runs.len()]);
        }
        if self.has(Defect::CancelOfARunningRunForgotten)
            && self.find(runs).await?.iter().any(is_running)
        {
            return Ok(vec![CancelAnswer::Requested; runs.len()]);
        }
        let mut answers = self.inner.cancel(runs, reason).await?;
        if self.has(Defect::EndedRunsCancelled) {
            answers.fill(CancelAnswer::Cancelled);
        }
        Ok(answers)
    }

    async fn requeue(&self, runs: &[RunId]) -> Result<Vec<bool>, BrokerError> {
        if self.has(Defect::RequeueDoesNothing) {
            return Ok(vec![true; runs.len()]);
        }
        if self.has(Defect::RestNotBroughtBack) {
            self.discard_rest(runs).await?;
        }
        self.inner.requeue(runs).await
    }

    async fn key_holders(&self, keys: &[Key]) -> Result<Vec<Option<KeyHolder>>, BrokerError> {
        if self.has(Defect::HoldersUnknown) {
            return Ok(vec![None; keys.len()]);
        }
        self.inner.key_holders(keys).await
    }

    async fn holders(&self, runs: &[RunId]) -> Result<Vec<Option<Holder>>, BrokerError> {
        if self.has(Defect::HoldersUnknown) {
            return Ok(vec![None; runs.len()]);
        }
        let mut holders = self.inner.holders(runs).await?;
        if self.has(Defect::ReasonsNotTold) {
            for holder in holders.iter_mut().flatten() {
                holder.asked_to_end = None;
            }
        }
        Ok(holders)
    }

    async fn discard(&self, runs: &[RunId]) -> Result<Vec<bool>, BrokerError> {
        if self.has(Defect::DiscardDoesNothing) {
            return Ok(vec![true; runs.len()]);
        }
        if self.has(Defect::UnendedRunsDiscarded) {
            for run in self.inner.find(runs).await?.into_iter().flatten() {
                self.inner.purge(&run.queue).await?;
            }
        }
        self.inner.discard(runs).await
    }

    async fn purge(&self, queue: &QueueName) -> Result<usize, BrokerError> {
        if self.has(Defect::PurgeDoesNothing) {
            return Ok(2);
        }
        self.inner.purge(queue).await
    }

    async fn set_paused(&self, scope: &PauseScope, paused: bool) -> Result<(), BrokerError> {
        let nothing = if paused {
            Defect::PauseDoesNothing
        } else {
            Defect::ResumeDoesNothing
        };
        if self.has(nothing) {
            return Ok(());
        }
        self.inner.set_paused(scope, paused).await
    }

    async fn paused(&self) -> Result<Vec<PauseScope>, BrokerError> {
        self.inner.paused().await
    }

    async fn tasks(&self) -> Result<Vec<TaskInfo>, BrokerError> {
        self.inner.tasks().await
    }

    async fn consumers(&self) -> Result<Vec<ConsumerInfo>, BrokerError> {
        if self.has(Defect::ConsumersUnknown) {
            return Ok(Vec::new());
        }
        let mut consumers = self.inner.consumers().await?;
        if self.has(Defect::IntroductionsForgotten) {
            for consumer in &mut consumers {
                consumer.introduction = None;
            }
        }
        Ok(consumers)
    }

    async fn limits(&self, limits: &[Limit]) -> Result<Vec<LimitInfo>, BrokerError> {
        if self.has(Defect::LimitsUnknown) {
            return Ok(limits.iter().cloned().map(LimitInfo::idle).collect());
        }
        self.inner.limits(limits).await
    }

    async fn turn(&self, run: RunId) -> Result<Option<TurnInfo>, BrokerError> {
        let mut turn = self.inner.turn(run).await?;
        if let Some(turn) = turn.as_mut().filter(|_| self.has(Defect::TurnsMistold)) {
            turn.turns_before = Some(0);
        }
        Ok(turn)
    }

    async fn unreadable(&self) -> Result<u64, BrokerError> {
        let unreadable = self.inner.unreadable().await?;
        Ok(unreadable + u64::from(self.has(Defect::RunsCountedAsUnreadable)))
    }
}

impl ScheduleStore for BrokenBroker {
    async fn upsert(
        &self,
        definitions: &[ScheduleDefinition],
    ) -> Result<Vec<Upserted>, BrokerError> {
        let mut definitions = definitions.to_vec();
        if self.has(Defect::LowerVersionReplaces) {
            for definition in &mut definitions {
                definition.version = ScheduleVersion::from_number(u64::MAX);
            }
        }
        if self.has(Defect::ClockRulesForgotten) {
            for definition in &mut definitions {
                let text = definition.schedule.to_string();
                let plain = text.split(" skipped=").next().unwrap();
                let plain = plain.split(" repeated=").next().unwrap();
                definition.schedule = plain.parse().unwrap();
            }
        }
        self.inner.upsert(&definitions).await
    }

    async fn list(&self) -> Result<ScheduleSnapshot, BrokerError> {
        let mut snapshot = ScheduleStore::list(&self.inner).await?;
        if self.has(Defect::RevisionFollowsTicks) {
            snapshot.revision += self.notes().fired;
        }
        for entry in &mut snapshot.entries {
            if self.has(Defect::ReplacedForgotten) {
                entry.replaced = None;
            }
            if self.has(Defect::OverlapCountedTwice) && entry.overlaps > 0 {
                entry.overlaps = self.notes().fired - 1;
            }
        }
        Ok(snapshot)
    }

    async fn fire(&self, fire: &Fire) -> Result<Fired, BrokerError> {
        let run = fire.run.clone();
        let id = run.as_ref().map(|run| run.id);
        let does_nothing = match run {
            Some(_) => Defect::TickFiresNothing,
            None => Defect::SkipDoesNothing,
        };
        if self.has(does_nothing) {
            return Ok(Fired::Fired(id));
        }
        let mut asked = fire.clone();
        match self.defect {
            Some(Defect::OverlapIgnored) => asked.overlap = Overlap::Allow,
            Some(Defect::OverlapNeverAllowed) => asked.overlap = Overlap::Skip,
            _ => {}
        }
        if let Some(run) = &mut asked.run {
            spoil_keys(self.defect, run);
        }
        let fired = self.inner.fire(&asked).await?;
        self.notes().fired += 1;
        match (fired, run) {
            (Fired::AlreadyDone { .. }, Some(mut run)) if self.has(Defect::TickFiresTwice) => {
                run.id = RunId::generate(START);
                let again = EnqueueRequest::new(ProducerId::generate(), Sequence::FIRST, vec![run]);
                self.inner.enqueue(&again).await?;
                Ok(Fired::Fired(id))
            }
            (Fired::TooEarly { .. }, Some(run)) if self.has(Defect::EarlyTickFires) => {
                let early = EnqueueRequest::new(ProducerId::generate(), Sequence::FIRST, vec![run]);
                self.inner.enqueue(&early).await?;
                Ok(Fired::Fired(id))
            }
            (fired, _) => Ok(fired),
        }
    }

    async fn set_enabled(&self, name: &ScheduleName, enabled: bool) -> Result<bool, BrokerError> {
        if self.has(Defect::SwitchDoesNothing) {
            return Ok(true);
        }
        self.inner.set_enabled(name, enabled).await
    }

    async fn remove(&self, name: &ScheduleName) -> Result<bool, BrokerError> {
        if self.has(Defect::RemovedComesBack) {
            return self.inner.set_enabled(name, false).await;
        }
        self.inner.remove(name).await
    }

    async fn wait_changed(&self, seen: u64, at_most: Duration) -> Result<bool, BrokerError> {
        if self.has(Defect::ChangesNotTold) {
            std::future::pending::<()>().await;
        }
        self.inner.wait_changed(seen, at_most).await
    }
}
