"""Bugs to plant in the scripts that claim tasks and end their runs."""

from __future__ import annotations

from typing import Final

from .planted import lua, tests_in

_IDEMPOTENCE: Final = "scripts/test_idempotence"
_STATE_CHANGING: Final = (
    "assign", "purge_dead", "claim", "claim_once", "clear", "complete", "control", "fail", "pause_all", "lock", "mark",
    "quarantine", "release", "remove", "renew",
)  # fmt: skip
#: Not refused whatever the membership is; locks are, but not under another list of partitions.
_WHATEVER_THE_LIST: Final = ("complete", "fail", "quarantine", "release", "renew")
_RECALLS: Final = dict.fromkeys(_WHATEVER_THE_LIST, "recall(reply_key, sequence_arg)") | {
    "complete": "recall(reply_key, sequence_arg, last)",
    "lock": "recall_in_database(reply_key, stamp_arg)",
}

REQUEST_IDS: Final = tuple(
    lua(
        f"a repeated request is carried out again: {script}",
        script,
        _RECALLS.get(script, "recall_in_epoch(reply_key, stamp_arg)"),
        "nil",
        tests_in(
            _IDEMPOTENCE,
            "test_marks_that_come_twice_are_counted_once"
            if script == "mark"
            else "test_a_request_that_comes_twice_is_carried_out_once",
        ),
    )
    for script in _STATE_CHANGING
)

CLAIMS: Final = (
    lua(
        "a late copy of an empty claim takes tasks for nobody",
        "claim",
        "remember(reply_key, stamp_arg, token .. ' 0')",
        "",
        tests_in("scripts/test_idempotence", "test_a_late_copy_of_a_claim_that_found_nothing_finds_nothing"),
    ),
    lua(
        "a repeated claim gets what others hold",
        "claim",
        "if match(held[n] or '', '^(%d+) %S') == token then",
        "if held[n] then",
        tests_in(
            "scripts/test_claim_again", "test_a_retry_does_not_get_the_tasks_of_another_claim_with_the_same_deadline"
        ),
    ),
    lua(
        "a claim takes what is due in a moment",
        "_claims",
        "  local first = call('ZRANGE', due_key, 0, 1, 'WITHSCORES')\n",
        "  now = now + 5\n  local first = call('ZRANGE', due_key, 0, 1, 'WITHSCORES')\n",
        tests_in("scripts/test_claim", "test_never_early_and_none_left_out"),
    ),
    lua(
        "at most once, a claim takes what is due in a moment",
        "claim_once",
        "'-inf', digits(now), 'BYSCORE'",
        "'-inf', digits(now + 5), 'BYSCORE'",
        tests_in("scripts/test_claim_once", "test_never_early_and_none_left_out"),
    ),
    lua(
        "a claim is not limited",
        "_claims",
        "return call('ZRANGE', due_key, '-inf', digits(now), 'BYSCORE', 'LIMIT', 0, most, 'WITHSCORES')",
        "return call('ZRANGE', due_key, '-inf', digits(now), 'BYSCORE', 'WITHSCORES')",
        tests_in("scripts/test_claim", "test_the_earliest_due_come_first_up_to_the_limit"),
    ),
    lua(
        "at most once, a claim is not limited",
        "claim_once",
        "'BYSCORE', 'LIMIT', 0, limits.most, 'WITHSCORES'",
        "'BYSCORE', 'WITHSCORES'",
        tests_in("scripts/test_claim_once", "test_the_earliest_due_come_first_up_to_the_limit"),
    ),
    lua(
        "a claimed task stays due",
        "claim",
        "call('ZREMRANGEBYRANK', due_key, 0, sorted.looked - 1)",
        "",
        tests_in("scripts/test_claim", "test_the_earliest_due_come_first_up_to_the_limit"),
    ),
    lua(
        "the pause of the namespace is ignored",
        "_limits",
        "  if limits.is_paused then\n    limits.most = 0\n  end\n",
        "",
        tests_in("scripts/test_control", "test_nothing_is_claimed_while_the_partition_rests"),
    ),
    lua(
        "at most once, a task with retries has no lease to be retried by",
        "claim_once",
        "';[cnrgoh]'",
        "';[cngoh]'",
        tests_in("semantics/test_failures", "test_a_run_that_fails_gets_its_attempts"),
    ),
    lua(
        "at most once, a task of a group has no lease to be counted by",
        "claim_once",
        "';[cnrgoh]'",
        "';[cnroh]'",
        tests_in("scripts/test_groups", "test_at_most_once_parks_as_well_and_takes_the_others"),
    ),
    lua(
        "an ended lease is no attempt",
        "_claims",
        "count_attempts(attempts_key, failed)",
        "",
        tests_in("scripts/test_claim_again", "test_an_ended_lease_makes_the_task_due_as_it_was_one_attempt_more"),
    ),
    lua(
        "a lease ends before its deadline",
        "_claims",
        "  if first > now then\n",
        "  now = now + 500\n  if first > now then\n",
        tests_in("scripts/test_claim_again", "test_a_lease_holds_up_to_its_deadline"),
    ),
)

