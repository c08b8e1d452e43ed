//! What a broker can break about the keys of a task, and which cases it must make fail.

use std::time::Duration;

use aqueduct_core::QueuedTask;
use aqueduct_core::queue::Due;
use aqueduct_core::run::{Fair, FairWeight, OnConflict, RunOptions, UniqueScope};

use crate::defect::Defect;

/// What each defect of keys must make fail.
pub(crate) const KEYED: &[(Defect, &[&str])] = &[
    (
        Defect::UniqueKeyIgnored,
        &["unique::a_held_key_is_a_duplicate"],
    ),
    (
        Defect::UniqueKeyNeverFreed,
        &[
            "unique::every_end_frees_the_key",
            "unique::every_removal_frees_the_key",
            "unique::a_requeue_takes_the_key",
        ],
    ),
    (
        Defect::KeyHeldAfterTheBegin,
        &[
            "unique::a_key_of_what_waits_is_free_once_it_begins",
            "replace::the_last_call_counts",
        ],
    ),
    (
        Defect::KeyFreedByTheBegin,
        &[
            "unique::every_removal_frees_the_key",
            "unique::a_held_key_is_a_duplicate",
            "unique::a_window_outlives_its_run",
            "replace::what_has_begun_is_left_alone",
            "replace::what_was_given_back_keeps_its_counts",
        ],
    ),
    (
        Defect::WindowIgnored,
        &["unique::a_window_outlives_its_run"],
    ),
    (
        Defect::WindowNeverOver,
        &["unique::a_window_outlives_its_run"],
    ),
    (
        Defect::RefusalIgnored,
        &[
            "unique::a_refusal_names_the_holder",
            "lost_replies::of_a_refusal_refuse_again",
        ],
    ),
    (
        Defect::ConflictsRefused,
        &[
            "unique::a_held_key_is_a_duplicate",
            "unique::a_tick_finds_the_key_held",
            "idempotency::it_goes_before_a_unique_key",
        ],
    ),
    (
        Defect::ReplacementIgnored,
        &[
            "replace::the_last_call_counts",
            "replace::the_last_of_one_request_counts",
            "replace::a_run_is_not_put_off_for_ever",
            "replace::what_is_due_keeps_its_turn",
            "replace::a_replaced_deadline_expires_nothing",
            "replace::what_was_given_back_keeps_its_counts",
            "lost_replies::of_a_replacement_replace_once",
        ],
    ),
    (
        Defect::ReplacedIsDueAtOnce,
        &[
            "replace::the_last_call_counts",
            "replace::the_last_of_one_request_counts",
        ],
    ),
    (
        Defect::ReplacedOptionsLost,
        &["replace::what_is_due_keeps_its_turn"],
    ),
    (
        Defect::DeadlineOutlivesReplacement,
        &["replace::a_replaced_deadline_expires_nothing"],
    ),
    (
        Defect::PutOffForEver,
        &["replace::a_run_is_not_put_off_for_ever"],
    ),
    (
        Defect::IdempotencyIgnored,
        &[
            "idempotency::a_repetition_finds_the_first_run",
            "idempotency::it_goes_before_a_unique_key",
            "lost_replies::of_a_keyed_enqueue_add_once",
        ],
    ),
    (
        Defect::RepetitionsKnownForEver,
        &["idempotency::a_key_is_forgotten_after_its_window"],
    ),
];

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
    spoil_fair(defect, task.due, options);
    spoil_unique(defect, options);
    spoil_idempotency(defect, options);
}

fn spoil_fair(defect: Option<Defect>, due: Due, options: &mut RunOptions) {
    let Some(fair) = &mut options.fair else {
        return;
    };
    match defect {
        Some(Defect::TurnsIgnored) => options.fair = None,
        Some(Defect::DelayedRunsTakeNoTurns) if due != Due::Now => options.fair = None,
        Some(Defect::WeightsIgnored) => fair.weight = FairWeight::default(),
        Some(Defect::FairKeysMixed) => *fair = Fair::key("one").unwrap(),
        _ => {}
    }
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
