"""Bugs to plant in what is asked for of late and long runs, in the jitter, and in the cancel of runs."""

from __future__ import annotations

from typing import Final

from .planted import Planted, lua, tests_in

_CANCEL: Final = "semantics/test_cancel_run"
_LATE: Final = "semantics/test_late_runs"
_MODEL: Final = tests_in("travel/test_late_and_long", "test_runs_of_an_interval")
_CRON: Final = tests_in("travel/test_late_and_long", "test_runs_of_a_cron_expression")

ALL: Final = (
    Planted(
        "a late run is carried out",
        "execution/outcome.py",
        "    if is_too_late(run, now):\n",
        "    if False:\n",
        tests_in(_LATE, "test_a_late_one_shot_is_over_and_told"),
    ),
    Planted(
        "a run that is late by less than its deadline is skipped",
        "execution/outcome.py",
        "run.server_now_ms(now) > run.due_ms + deadline_ms",
        "run.server_now_ms(now) > run.due_ms",
        tests_in(_LATE, "test_one_that_is_late_by_less_runs"),
    ),
    Planted(
        "a run that is skipped is not told",
        "execution/runs.py",
        "                self._tell_skipped(run)\n",
        "                pass\n",
        tests_in(_LATE, "test_a_late_one_shot_is_over_and_told"),
    ),
    lua(
        "the deadline of a run now counts from its old due time",
        "control",
        "'^[^\\n]*;l') then",
        "'^[^\\n]*;never') then",
        tests_in(_LATE, "test_the_deadline_counts_from_a_run_now"),
    ),
    lua(
        "a parked task that is to run now stays parked",
        "control",
        "    drop_parked(groups_key, { id })\n    give_up_turns",
        "    give_up_turns",
        tests_in("scripts/test_late_and_long", "test_a_parked_task_that_is_to_run_now_waits_from_now_on"),
    ),
    lua(
        "occurrences during a run are left out",
        "_recurrence",
        "moment = latest > math.max(moment_of(due) or now, begun) and latest or moment",
        "moment = moment or latest",
        _MODEL,
    ),
    lua(
        "occurrences before a run are run again",
        "_recurrence",
        "latest > math.max(moment_of(due) or now, begun)",
        "latest > (moment_of(due) or now)",
        _MODEL,
    ),
    Planted(
        "occurrences of cron during a run are left out",
        "execution/outcome.py",
        'if run.policy.overlap == "once" and',
        "if False and",
        _CRON,
    ),
    lua(
        "at most once, it is not known what came during a run",
        "claim_once",
        "';[cnrgoh]'",
        "';[cnrgh]'",
        tests_in("scripts/test_late_and_long", "test_at_most_once_a_task_with_overlap_is_leased"),
    ),
    lua(
        "the jitter is not put on",
        "_recurrence",
        "local drawn = (high * prime + low) % (most + 1)",
        "local drawn = 0",
        tests_in(_LATE, "test_the_next_run_is_what_is_told"),
    ),
    lua(
        "the jitter passes the last moment",
        "_recurrence",
        "math.min(moment + drawn, last)",
        "moment + drawn",
        _MODEL,
    ),
    lua(
        "an occurrence whose jitter is still to come is left out",
        "_recurrence",
        "local moment, found = after - (after - tonumber(phase)) % interval, nil",
        "local moment, found = after - (after - tonumber(phase)) % interval + interval, nil",
        _MODEL,
    ),
    lua(
        "a changed interval moves the grid by the jitter",
        "assign",
        "  if most and put_off(id, moment, most, tonumber(match(policy_of[id], ';u(%d+)'))) == due then\n"
        "    return moment, true",
        "  if most and put_off(id, moment, most, tonumber(match(policy_of[id], ';u(%d+)'))) == due then\n"
        "    return due, true",
        tests_in(_LATE, "test_assigning_it_again_moves_neither_run_nor_grid"),
    ),
    lua(
        "the previous time is forgotten with the jitter",
        "assign",
        "from + interval ~= (moment and due or anchor)",
        "from + interval ~= anchor",
        tests_in(_LATE, "test_assigning_it_again_moves_neither_run_nor_grid"),
    ),
    Planted(
        "a jitter may be longer than the interval",
        "model/rules.py",
        "if interval_ms is not None and jitter_ms >= interval_ms:",
        "if interval_ms is not None and jitter_ms > interval_ms:",
        tests_in("unit/test_rules", "test_rules_that_do_not_go_together_are_named"),
    ),
    Planted(
        "a jitter of cron passes the next occurrence",
        "model/jitter.py",
        "most_ms = min(policy.jitter_ms, next_after(*_calendar(policy), moment_ms) - moment_ms - 1)",
        "most_ms = policy.jitter_ms",
        tests_in("unit/test_jitter", "test_cron_occurrences_keep_their_order"),
    ),
    # Cancels
    lua(
        "a cancel is not announced",
        "control",
        "'cancel ' .. match",
        "'canceled ' .. match",
        tests_in(_CANCEL, "test_a_run_elsewhere_is_cancelled_at_once_and_counts_as_failed"),
    ),
    lua(
        "a renewal does not tell of a cancel",
        "renew",
        "cancelled ~= '' and cancelled or '1'",
        "'1'",
        tests_in(_CANCEL, "test_it_is_heard_at_a_renewal_if_the_announcement_is_lost"),
    ),
    Planted(
        "an announcement is believed",
        "execution/cancellations.py",
        '                if letter not in "01":\n',
        "                if True:\n",
        tests_in(_CANCEL, "test_the_next_run_of_the_task_is_not_hit"),
    ),
    lua(
        "a run whose lease has ended is in progress",
        "control",
        "tonumber(deadline) <= now or",
        "false or",
        tests_in("scripts/test_cancel", "test_only_a_run_in_progress_is_marked"),
    ),
    lua(
        "an assignment takes the mark of a cancel off",
        "assign",
        "    paused = paused .. cancelled -- both stay\n",
        "",
        tests_in("scripts/test_cancel", "test_the_mark_stays_beside_others"),
    ),
    lua(
        "a drain hands back what is cancelled",
        "release",
        "elseif cancelled == 'x' then",
        "elseif false then",
        tests_in(_CANCEL, "test_a_drain_does_not_hand_back_what_is_cancelled"),
    ),
    Planted(
        "a run that is handed back starts again at once",
        "execution/runs.py",
        "run.policy.backoff_ms if is_put_off else 0",
        "0",
        tests_in(_CANCEL, "test_a_run_that_is_handed_back_starts_again_after_its_backoff"),
    ),
    Planted(
        "a cancelled run is handed back instead of failed",
        "execution/runner.py",
        '(None, "timed out", "cancelled")',
        '(None, "timed out")',
        tests_in(_CANCEL, "test_a_run_elsewhere_is_cancelled_at_once_and_counts_as_failed"),
    ),
    Planted(
        "a run that has not begun is not cancelled",
        "execution/cancellations.py",
        "        elif not self._runner.withdraw(run):\n",
        "        elif True:\n",
        tests_in(_CANCEL, "test_a_run_that_was_claimed_and_has_not_begun_does_not_begin"),
    ),
)
