"""Bugs by which the backlog of a group makes a script long, holds up others, or is left behind."""

from typing import Final

from .planted import Planted, lua, tests_in

_GROUPS: Final = "scripts/test_groups"
_ROLLING: Final = "test_the_turns_of_one_claim_are_bounded_and_the_rest_is_noted"

ALL: Final = (
    lua(
        "a claim does not look past what it parks",
        "_room",
        "if count == most or #ids < asked or",
        "if true or count == most or #ids < asked or",
        tests_in(_GROUPS, "test_a_claim_looks_past_what_has_no_room"),
    ),
    lua(
        "a claim looks at all that is due",
        "_room",
        "if count == most or work >= WORK and looked > 0 then",
        "if count == most then",
        tests_in(_GROUPS, "test_a_claim_looks_past_what_has_no_room"),
    ),
    lua(
        "a limit that is dropped lets all parked tasks go on at once",
        "_room",
        "local left = math.min(limits.wanted, turns_left)",
        "turns_left = 1000000\n  local left = 1000000",
        tests_in(_GROUPS, _ROLLING),
    ),
    lua(
        "one group takes all turns of a claim",
        "_room",
        "math.min(free[group], share, left)",
        "math.min(free[group], left)",
        tests_in(_GROUPS, _ROLLING),
    ),
    lua(
        "what a claim had no turns for is not noted",
        "_room",
        "    call('ZADD', room, unpack(rest))",
        "",
        tests_in(_GROUPS, _ROLLING),
    ),
    lua(
        "notes are left for ever",
        "_room",
        "      call('UNLINK', room)",
        "",
        tests_in(_GROUPS, _ROLLING),
    ),
    lua(
        "a claim that finds nothing due does not go on where another stopped",
        "claim",
        "    is_left = use_room(groups_key, limits, { names = {} }, now, due_key)",
        "",
        tests_in(_GROUPS, "test_a_wider_limit_goes_on_where_a_claim_stopped_although_nothing_is_due"),
    ),
    lua(
        "a narrower limit undoes the note of a wider one",
        "_room",
        "'-inf', digits(caps.most), 'BYSCORE', 'LIMIT'",
        "'-inf', '+inf', 'BYSCORE', 'LIMIT'",
        tests_in(_GROUPS, "test_a_wider_limit_goes_on_where_a_claim_stopped_although_nothing_is_due"),
    ),
    lua(
        "a group waits for a scheduler that is gone",
        "_room",
        "(open.of[group] > 0 or given[group] > 0) and open.caps[group] or 0",
        "open.caps[group]",
        tests_in(_GROUPS, "test_a_group_that_only_has_a_note_waits_for_a_claim_of_any_limit"),
    ),
    lua(
        "runs that end at once give any number of turns",
        "_groups",
        "local most, found, found_members = math.min(wanted, turns_left), {}, {}",
        "local most, found, found_members = wanted, {}, {}",
        tests_in(_GROUPS, "test_the_turns_of_one_end_are_bounded_and_the_rest_is_noted"),
    ),
    lua(
        "a turn for which no budget was left is lost",
        "_groups",
        "    call('ZADD', groups .. 'room', unpack(owed))",
        "",
        tests_in(_GROUPS, "test_the_turns_of_one_end_are_bounded_and_the_rest_is_noted"),
    ),
    lua(
        "one claim ends all leases that lapsed",
        "_claims",
        "ENDED, ENDED_OF_GROUPS = 400, 100",
        "ENDED, ENDED_OF_GROUPS = 500, 500",
        tests_in(_GROUPS, "test_leases_that_end_at_once_are_taken_up_in_several_claims"),
    ),
    Planted(
        "claims that only park are taken for looks in vain, and come later and later",
        "execution/poller.py",
        "if claimed.ids or 0 <= claimed.next_claim_ms <= claimed.now_us // 1000:",
        "if claimed.ids:",
        tests_in("unit/test_poller_load", "test_one_that_left_work_to_the_next_claim_did_not_come_in_vain"),
    ),
    lua(
        "a batch of parked tasks is assigned again as a whole",
        "assign",
        "math.min(#ids, MOST_PARKED)",
        "#ids",
        tests_in(_GROUPS, "test_parked_tasks_are_assigned_again_a_part_at_a_time"),
    ),
    lua(
        "a claim that ended very many leases looks at nothing",
        "_room",
        "work >= WORK and looked > 0",
        "work >= WORK",
        tests_in(_GROUPS, "test_very_many_leases_that_end_at_once_leave_the_waiting_tasks_alone"),
    ),
)
