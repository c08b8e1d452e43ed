//! The suite that every broker must pass: ours, and yours.
//!
//! Write a [`Harness`] that makes an empty broker on a clock that tests move, and list the suite in a
//! test file of your crate:
//!
//! ```
//! use aqueduct_broker_conformance::{Fixture, Harness, conformance};
//! # use aqueduct_broker_conformance::model::ModelBroker;
//! # use aqueduct_core::clock::ManualClock;
//!
//! #[derive(Debug)]
//! struct MyHarness;
//!
//! impl Harness for MyHarness {
//!     async fn fixture(&self) -> Fixture {
//!         let clock = ManualClock::new(aqueduct_broker_conformance::START);
//!         # let my_broker = ModelBroker::new(clock.clock());
//!         Fixture::new(my_broker, clock)
//!     }
//! }
//!
//! conformance!(MyHarness);
//! // A broker that lacks something says so: conformance!(MyHarness, without = ["schedules"]);
//! ```
//!
//! Each case becomes a test of its own, named after what it checks. A capability that the broker
//! lacks is named in `without`; one more case checks that `Broker::capabilities` says the same.
//!
//! This crate changes with the contract, in minor releases too: pin it exactly.
#![expect(
    clippy::missing_panics_doc,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stderr,
    reason = "a case fails by panicking and says why; that is what it is for"
)]

pub mod cases;
mod differential;
mod fixture;
mod following;
mod harness;
pub mod model;
mod plan;
mod shrink;

pub use aqueduct_broker_api::faulty::{Fault, FaultyBroker, Healed, Operation};
pub use fixture::{Bench, Consumer, Producer, START, named};
pub use harness::{Fixture, Harness, TestClock};
pub use shrink::shrink;

