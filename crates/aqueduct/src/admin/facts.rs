//! What has to be known of a run to say why it is not running.

use aqueduct_broker_api::{BrokerAdmin, LimitInfo, TurnInfo};
use aqueduct_core::{RunId, RunState, TaskRun};

use super::explain::Facts;
use super::{Admin, AdminError};

impl Facts {
    /// Asks the broker for what matters in the state of the run.
    pub(super) async fn gather(admin: &Admin, id: RunId) -> Result<Self, AdminError> {
        let mut facts = Self::default();
        let Some(run) = admin.find(id).await? else {
            return Ok(facts);
        };
        if run.state.is_final() {
            facts.key_holder = other_holder(admin, &run).await?;
        } else if run.state == RunState::Running {
            facts.holder = admin.seam.holders(&[id]).await?.pop().flatten();
            facts.consumers = admin.consumers().await?;
        } else {
            facts.limits = limits_of(admin, &run).await?;
            facts.awaited = awaited(admin, &run).await?;
            facts.turn = turn_of(admin, &run).await?;
            facts.paused = admin.paused().await?;
            facts.consumers = admin.consumers().await?;
            facts.lengths = admin.lengths(std::slice::from_ref(&run.queue)).await?.pop();
        }
        facts.run = Some(run);
        Ok(facts)
    }
}

/// Returns the other run that holds the unique key of this one, if there is one.
async fn other_holder(admin: &Admin, run: &TaskRun) -> Result<Option<RunId>, AdminError> {
    let options = run.options.as_ref();
    let Some(unique) = options.and_then(|it| it.unique.as_ref()) else {
        return Ok(None);
    };
    let holder = admin.holder_of(unique.key.as_str()).await?;
    Ok(holder.map(|holder| holder.run).filter(|it| *it != run.id))
}

/// Returns where a ready run stands that takes turns; a follow-up that waits is not ready.
async fn turn_of(admin: &Admin, run: &TaskRun) -> Result<Option<TurnInfo>, AdminError> {
    if run.fair().is_none() || run.state != RunState::Queued {
        return Ok(None);
    }
    Ok(admin.seam.turn(run.id).await?)
}

async fn limits_of(admin: &Admin, run: &TaskRun) -> Result<Vec<LimitInfo>, AdminError> {
    if run.limits().is_empty() {
        return Ok(Vec::new());
    }
    admin.limits(run.limits()).await
}

/// Returns which of the runs have not ended that a follow-up waits for.
async fn awaited(admin: &Admin, run: &TaskRun) -> Result<Vec<RunId>, AdminError> {
    let Some(follows) = run.waits_for() else {
        return Ok(Vec::new());
    };
    let found = admin.seam.find(&follows.runs).await?.into_iter().flatten();
    let unended = found.filter(|run| !run.state.is_final());
    Ok(unended.map(|run| run.id).collect())
}
