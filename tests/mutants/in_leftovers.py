"""Bugs around what is left over: tasks that were put off, claims that come in parts, backlogs that stand still."""

from typing import Final

from .planted import Planted, lua, tests_in

_PUT_OFF: Final = "scripts/test_put_off"
_PARTS: Final = "scripts/test_claim_parts"
_ROOM: Final = "unit/test_room_final"
_STEPS: Final = "integration/test_steps_again"

ALL: Final = (
    lua(
        "nobody hears when the delay of a task that was put off ends",
        "release",
        "  announce(channel_arg, before, wakes)\n",
        "",
        tests_in(_PUT_OFF, "test_schedulers_hear_when_the_first_delay_ends"),
    ),
    lua(
        "who puts a task off does not know when the delay ends",
        "release",
        "math.min(places.earliest or LATEST, wakes or LATEST)",
        "places.earliest or LATEST",
        tests_in(_PUT_OFF, "test_schedulers_hear_when_the_first_delay_ends"),
    ),
    lua(
        "the end of a delay is announced a moment too early",
        "release",
        "now + delay + 1)",
        "now + delay)",
        tests_in(_PUT_OFF, "test_schedulers_hear_when_the_first_delay_ends"),
    ),
    lua(
        "a late renewal makes a task that was put off one that runs",
        "renew",
        " or is_put_off(ends[n]) then",
        " then",
        tests_in(_PUT_OFF, "test_a_late_renewal_leaves_it_put_off"),
    ),
    lua(
        "a task that was put off keeps a move going",
        "move_out",
        " and not is_put_off(ends)) then",
        ") then",
        tests_in(_PUT_OFF, "test_it_moves_although_it_is_leased"),
    ),
    lua(
        "a task that was put off moves, and its lease stays",
        "move_out",
        "  delete_members(put_off, { leased_key })\n",
        "",
        tests_in(_PUT_OFF, "test_it_moves_although_it_is_leased"),
    ),
    lua(
        "a task that was put off and paused moves and runs",
        "move_out",
        "    return is_paused and 'p' or 'w', moment\n",
        "    return 'w', moment\n",
        tests_in(_PUT_OFF, "test_it_moves_although_it_is_leased"),
    ),
    lua(
        "a move forgets that a delivery may not have begun",
        "move_out",
        "count == 0 and '00' or digits(count or 0)",
        "digits(count or 0)",
        tests_in(_PUT_OFF, "test_a_delivery_that_may_not_have_begun_is_known_after_a_move"),
    ),
    lua(
        "at most once, a repeated claim is as heavy as the first",
        "claim_once",
        "taken_records(2 * count + first, count - first, tonumber(weight_arg))",
        "taken_records(2 * count + first, count - first, 1e9)",
        tests_in(_PARTS, "test_each_task_comes_once_in_parts"),
    ),
    lua(
        "at most once, the rest of a repeated claim is lost",
        "claim_once",
        "  if token and first < tonumber(count) then\n",
        "  if false then\n",
        tests_in(_PARTS, "test_each_task_comes_once_in_parts"),
    ),
    lua(
        "at most once, a part of a repeated claim comes twice",
        "claim_once",
        "  first = (tonumber(first) or 0) + had_arg\n",
        "  first = tonumber(first) or 0\n",
        tests_in(_PARTS, "test_each_part_may_be_repeated_too"),
    ),
    lua(
        "nobody hurries for the rest of a repeated claim",
        "claim_once",
        "if #records > 0 and first + #records < count then",
        "if false then",
        tests_in(_PARTS, "test_each_task_comes_once_in_parts"),
    ),
    Planted(
        "at most once, a scheduler does not ask for the rest of a repeated claim",
        "storage/claims.py",
        "self._token, self._had = claimed.token, len(claimed.ids) if is_again or is_rest else -1",
        "self._token, self._had = claimed.token, -1",
        tests_in("integration/test_claim_over_slow_link", "test_what_was_taken_comes_in_parts_and_each_task_runs_once"),
    ),
    lua(
        "what a repeated claim hands back wakes nobody",
        "claim",
        "leases_key, groups_key, wake_channel(due_key))",
        "leases_key, groups_key, 'nobody')",
        tests_in(_PARTS, "test_what_a_repeated_claim_hands_back_wakes_others"),
    ),
    lua(
        "with groups, a claim is heavier than it may be",
        "_room",
        "    if count > 0 and size + #(records[1] or '') > weight then",
        "    if false then",
        tests_in(_PARTS, "test_with_groups_a_further_page_keeps_to_the_weight"),
    ),
    lua(
        "what is set aside keeps its room in its group",
        "claim_once",
        "    if joins[id] then\n",
        "    if true then\n",
        tests_in(_PARTS, "test_what_is_set_aside_takes_no_room_in_its_group"),
    ),
    lua(
        "a task that was due before 1970 is lost when it is parked",
        "_room",
        "format('%016.0f', moment_of(due))",
        "format('%016.0f', due)",
        tests_in(_PARTS, "test_one_due_before_1970_is_parked_as_others_are"),
    ),
    Planted(
        "at most once, tasks are claimed ahead although no run began for a while",
        "execution/room.py",
        "        if now - self._adapted_at > _AHEAD_SECONDS:\n",
        "        if False:\n",
        tests_in(_ROOM, "test_nothing_is_when_no_run_began_for_a_while"),
    ),
    Planted(
        "at most once, tasks are claimed ahead beside slow runs",
        "execution/room.py",
        "            if any(now - run.started_at > self.quick_seconds for run in self._running):\n",
        "            if False:\n",
        tests_in(_ROOM, "test_nothing_is_beside_a_slow_run"),
    ),
    Planted(
        "at most once, tasks are claimed ahead after slow runs",
        "execution/runner.py",
        "                        room.note_slow()\n",
        "                        pass\n",
        tests_in(_ROOM, "test_nothing_is_after_a_slow_run"),
    ),
    Planted(
        "at most once, tasks are claimed behind those that wait for a slow run",
        "execution/room.py",
        "            return len(self._queue) <= self._window // 2\n",
        "",
        tests_in(_ROOM, "test_nothing_is_while_some_are_queued_beside_a_slow_run"),
    ),
    Planted(
        "at most once, as much is claimed ahead as where it can be handed back",
        "execution/room.py",
        "_FINAL_SECONDS if limits.is_final else _AHEAD_SECONDS",
        "_AHEAD_SECONDS",
        tests_in(_ROOM, "test_a_twentieth_of_a_second_is_claimed_ahead"),
    ),
    Planted(
        "runs that are not carried out count as quick",
        "execution/runner.py",
        "                        room.quick -= 1  #",
        "                        pass  #",
        tests_in(_ROOM, "test_runs_that_were_not_carried_out_are_no_quick_ones"),
    ),
    Planted(
        "a resume is tried again for ever",
        "storage/partition/resuming.py",
        "            if in_vain == MOST_IN_VAIN:\n",
        "            if False:\n",
        tests_in(_STEPS, "test_a_resume_that_is_overtaken_each_time_ends_with_an_error"),
    ),
    Planted(
        "a step that was carried out is repeated, since another task left",
        "storage/partition/resuming.py",
        '                told[position] = "c" if exists else None\n            continue\n',
        '                told[position] = "c" if exists else None\n'
        "            raise NotAllExist([result is not None for result in told]) from None\n",
        tests_in(_STEPS, "test_a_step_beside_a_task_that_leaves_is_not_repeated"),
    ),
    lua(
        "an audit does not see a backlog that stands still",
        "audit",
        "  look_over_backlogs()\n",
        "",
        tests_in("scripts/test_audit_groups", "test_a_group_goes_on_by_a_run_a_turn_or_a_note"),
    ),
    lua(
        "a backlog that stood still goes on standing",
        "audit",
        "      call('ZADD', room, 0, group)\n",
        "",
        tests_in("scripts/test_audit_groups", "test_a_mended_group_goes_on"),
    ),
)