/// Lists every case once: module, name, and the capability that it needs.
///
/// Calls the given macro with the whole list.
#[macro_export]
macro_rules! for_each_case {
    ($callback:path, $($arguments:tt)*) => {
        $callback! {
            $($arguments)*
            enqueue {
                stores_a_run: "lookup", answers_in_order: "", refuses_a_batch_over_the_limit: "",
                a_known_id_is_a_duplicate: "unique", keeps_everything_of_a_run: "",
                keeps_the_trace_of_a_run: "lookup",
            }
            order {
                first_in_first_out: "", higher_priority_first: "priorities",
                the_lowest_does_not_starve: "priorities", queues_in_the_order_asked: "",
                lanes_are_apart: "", a_released_run_goes_to_the_head: "",
            }
            claim {
                is_exclusive: "", respects_the_maximum: "", empty_is_no_error: "",
                counts_attempts: "", settles_before_it_claims: "", tells_the_time: "",
                refuses_a_batch_over_the_limit: "",
            }
            settle {
                each_kind_leads_to_its_state: "", only_the_holder_can: "fenced",
                an_older_attempt_cannot: "fenced", a_settled_run_cannot_be_settled_again: "fenced",
                one_bad_item_does_not_hold_up_others: "fenced", late_but_not_reclaimed_counts: "",
                counts_failures_and_parks: "", counts_crashes_apart: "",
                success_without_a_result_leaves_nothing: "",
            }
            extend {
                keeps_the_lease: "", lists_what_is_lost: "fenced",
                does_not_revive_a_settled_run: "fenced", gives_back_what_the_consumer_lacks: "",
                leaves_unanswered_claims_alone: "", of_no_time_ends_the_lease: "",
            }
            parked {
                are_woken_by_whoever_knows_them: "introductions",
            }
            progress {
                is_shown_while_the_run_runs: "progress", belongs_to_one_run: "progress",
                without_the_lease_changes_nothing: "progress", goes_with_the_attempt: "progress",
            }
            checkpoint {
                outlives_the_attempt: "checkpoints", outlives_the_consumer: "checkpoints",
                the_newest_counts: "checkpoints", without_the_lease_keeps_nothing: "checkpoints",
                goes_with_the_end: "checkpoints", has_a_limit: "checkpoints",
            }
            replay {
                of_an_enqueue_adds_nothing: "", of_a_claim_returns_the_same_runs: "",
                of_a_settlement_answers_the_same: "", of_a_fused_claim_does_neither_twice: "",
                outside_the_window_is_refused: "", out_of_order_is_accepted: "",
            }
            reclaim {
                takes_back_from_the_dead: "", leaves_the_living_alone: "",
                counts_a_crash_and_no_failure: "", fails_when_the_budget_is_used_up: "",
                respects_the_limit: "", pauses_after_a_standstill: "",
                a_dead_consumer_cannot_settle: "fenced",
            }
            delay {
                is_invisible_before_and_visible_when_due: "delayed", is_exact_to_the_millisecond: "delayed",
                zero_and_the_past_are_now: "delayed", many_due_at_once_all_come: "delayed",
                a_retry_comes_back_when_due: "delayed",
            }
            expiry {
                an_unstarted_run_expires: "expiry", a_started_run_does_not: "expiry",
                a_beat_expires_too: "expiry",
            }
            cancel {
                a_waiting_run_ends_at_once: "cancel", a_running_run_is_told: "cancel",
                an_ended_run_stays: "cancel", a_request_outlives_the_attempt: "cancel",
            }
            unique {
                a_held_key_is_a_duplicate: "unique", every_end_frees_the_key: "unique",
                every_removal_frees_the_key: "unique",
                a_key_of_what_waits_is_free_once_it_begins: "unique", a_window_outlives_its_run: "unique",
                a_refusal_names_the_holder: "unique", a_requeue_takes_the_key: "unique",
                a_tick_finds_the_key_held: "unique", the_holder_of_a_key_is_told: "unique",
            }
            replace {
                the_last_call_counts: "unique", the_last_of_one_request_counts: "unique",
                a_run_is_not_put_off_for_ever: "unique", what_is_due_keeps_its_turn: "unique",
                a_replaced_deadline_expires_nothing: "unique", what_has_begun_is_left_alone: "unique",
                what_was_given_back_keeps_its_counts: "unique",
            }
            idempotency {
                a_repetition_finds_the_first_run: "idempotency",
                a_key_is_forgotten_after_its_window: "idempotency", it_goes_before_a_unique_key: "idempotency",
            }
            limits {
                no_more_than_the_limit_run_at_once: "limits", every_way_to_leave_frees_the_place: "limits",
                keys_are_apart: "limits", keys_take_turns: "limits", all_limits_of_a_run_count: "limits",
                the_number_that_was_queued_last_counts: "limits", waiting_counts_no_attempt: "limits",
                what_was_given_back_is_first: "limits", priorities_hold_within_a_key: "limits",
                a_paused_queue_keeps_no_place: "limits", what_waits_can_be_steered: "limits",
                they_tell_how_they_stand: "limits",
                a_replaced_run_has_those_of_the_last_call: "limits",
                a_replaced_number_counts_in_its_place: "limits",
                a_larger_number_lets_on_what_has_just_come_to_wait: "limits",
            }
            rates {
                a_rate_lets_so_many_start: "limits", a_rate_comes_back_bit_by_bit: "limits",
                a_key_can_be_held_back: "limits",
            }
            fair {
                keys_take_turns: "fair", turns_are_over_all_consumers: "fair",
                a_weight_is_the_length_of_a_turn: "fair", what_has_no_key_is_a_turn_of_its_own: "fair",
                priorities_go_before_turns: "fair", whatever_becomes_ready_takes_turns: "fair",
                what_was_given_back_is_the_next_of_its_key: "fair",
                limits_hold_and_give_no_precedence: "fair", turns_hold_at_a_shared_limit: "fair",
                what_waits_can_be_steered: "fair", a_paused_task_holds_nothing_up: "fair",
                it_is_told_where_a_run_stands: "fair", a_new_number_reaches_the_backlog: "fair",
                a_backlog_keeps_its_number: "fair",
            }
            results {
                are_kept_as_long_as_asked: "results", failed_runs_are_kept: "results",
                a_failed_run_can_be_requeued: "results",
            }
            history {
                has_every_failure_in_order: "results", has_the_consumer_of_a_crash: "lookup",
                is_bounded: "delayed", outlives_a_requeue: "results", has_failures_only: "results",
            }
            waits {
                an_end_is_told_with_its_value: "waits", every_end_is_told: "waits",
                the_end_of_what_died_is_told: "waits", an_attempt_is_no_end: "waits",
                what_has_ended_is_not_waited_for: "waits", what_keeps_no_result_is_unknown: "waits",
                a_removed_run_is_unknown: "waits", the_time_of_a_wait_ends: "waits",
                all_who_wait_are_told: "waits", a_dropped_wait_loses_nothing: "waits",
                a_requeued_run_is_waited_for_anew: "waits",
            }
            admin {
                lists_in_pages: "lookup", a_paused_queue_gives_nothing: "",
                a_paused_task_does_not_hold_up_others: "", purge_removes_waiting_runs: "lookup",
                lengths_add_up: "", consumers_are_known_while_they_live: "",
                lists_by_the_end: "results", ended_runs_can_be_discarded: "results",
                tells_who_holds_a_run: "", tells_that_a_run_is_asked_to_end: "cancel",
                knows_what_consumers_say_of_themselves: "introductions", runs_are_not_unreadable: "", a_page_ends_at_some_bytes: "lookup",
            }
            schedules {
                a_tick_fires_once: "schedules", a_repeated_tick_is_already_done: "schedules",
                a_tick_can_be_skipped: "schedules", a_run_has_what_its_schedule_asks_for: "schedules",
                the_future_does_not_fire: "schedules",
                a_lower_version_changes_nothing: "schedules", removed_stays_removed: "schedules",
                switched_off_does_not_fire: "schedules", the_revision_follows_definitions: "schedules",
                a_change_wakes_the_waiting: "schedules", a_replaced_definition_is_shown: "schedules",
                the_rules_for_clock_changes_are_kept: "schedules",
            }
            overlap {
                is_allowed_by_default: "schedules", can_be_skipped: "overlap",
                can_cancel_the_run_before: "overlap", is_counted_once: "overlap",
            }
            wake {
                an_enqueue_wakes: "", a_due_run_wakes: "delayed", a_release_wakes: "",
                a_reclaim_wakes: "", a_requeue_wakes: "results", a_resumed_queue_wakes: "",
                a_dropped_waiter_loses_nothing: "", ready_runs_do_not_wait: "",
                a_freed_place_wakes: "limits", an_opened_rate_wakes: "limits",
            }
            workflows {
                a_value_goes_down_a_chain: "workflows", an_attempt_releases_nothing: "workflows",
                the_last_member_releases: "workflows", a_member_counts_once: "workflows",
                what_runs_anyway_gets_every_end: "workflows",
                too_large_an_input_cancels: "workflows", are_stored_together_or_not_at_all: "workflows",
                a_delay_counts_from_the_release: "workflows",
                a_family_is_listed_from_its_root: "workflows", many_end_at_once: "workflows",
            }
            broken_workflows {
                every_other_end_cancels_the_rest: "workflows",
                a_crash_budget_used_up_cancels_the_rest: "workflows",
                one_bad_member_cancels_what_follows: "workflows", a_removed_member_counts_as_ended: "workflows",
                a_purge_removes_what_it_releases: "workflows",
                a_purge_cancels_what_follows: "workflows", the_end_of_the_rest_is_told: "workflows",
                all_can_be_cancelled_at_once: "workflows",
                without_its_input_nothing_is_queued_anew: "workflows",
                the_rest_of_a_chain_waits_again: "workflows",
            }
            contention {
                no_run_is_held_twice_and_none_is_lost: "",
                a_tick_fires_once_for_many: "schedules",
            }
            faults {
                lost_replies_lose_and_double_nothing: "fenced",
                errors_before_the_step_change_nothing: "",
                repeated_requests_change_nothing: "",
            }
            lost_replies {
                of_looks_change_nothing: "lookup", of_beats_reclaim_once: "",
                of_a_cancel_ends_a_run_once: "cancel", of_a_requeue_queues_once: "results",
                of_a_discard_removes_once: "results",
                of_a_pause_or_a_purge_hold: "lookup", of_a_schedule_fire_once: "schedules",
                of_a_wait_tell_again: "waits", of_a_failure_keep_it_once: "fenced",
                of_a_replacement_replace_once: "unique", of_a_refusal_refuse_again: "unique",
                of_a_keyed_enqueue_add_once: "idempotency",
                of_a_checkpoint_keep_it: "checkpoints", of_limited_runs_leak_no_place: "limits",
                of_claims_in_turn_skip_none: "fair",
                of_a_workflow_release_once: "workflows",
            }
            random {
                the_model_agrees: "unique",
            }
        }
    };
}

