"""Bugs to plant where updates, batches and queues meet late, long, scattered and cancelled runs."""

from __future__ import annotations

from typing import Final

from .planted import Planted, lua, tests_in

_UPDATE: Final = "semantics/test_update_scattered"
_CANCEL: Final = "semantics/test_cancel_beside"

ALL: Final = (
    lua(
        "an update of a run in progress forgets that it is cancelled",
        "update",
        "' k0' .. task.paused .. task.cancelled",
        "' k0' .. task.paused",
        tests_in("scripts/test_update", "test_a_run_in_progress_is_marked_once"),
    ),
    lua(
        "another jitter waits for the run after the next",
        "update",
        "(rules.j ~= task.rules.j or rules.u",
        "(false or rules.u",
        tests_in(_UPDATE, "test_another_jitter_is_drawn_from_the_same_time_on_the_grid"),
    ),
    lua(
        "another end does not bind the draw",
        "update",
        " or rules.u ~= task.rules.u)",
        ")",
        tests_in(_UPDATE, "test_another_end_binds_the_draw"),
    ),
    lua(
        "a plan of a calendar alone is taken for a task with a jitter",
        "update",
        "  return times and rules.j and",
        "  return times and false and",
        tests_in(_UPDATE, "test_a_new_expression_is_put_off_by_the_jitter_that_is_there"),
    ),
    lua(
        "an update lets a jitter be longer than the interval",
        "update",
        "    and not (rules.j and tonumber(rules.j) >= interval)\n",
        "",
        tests_in("semantics/test_update", "test_what_does_not_fit_the_task_changes_nothing"),
    ),
    Planted(
        "a deadline alone is refused",
        "model/updating.py",
        'if "start_deadline" in asked and "late" not in asked:',
        "if False:",
        tests_in(_UPDATE, "test_a_deadline_and_its_word_go_together"),
    ),
    Planted(
        "a cancelled run takes its batch down",
        "execution/batches.py",
        '    "cancelled",\n    "cancelled, to be handed back",\n)',
        ")",
        tests_in(_CANCEL, "test_a_batch_goes_on_without_a_run_that_is_cancelled"),
    ),
    Planted(
        "a cancelled run of a batch ends well",
        "execution/batches.py",
        "if run.cancelled and (one is not None or run.cut_short != batch.cut_short):",
        "if run.cancelled and one is not None:",
        tests_in(_CANCEL, "test_a_batch_goes_on_without_a_run_that_is_cancelled"),
    ),
)
