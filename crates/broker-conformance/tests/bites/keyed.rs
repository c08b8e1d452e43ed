//! What a broker can break about the keys of a task.

use std::time::Duration;

use aqueduct_core::QueuedTask;
use aqueduct_core::queue::Due;
use aqueduct_core::run::{OnConflict, RunOptions, UniqueScope};

use crate::defect::Defect;

/// Longer than any case takes.
const FOR_EVER: Duration = Duration::from_hours(24 * 300);

/// Changes the keys of a task on its way into the store.
pub(crate) fn spoil_keys(defect: Option<Defect>, task: &mut QueuedTask) {
    let replaces = |options: &RunOptions| {
        let unique = options.unique.as_ref();
        unique.is_some_and(|unique| unique.on_conflict == OnConflict::Replace)
    };
    let Some(options) = task.options.as_deref_mut() else {
        return;
    };
    match defect {
        Some(Defect::ReplacedIsDueAtOnce) if replaces(options) && task.due != Due::Now => {
            task.due = Due::After(Duration::from_secs(1));
        }
        Some(Defect::ReplacedOptionsLost) if replaces(options) => task.expires_in = None,
        Some(Defect::DeadlineOutlivesReplacement) if replaces(options) => {
            task.expires_in = Some(Duration::from_secs(1));
        }
        _ => {}
    }
    spoil_unique(defect, options);
    spoil_idempotency(defect, options);
}

fn spoil_unique(defect: Option<Defect>, options: &mut RunOptions) {
    let Some(unique) = &mut options.unique else {
        return;
    };
    match (defect, unique.scope) {
        (Some(Defect::KeyHeldAfterTheBegin), UniqueScope::Queued)
        | (Some(Defect::WindowIgnored), UniqueScope::Window(_)) => {
            unique.scope = UniqueScope::UntilFinished;
        }
        (Some(Defect::WindowNeverOver), UniqueScope::Window(_)) => {
            unique.scope = UniqueScope::Window(FOR_EVER);
        }
        (Some(Defect::KeyFreedByTheBegin), _) => unique.scope = UniqueScope::Queued,
        _ => {}
    }
    match (defect, unique.on_conflict) {
        (Some(Defect::RefusalIgnored), OnConflict::Refuse)
        | (Some(Defect::ReplacementIgnored), OnConflict::Replace) => {
            unique.on_conflict = OnConflict::ReturnExisting;
        }
        (Some(Defect::ConflictsRefused), OnConflict::ReturnExisting) => {
            unique.on_conflict = OnConflict::Refuse;
        }
        (Some(Defect::PutOffForEver), _) => unique.put_off_at_most = None,
        _ => {}
    }
}

fn spoil_idempotency(defect: Option<Defect>, options: &mut RunOptions) {
    match (defect, &mut options.idempotency) {
        (Some(Defect::IdempotencyIgnored), _) => options.idempotency = None,
        (Some(Defect::RepetitionsKnownForEver), Some(idempotency)) => idempotency.window = FOR_EVER,
        _ => {}
    }
}
