//! Waiting for the value of a run, from anywhere: on the in-memory broker, and in Redis.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod cases;
mod work;

integration::on_both_brokers![
    a_value_comes_to_whoever_waits,
    the_final_state_counts_not_the_first_attempt,
    an_end_without_a_value_is_a_typed_error,
    what_cannot_be_waited_for_says_what_to_do,
    a_wait_has_a_limit,
    a_task_waits_for_its_child,
    an_evicted_value_still_comes_to_whoever_waited,
    many_waits_at_once,
    a_handle_cancels,
    a_total_limit_ends_all_attempts,
];
