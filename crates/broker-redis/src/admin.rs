//! The administrative seam.

use aqueduct_broker_api::wire;
use aqueduct_broker_api::{
    BrokerAdmin, BrokerError, CancelAnswer, ConsumerInfo, Holder, KeyHolder, LimitInfo,
    MAX_HELD_BY, MAX_PAGE, PauseScope, RunFilter, RunPage, TaskInfo, TurnInfo,
};
use aqueduct_core::key::Key;
use aqueduct_core::run::{Limit, Reason};
use aqueduct_core::{QueueName, RunId, TaskRun};

use crate::RedisBroker;
use crate::decode::admin::{
    consumer_infos, holders, key_holders, limit_infos, paused_scopes, purged, task_infos, turn,
};
use crate::decode::unreadable;
use crate::items::unencodable;
use crate::link::Args;
use crate::listing::Page;
use crate::requeue::{REQUEUE, REQUEUE_TRIES};
use crate::search::{Cancelling, Found};
use crate::side;
use crate::unreadable::UNREADABLE;

impl BrokerAdmin for RedisBroker {
    async fn find(&self, runs: &[RunId]) -> Result<Vec<Option<TaskRun>>, BrokerError> {
        const FIND: &str = "find";
        BrokerError::check_batch(FIND, runs.len(), MAX_PAGE)?;
        let found = self.look_up(FIND, runs).await?;
        let decode = |found: &Option<Found>| found.as_ref().map(Found::decode).transpose();
        found
            .iter()
            .map(decode)
            .collect::<Result<_, _>>()
            .map_err(|error| unreadable(FIND, error))
    }

    async fn list(&self, filter: &RunFilter) -> Result<RunPage, BrokerError> {
        let mut page = Page::new(filter);
        self.list_stored(&mut page).await?;
        if !filter.wants_only_ended() {
            self.list_held(&mut page).await?;
            self.list_waiting(&mut page).await?;
        }
        Ok(page.finish())
    }

    async fn cancel(
        &self,
        runs: &[RunId],
        reason: Reason,
    ) -> Result<Vec<CancelAnswer>, BrokerError> {
        const CANCEL: &str = "cancel";
        BrokerError::check_batch(CANCEL, runs.len(), MAX_PAGE)?;
        let reason = wire::reason_field(&reason).map_err(|error| unencodable(CANCEL, error))?;
        let answers = vec![CancelAnswer::Unknown; runs.len()];
        let mut cancelling = Cancelling {
            runs,
            reason: reason.into(),
            answers,
        };
        self.cancel_all(CANCEL, &mut cancelling).await?;
        Ok(cancelling.answers)
    }

    async fn requeue(&self, runs: &[RunId]) -> Result<Vec<bool>, BrokerError> {
        BrokerError::check_batch(REQUEUE, runs.len(), MAX_PAGE)?;
        let mut requeued = vec![false; runs.len()];
        let mut open: Vec<usize> = (0..runs.len()).collect();
        for _ in 0..REQUEUE_TRIES {
            open = self.requeue_once(runs, &open, &mut requeued).await?;
            if open.is_empty() {
                break;
            }
        }
        Ok(requeued)
    }

    async fn holders(&self, runs: &[RunId]) -> Result<Vec<Option<Holder>>, BrokerError> {
        const HOLDERS: &str = "tell the holders";
        BrokerError::check_batch(HOLDERS, runs.len(), MAX_PAGE)?;
        if runs.is_empty() {
            return Ok(Vec::new());
        }
        let reply = self
            .step(HOLDERS, &self.0.scripts.holders, self.ids(runs))
            .await?;
        holders(reply).map_err(|error| error.during(HOLDERS))
    }

    async fn key_holders(&self, keys: &[Key]) -> Result<Vec<Option<KeyHolder>>, BrokerError> {
        const HOLDERS: &str = "tell the holders of keys";
        BrokerError::check_batch(HOLDERS, keys.len(), MAX_PAGE)?;
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let mut args = self.0.keys.args(keys.len());
        for key in keys {
            args.text(key.as_str());
        }
        let reply = self
            .step(HOLDERS, &self.0.scripts.key_holders, args)
            .await?;
        key_holders(reply).map_err(|error| error.during(HOLDERS))
    }

    async fn discard(&self, runs: &[RunId]) -> Result<Vec<bool>, BrokerError> {
        const DISCARD: &str = "discard";
        BrokerError::check_batch(DISCARD, runs.len(), MAX_PAGE)?;
        if runs.is_empty() {
            return Ok(Vec::new());
        }
        let reply = self
            .step(DISCARD, &self.0.scripts.discard, self.ids(runs))
            .await?;
        let answers = reply.into_bytes().map_err(|error| error.during(DISCARD))?;
        Ok(answers.iter().map(|answer| *answer == b'1').collect())
    }

