"""Bugs in what a claim or a completion tells by one look instead of several."""

from typing import Final

from .planted import lua, tests_in

_CLAIM: Final = "scripts/test_claim"
_NEXT: Final = tests_in(_CLAIM, "test_the_next_look_is_at_what_is_left")

ALL: Final = (
    lua(
        "a claim that takes one task forgets the lease that it gives",
        "claim",
        "coming and math.min(coming, moment_of(leased[1]) or math.huge))\n",
        "coming)\n",
        _NEXT,
    ),
    lua(
        "a claim that takes one task forgets the leases of others",
        "claim",
        "math.min(other_due, first_end)\n",
        "other_due\n",
        _NEXT,
    ),
    lua(
        "a claim that takes one task forgets when the next is due",
        "_claims",
        "    return { first[1], first[2] }, other\n",
        "    return { first[1], first[2] }, math.huge\n",
        _NEXT,
    ),
    lua(
        "a claim takes one task although more are due",
        "_claims",
        "  elseif other > now or most == 1 then\n",
        "  else\n",
        tests_in(_CLAIM, "test_the_earliest_due_come_first_up_to_the_limit"),
    ),
    lua(
        "a claim that may take one task takes two",
        "_claims",
        "  elseif other > now or most == 1 then\n    return { first[1], first[2] }, other\n",
        "  elseif other > now or most <= 2 then\n    return first, other\n",
        _NEXT,
    ),
    lua(
        "a claim overlooks failed deliveries where nothing else is special",
        "_limits",
        "groups .. 'parked', attempts_key) == 0\n",
        "groups .. 'parked') == 0\n",
        tests_in(_CLAIM, "test_failed_deliveries_are_told"),
    ),
    lua(
        "a claim does not tell of the failed delivery that it counts itself",
        "claim",
        "limits.is_plain = limits.is_plain and ended_leases == 0 --",
        "--",
        tests_in(_CLAIM, "test_a_delivery_that_fails_at_the_claim_is_told"),
    ),
    lua(
        "a claim overlooks groups where nothing else is special",
        "_limits",
        "groups .. 'quota', groups .. 'in-use', groups .. 'parked', attempts_key) == 0\n",
        "groups .. 'quota', attempts_key) == 0\n",
        tests_in("scripts/test_groups", "test_a_group_with_a_backlog_waits_its_turn"),
    ),
    lua(
        "a completion overlooks the groups of its tasks where nothing else is special",
        "complete",
        "call('EXISTS', attempts_key, failing_key, groups_key .. 'of') == 0\n",
        "call('EXISTS', attempts_key, failing_key) == 0\n",
        tests_in("scripts/test_groups", "test_a_group_with_a_backlog_waits_its_turn"),
    ),
    lua(
        "a completion leaves the failed deliveries of its tasks",
        "complete",
        "call('EXISTS', attempts_key, failing_key, groups_key .. 'of') == 0\n",
        "call('EXISTS', failing_key, groups_key .. 'of') == 0\n",
        tests_in("scripts/test_complete", "test_the_attempts_end_with_the_run"),
    ),
    lua(
        "a reply of another type passes for none",
        "_requests",
        "  last = last or redis.pcall('GET', reply_key)\n",
        "",
        tests_in("scripts/test_garbage", "test_a_reply_of_another_type"),
    ),
    lua(
        "a request of another membership is carried out",
        "_requests",
        "elseif stored ~= known then\n    return list_changed(reply_key, known",
        "elseif stored == known then\n    return list_changed(reply_key, known",
        tests_in("scripts/test_epoch", "test_another_list_is_refused_and_nothing_changed"),
    ),
)
