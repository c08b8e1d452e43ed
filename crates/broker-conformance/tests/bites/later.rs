//! Which cases each defect must make fail: of what running runs tell, and of ticks that overlap.

use crate::defect::Defect;

/// What each defect must make fail, beside those of `table`.
pub(crate) const LATER_BITES: &[(Defect, &[&str])] = &[
    (
        Defect::NewcomersWakeNothing,
        &["parked::are_woken_by_whoever_knows_them"],
    ),
    (Defect::LeaversStay, &["extend::of_no_time_ends_the_lease"]),
    (
        Defect::LeaversLoseTheirRuns,
        &["extend::of_no_time_ends_the_lease"],
    ),
    (
        Defect::ReportsForgotten,
        &["progress::is_shown_while_the_run_runs"],
    ),
    (
        Defect::OnlyTheLastReporterShown,
        &["progress::belongs_to_one_run"],
    ),
    (
        Defect::ReportsOfAnyone,
        &["progress::without_the_lease_changes_nothing"],
    ),
    (
        Defect::ReportsOutliveTheAttempt,
        &["progress::goes_with_the_attempt"],
    ),
    (
        Defect::CheckpointsForgotten,
        &[
            "checkpoint::outlives_the_attempt",
            "checkpoint::outlives_the_consumer",
        ],
    ),
    (
        Defect::OldCheckpointsReplace,
        &["checkpoint::the_newest_counts"],
    ),
    (
        Defect::CheckpointsOfAnyone,
        &["checkpoint::without_the_lease_keeps_nothing"],
    ),
    (
        Defect::CheckpointsOutliveTheEnd,
        &["checkpoint::goes_with_the_end"],
    ),
    (Defect::CheckpointsOfAnySize, &["checkpoint::has_a_limit"]),
    (
        Defect::RepeatedCheckpointRefused,
        &["lost_replies::of_a_checkpoint_keep_it"],
    ),
    (
        Defect::ReplacedForgotten,
        &["schedules::a_replaced_definition_is_shown"],
    ),
    (
        Defect::OverlapNeverAllowed,
        &["overlap::is_allowed_by_default"],
    ),
    (
        Defect::OverlapIgnored,
        &[
            "overlap::can_be_skipped",
            "overlap::can_cancel_the_run_before",
        ],
    ),
    (Defect::OverlapCountedTwice, &["overlap::is_counted_once"]),
    (
        Defect::LimitsIgnored,
        &[
            "limits::no_more_than_the_limit_run_at_once",
            "limits::every_way_to_leave_frees_the_place",
            "limits::priorities_hold_within_a_key",
            "limits::what_waits_can_be_steered",
            "lost_replies::of_limited_runs_leak_no_place",
        ],
    ),
    (
        Defect::RatesIgnored,
        &[
            "limits::a_rate_lets_so_many_start",
            "limits::a_rate_comes_back_bit_by_bit",
        ],
    ),
    (
        Defect::OnlyTheFirstLimitCounts,
        &[
            "limits::all_limits_of_a_run_count",
            "limits::a_replaced_run_has_those_of_the_last_call",
        ],
    ),
    (
        Defect::LimitKeysMixed,
        &["limits::keys_are_apart", "limits::keys_take_turns"],
    ),
    (
        Defect::FirstNumberCounts,
        &["limits::the_number_that_was_queued_last_counts"],
    ),
    (
        Defect::PlacesNeverFreed,
        &[
            "limits::every_way_to_leave_frees_the_place",
            "limits::a_paused_queue_keeps_no_place",
            "lost_replies::of_limited_runs_leak_no_place",
        ],
    ),
    (
        Defect::WaitingIsAnAttempt,
        &["limits::waiting_counts_no_attempt"],
    ),
    (Defect::NothingHeldBack, &["limits::a_key_can_be_held_back"]),
    (Defect::LimitsUnknown, &["limits::they_tell_how_they_stand"]),
];
