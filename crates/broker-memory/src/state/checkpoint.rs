//! The step that keeps a checkpoint of a held run.

use aqueduct_broker_api::{BrokerError, CheckpointRequest, Checkpointed};
use aqueduct_core::Timestamp;
use aqueduct_core::run::Checkpoint;

use super::State;

impl State {
    pub(crate) fn checkpoint(
        &mut self,
        request: &CheckpointRequest,
        now: Timestamp,
    ) -> Result<Checkpointed, BrokerError> {
        let CheckpointRequest {
            token,
            number,
            value,
            ..
        } = request;
        request.check()?;
        let slot = self.held_by(token.consumer, *token);
        let Some(stored) = slot.and_then(|slot| self.slots.get_mut(slot)) else {
            return Ok(Checkpointed::LeaseLost);
        };
        let before = stored.run.checkpoint.as_ref();
        if before.is_none_or(|before| !before.is_at_least(token.attempt, *number)) {
            let checkpoint = Checkpoint::new(token.attempt, *number, now, value.clone());
            stored.run.checkpoint = Some(Box::new(checkpoint));
        }
        Ok(Checkpointed::Kept)
    }
}