/// Makes one test of each case, for a harness.
#[macro_export]
macro_rules! conformance {
    ($harness:expr) => { $crate::conformance!($harness, without = []); };
    ($harness:expr, without = [$($without:literal),* $(,)?]) => {
        const WITHOUT: &[&str] = &[$($without),*];

        #[$crate::__private::tokio::test(crate = "aqueduct_broker_conformance::__private::tokio")]
        async fn declared_capabilities_are_true() {
            $crate::cases::declared_capabilities_are_true($harness, WITHOUT).await;
        }

        $crate::for_each_case!($crate::conformance_tests, { $harness });
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! conformance_tests {
    ({ $harness:expr } $($module:ident { $($case:ident: $needs:literal),* $(,)? })*) => {
        $(mod $module {
            use super::*;

            $(#[$crate::__private::tokio::test(
                flavor = "multi_thread", worker_threads = 2,
                crate = "aqueduct_broker_conformance::__private::tokio"
            )]
            async fn $case() {
                if WITHOUT.contains(&$needs) {
                    eprintln!("not checked: the broker declares that it lacks {}", $needs);
                    return;
                }
                let bench = $crate::Bench::of($harness).await;
                $crate::cases::$module::$case(bench).await;
            })*
        })*
    };
}

#[doc(hidden)]
pub mod __private {
    //! What the macros of this crate expand to.
    pub use tokio;
}