    async fn purge(&self, queue: &QueueName) -> Result<usize, BrokerError> {
        const PURGE: &str = "purge";
        let (mut removed, mut rank) = (0, -1);
        loop {
            let mut args = self.args_with_retention(3);
            args.text(queue.as_str())
                .number(MAX_PAGE as u64 - removed)
                .text(&rank.to_string());
            let reply = self.step(PURGE, &self.0.scripts.purge, args).await?;
            let (more_removed, is_more, next_rank) =
                purged(reply).map_err(|error| error.during(PURGE))?;
            removed += more_removed;
            rank = next_rank;
            if !is_more {
                return Ok(usize::try_from(removed).unwrap_or(usize::MAX));
            }
        }
    }

    async fn set_paused(&self, scope: &PauseScope, paused: bool) -> Result<(), BrokerError> {
        const PAUSE: &str = "pause";
        let Some(scope) = scope_text(scope) else {
            return Ok(());
        };
        let (mut what, mut left) = (if paused { "pause" } else { "resume" }, 0);
        loop {
            let mut args = self.0.keys.args(3);
            args.text(&scope).word(what).number(left);
            let reply = self.step(PAUSE, &self.0.scripts.pause, args).await?;
            left = reply.into_number().map_err(|error| error.during(PAUSE))?;
            what = "continue";
            if left == 0 {
                return Ok(());
            }
        }
    }

    async fn paused(&self) -> Result<Vec<PauseScope>, BrokerError> {
        const PAUSED: &str = "tell what is paused";
        let mut args = Args::default();
        args.text(&self.0.keys.name("paused"));
        let reply = self.command(PAUSED, "HKEYS", args).await?;
        let mut scopes = paused_scopes(reply).map_err(|error| error.during(PAUSED))?;
        scopes.sort();
        Ok(scopes)
    }

    async fn tasks(&self) -> Result<Vec<TaskInfo>, BrokerError> {
        const TASKS: &str = "tell of tasks";
        let mut args = Args::default();
        args.text(&self.0.keys.name("tasks"));
        let reply = self.command(TASKS, "HGETALL", args).await?;
        task_infos(reply).map_err(|error| error.during(TASKS))
    }

    async fn consumers(&self) -> Result<Vec<ConsumerInfo>, BrokerError> {
        const CONSUMERS: &str = "tell of consumers";
        let reply = self
            .step(CONSUMERS, &self.0.scripts.consumers, self.0.keys.args(0))
            .await?;
        consumer_infos(reply).map_err(|error| error.during(CONSUMERS))
    }

    async fn limits(&self, limits: &[Limit]) -> Result<Vec<LimitInfo>, BrokerError> {
        const LIMITS: &str = "tell of limits";
        BrokerError::check_batch(LIMITS, limits.len(), MAX_PAGE)?;
        let mut args = self.0.keys.args(2 + limits.len());
        args.number(MAX_PAGE as u64).number(MAX_HELD_BY as u64);
        for limit in limits {
            args.bytes(side::name_of(limit));
        }
        let reply = self.step(LIMITS, &self.0.scripts.limits, args).await?;
        limit_infos(reply, limits).map_err(|error| error.during(LIMITS))
    }

    async fn turn(&self, run: RunId) -> Result<Option<TurnInfo>, BrokerError> {
        const TURN: &str = "tell where a run stands";
        let mut args = self.0.keys.args(2);
        args.bytes(run.to_bytes().to_vec()).number(LOOKED_AT);
        let reply = self.step(TURN, &self.0.scripts.turn, args).await?;
        turn(reply).map_err(|error| error.during(TURN))
    }

    async fn unreadable(&self) -> Result<u64, BrokerError> {
        const COUNT: &str = "count what cannot be read";
        self.length(COUNT, &self.0.keys.name(UNREADABLE)).await
    }
}

/// How far behind a run is looked for that takes turns.
const LOOKED_AT: u64 = 100_000;

impl RedisBroker {
    /// Begins the arguments of a script that takes ids and nothing else.
    fn ids(&self, runs: &[RunId]) -> Args {
        let mut args = self.0.keys.args(runs.len());
        for run in runs {
            args.bytes(run.to_bytes().to_vec());
        }
        args
    }
}

fn scope_text(scope: &PauseScope) -> Option<String> {
    match scope {
        PauseScope::Queue(queue) => Some(format!("q{queue}")),
        PauseScope::Task(task) => Some(format!("t{task}")),
        // A scope of a later release is not known here.
        _ => None,
    }
}
