//! Workflows: on the in-memory broker, and in Redis.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod cases;
mod work;

integration::on_both_brokers![
    values_go_down_a_chain,
    a_failure_ends_the_rest,
    a_chain_takes_what_it_is_given,
    values_of_a_group_come_in_order,
    a_wait_for_a_workflow_has_its_time,
    what_runs_anyway_is_told_of_failures,
    groups_of_chains_and_chains_of_groups,
    cancelling_a_workflow_ends_all_of_it,
    a_full_queue_takes_all_or_nothing,
    a_purge_takes_all_and_ends_what_follows,
    wrong_workflows_are_refused,
    a_task_queues_a_workflow,
    people_see_a_family_and_what_is_waited_for,
    a_mended_step_goes_on_with_its_chain,
    inline_it_is_the_same,
    by_name_it_is_checked_when_queued,
];
