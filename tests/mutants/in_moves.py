"""Bugs to plant where the list of partitions is changed and tasks move."""

from __future__ import annotations

from typing import Final

from .planted import Planted, lua, tests_in

_EPOCH: Final = "scripts/test_epoch"
_MOVES: Final = "scripts/test_moves"
_LIST: Final = "integration/test_moving"

ALL: Final = (
    lua(
        "a scheduler with an older list of partitions goes on",
        "_requests",
        "  elseif not with_any_list then\n",
        "  elseif false then\n",
        tests_in(_EPOCH, "test_another_list_is_refused_and_nothing_changed"),
    ),
    lua(
        "a task that does not exist at the old home is assigned there",
        "_requests",
        "return string.find(flags, '0', 1, true) and '?' .. flags or nil",
        "return nil",
        tests_in(_EPOCH, "test_if_exists_changes_nothing_unless_all_exist"),
    ),
    lua(
        "a list takes the place of any other",
        "adopt_list",
        "(expected_arg == '' or epoch == tonumber(expected_arg))",
        "true",
        tests_in(_EPOCH, "test_a_list_takes_the_place_of_one_with_a_smaller_epoch"),
    ),
    lua(
        "a batch that comes twice is put in twice",
        "move_in",
        "if (whole(call('HGET', moves_key, origin)) or 0) >= tonumber(number_arg) then",
        "if false then",
        tests_in(_MOVES, "test_a_batch_arrives_once"),
    ),
    lua(
        "a task that moves stays claimable at the old home",
        "move_out",
        "delete_members(taken, { due_key, dead_key, paused_key, failing_key })",
        "delete_members(taken, { dead_key, paused_key })",
        tests_in(_MOVES, "test_all_there_is_of_a_task_moves"),
    ),
    lua(
        "a leased task moves",
        "move_out",
        "size > tonumber(most_arg) or (lease or ends) and not is_put_off(ends)",
        "size > tonumber(most_arg)",
        tests_in(_MOVES, "test_a_leased_task_moves_after_its_run"),
    ),
    lua(
        "a move that was interrupted is forgotten",
        "move_out",
        "if #ids == 0 or call('EXISTS', outbox_key) == 1 then",
        "if #ids == 0 then",
        tests_in(_MOVES, "test_nothing_is_taken_while_a_batch_is_on_its_way"),
    ),
    lua(
        "a late end throws the next batch away",
        "move_done",
        "if call('HGET', moves_key, 'number') ~= number_arg then",
        "if false then",
        tests_in(_MOVES, "test_a_late_end_leaves_the_next_batch"),
    ),
    lua(
        "tokens go back when a task moves",
        "move_in",
        "if tonumber(token_arg) > tonumber(last_token(fence_key)) then",
        "if false then",
        tests_in(_MOVES, "test_all_there_is_of_a_task_moves"),
    ),
    Planted(
        "a list changes without being asked to",
        "storage/topology/agreement.py",
        "if epoch is None or epoch <= latest.number:",
        "if epoch is not None and epoch <= latest.number:",
        tests_in(_LIST, "test_only_a_list_with_a_greater_epoch_takes_the_place"),
    ),
    Planted(
        "a task on its way is taken for gone",
        "storage/topology/migration.py",
        "if await old.if_exists.in_transit.submit(raw_id):",
        "if False:",
        tests_in(_LIST, "test_calls_bring_home_what_is_on_its_way"),
    ),
    Planted(
        "a partition that cannot be reached is left out of the change",
        "storage/topology/agreement.py",
        "            if partition.problem is not None:\n",
        "            if False:\n",
        tests_in(_LIST, "test_a_change_needs_every_partition"),
    ),
    lua(
        "a change begins while hints wait",
        "adopt_list",
        "    if call('EXISTS', key) == 1 then\n",
        "    if false then\n",
        tests_in(_EPOCH, "test_a_change_does_not_begin_while_hints_wait"),
    ),
    lua(
        "hints are applied under another list",
        "_in_order",
        "  local changed = list_changed(hinted_key, known)\n",
        "  local changed = nil\n",
        tests_in("scripts/test_hints", "test_hints_are_not_applied_under_another_list"),
    ),
    Planted(
        "the partitions for which hints may wait are not named",
        "storage/topology/agreement.py",
        "without_hints_for=others if begins_here else (),",
        "without_hints_for=(),",
        tests_in("integration/test_moving_hints", "test_a_change_waits_for_hints"),
    ),
    Planted(
        "hints are kept while tasks move",
        "storage/topology/handoff.py",
        "        if self._is_held:\n",
        "        if False:\n",
        tests_in("integration/test_moving_hints", "test_while_tasks_move_no_hints_are_kept"),
    ),
)