ENDS: Final = (
    lua(
        "a stale completion ends the run of another",
        "complete",
        "if claim ~= leases[n] then",
        "if not claim then",
        tests_in("scripts/test_complete", "test_a_stale_lease_changes_nothing"),
    ),
    lua(
        "a stale renewal holds the lease of another",
        "renew",
        "if claim ~= ARGV[2 * n + 2] or",
        "if not held[n] or",
        tests_in("scripts/test_renew", "test_a_stale_lease_changes_nothing"),
    ),
    lua(
        "a stale hand-back frees the task of another",
        "release",
        "if claim ~= ARGV[3 * n + 1] then",
        "if not held[n] then",
        tests_in("scripts/test_release", "test_a_stale_lease_changes_nothing"),
    ),
    lua(
        "a stale failure ends the run of another",
        "fail",
        "if claim ~= ARGV[at + 1] or moment == nil then",
        "if not claim or moment == nil then",
        tests_in("scripts/test_fail", "test_a_stale_failure_changes_nothing"),
    ),
    lua(
        "a stale quarantine sets the task of another aside as dead",
        "quarantine",
        "if claim ~= ARGV[3 * n + 2] then",
        "if not claim then",
        tests_in("scripts/test_quarantine", "test_a_stale_lease_changes_nothing"),
    ),
    lua(
        "a completion forgets that its task was assigned anew",
        "_recurrence",
        "mark ~= '' and read_record",
        "false and read_record",
        tests_in("scripts/test_complete_reassigned", "test_a_new_interval_counts_from_the_run"),
    ),
    lua(
        "the attempts of a run count for the next",
        "complete",
        "delete_fields(ended, { attempts_key })",
        "",
        tests_in("scripts/test_complete", "test_the_attempts_end_with_the_run"),
    ),
    lua(
        "a task with so many runs gets one more",
        "_recurrence",
        "+ 1 >= most then",
        ">= most then",
        tests_in("semantics/test_failures", "test_a_task_with_so_many_runs_is_gone_after_them"),
    ),
    lua(
        "a task with so many runs leaves its count behind",
        "complete",
        "{ runs_key, failures_key, history_key }",
        "{ failures_key }",
        tests_in("scripts/test_complete", "test_a_task_with_so_many_runs_leaves_nothing_behind"),
    ),
    lua(
        "a task paused during its run goes on",
        "complete",
        "paused == 'p'",
        "false",
        tests_in("semantics/test_control", "test_a_task_paused_during_its_run_rests_after_it"),
    ),
    lua(
        "a task that is handed back loses its due time",
        "release",
        "place(places, id, due_again(held[n], now))",
        "place(places, id, now)",
        tests_in("scripts/test_release", "test_a_task_is_due_as_it_was_and_no_attempt_is_charged"),
    ),
    lua(
        "retries that come after the next occurrence are made",
        "fail",
        "now + retry < moment",
        "true",
        tests_in("semantics/test_failures", "test_an_attempt_comes_before_the_next_occurrence_or_not_at_all"),
    ),
    lua(
        "retries are not counted",
        "fail",
        "again[#again + 1] = id",
        "",
        tests_in("scripts/test_fail", "test_another_attempt_keeps_the_record_and_counts"),
    ),
    lua(
        "the dead set is not bounded",
        "fail",
        "bound_dead(dead_limit_arg, #ids, dead_key,",
        "bound_dead(1e9, #ids, dead_key,",
        tests_in("scripts/test_fail", "test_of_the_dead_the_oldest_are_forgotten"),
    ),
    lua(
        "what is known of a task outlives it in the dead set",
        "_prelude",
        "  delete_fields(oldest, hashes)\n",
        "",
        tests_in("scripts/test_fail", "test_of_the_dead_the_oldest_are_forgotten"),
    ),
    lua(
        "renewing does not last from now",
        "renew",
        "digits(now_ms() + tonumber(lease_arg))",
        "digits(now_ms())",
        tests_in("scripts/test_renew", "test_a_lease_lasts_from_now"),
    ),
    lua(
        "completions are refused when Redis is out of memory",
        "_requests",
        "  call('PEXPIRE', reply_key, REPLY_KEPT_MS)\n",
        "",
        tests_in("scripts/test_out_of_memory", "test_claim_and_complete"),
    ),
)

ALL: Final = (*REQUEST_IDS, *CLAIMS, *ENDS)
