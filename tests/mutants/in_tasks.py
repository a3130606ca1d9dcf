"""Bugs to plant in the scripts about tasks, their groups, locks and syncs."""

from __future__ import annotations

from typing import Final

from .planted import lua, tests_in

TASKS: Final = (
    lua(
        "a running one-shot that is assigned again runs twice at once",
        "assign",
        "  if lease then\n    local claim",
        "  if lease and interval then\n    local claim",
        tests_in("scripts/test_assign_rules", "test_a_leased_task_is_marked_for_its_completion"),
    ),
    lua(
        "assigning a task again moves its next run",
        "assign",
        "elseif due and rule ~= 's' then",
        "elseif due and rule == 's' then",
        tests_in("scripts/test_assign_rules", "test_a_waiting_task"),
    ),
    lua(
        "a paused task that is assigned again goes on",
        "assign",
        "place(places, id, moment, is_paused[id])",
        "place(places, id, moment, false)",
        tests_in("scripts/test_control", "test_a_paused_task_that_is_assigned_stays_paused"),
    ),
    lua(
        "a removed task keeps its lease",
        "remove",
        "end_leases(ids, now, due_key, leased_key, leases_key, groups_key)",
        "leave_groups(groups_key, ids, now, due_key)",
        tests_in("scripts/test_remove", "test_all_that_belongs_to_a_task_goes"),
    ),
    lua(
        "a removal does not tell of the start window",
        "remove",
        "wait = math.max(wait, math.min(math.ceil(granted + window - now), window))",
        "",
        tests_in("scripts/test_remove", "test_after_a_claim_its_start_window_is_to_be_waited_for"),
    ),
    lua(
        "fixed delay counts from the due time",
        "_recurrence",
        "local after = now + interval",
        "local after = due + interval",
        tests_in("scripts/test_following", "test_fixed_delay"),
    ),
    lua(
        "fixed rate drifts",
        "_recurrence",
        "return base + interval - (base - phase) % interval",
        "return now + interval",
        tests_in("scripts/test_following", "test_no_drift_at_fixed_rate"),
    ),
    lua(
        "a clock that goes back repeats a run",
        "_recurrence",
        "if moment - moment % grid == due then",
        "if false then",
        tests_in("scripts/test_following", "test_a_clock_that_went_back_does_not_repeat_the_run"),
    ),
    lua(
        "a task goes on after its last moment",
        "_recurrence",
        "if moment and last and moment > last then",
        "if false then",
        tests_in("semantics/test_failures", "test_a_task_ends_at_its_last_moment"),
    ),
    lua(
        "nobody is told of a nearer task",
        "_prelude",
        "redis.pcall('PUBLISH', channel, digits(earliest))",
        "",
        tests_in("scripts/test_announce", "test_assign_announces_only_what_comes_before_the_first"),
    ),
    lua(
        "run_task_now moves a task that is overdue",
        "control",
        "elseif due and due > now then",
        "elseif due then",
        tests_in("scripts/test_control", "test_run_now"),
    ),
    lua(
        "a cron task is resumed by a header that is another by now",
        "control",
        "if ARGV[at + 2] ~= '' and ARGV[at + 2] ~= header then",
        "if false then",
        tests_in("scripts/test_control", "test_a_cron_task_is_resumed_by_the_header_that_its_caller_knew"),
    ),
)

GROUPS: Final = (
    lua(
        "a group has one run more than it may",
        "_room",
        "touched.of[group] >= touched.caps[group]",
        "touched.of[group] > touched.caps[group]",
        tests_in("scripts/test_groups", "test_what_has_no_room_is_parked_and_comes_back_one_by_one"),
    ),
    lua(
        "a run that ends does not give its place in the group back",
        "_groups",
        "change_runs(groups, counts, -1)",
        "change_runs(groups, counts, 0)",
        tests_in("scripts/test_groups", "test_nothing_is_left_of_groups_but_that_they_are_in_use"),
    ),
    lua(
        "a run that ends lets nobody of its group go on",
        "_groups",
        "change_runs(groups, counts, -1)\n  return select(2, give_turns(groups, counts, now, due_key))",
        "change_runs(groups, counts, -1)\n  return false",
        tests_in("scripts/test_groups", "test_each_end_of_a_lease_makes_room"),
    ),
    lua(
        "a group with a long backlog is always first",
        "_groups",
        "is_rated and digits(read_parked(found_members[n])) or since, id",
        "digits(read_parked(found_members[n])), id",
        tests_in("scripts/test_groups", "test_a_group_with_a_backlog_waits_its_turn"),
    ),
)

LOCKS: Final = (
    lua(
        "a held lock is acquired",
        "lock",
        "if action == 'a' and not holder then",
        "if action == 'a' then",
        tests_in("scripts/test_lock", "test_a_held_lock_is_not_acquired"),
    ),
    lua(
        "anybody extends a lock",
        "lock",
        "action == 'e' and holder == token",
        "action == 'e' and holder",
        tests_in("scripts/test_lock", "test_nobody_else_extends_or_releases"),
    ),
    lua(
        "anybody releases a lock",
        "lock",
        "action == 'r' and holder == token",
        "action == 'r' and holder",
        tests_in("scripts/test_lock", "test_nobody_else_extends_or_releases"),
    ),
    lua(
        "a lock is held for ever",
        "lock",
        "call('SET', key, results[n], 'PX', ttl)",
        "call('SET', key, results[n])",
        tests_in("scripts/test_lock", "test_acquire_a_free_lock"),
    ),
    lua(
        "tokens follow the clock back",
        "_prelude",
        "  if after > micros then\n",
        "  if false then\n",
        tests_in("scripts/test_lock", "test_tokens_increase_where_the_clock_went_back"),
    ),
    lua(
        "a claim of many makes a list",
        "claim",
        "local SMALL = 8",
        "local SMALL = 800",
        tests_in("scripts/test_claim", "test_a_batch_that_is_claimed_at_once_is_no_list"),
    ),
)

SYNCS: Final = (
    lua(
        "a sync removes what is outside of its scope",
        "sweep",
        "string.sub(id, 1, #prefix_arg) == prefix_arg",
        "true",
        tests_in("semantics/test_sync", "test_it_adds_updates_leaves_alone_and_removes"),
    ),
    lua(
        "a sync whose marks are lost removes everything",
        "sweep",
        "if marked_arg ~= '' and call('SCARD', wanted_key) ~= tonumber(marked_arg) then",
        "if false then",
        tests_in("semantics/test_sync", "test_lost_marks_remove_nothing"),
    ),
    lua(
        "a sync removes what is dead",
        "sweep",
        "and not died[n]",
        "",
        tests_in("semantics/test_sync", "test_dead_tasks_are_not_scheduled_and_not_touched"),
    ),
    lua(
        "a sync marks only the first of a batch",
        "mark",
        "  for n = 3, #ARGV do\n",
        "  for n = 3, 3 do\n",
        tests_in("semantics/test_sync", "test_it_adds_updates_leaves_alone_and_removes"),
    ),
)

ALL: Final = (*TASKS, *GROUPS, *LOCKS, *SYNCS)
