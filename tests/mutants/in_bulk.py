"""Bugs of calls that are made together: how they are divided among batches, and who is told what."""

from typing import Final

from .planted import Planted, tests_in

_ROUNDS: Final = "unit/test_rounds"
_TOGETHER: Final = "unit/test_together"
_MIGRATION: Final = "unit/test_migration"

ALL: Final = (
    Planted(
        "calls that are made together are one batch, however many",
        "storage/requests/rounds.py",
        "    count = min(len(items), most)\n",
        "    count = len(items)\n",
        tests_in(_ROUNDS, "test_calls_together_are_divided_among_batches"),
    ),
    Planted(
        "calls that are made together are one batch, however heavy",
        "storage/requests/rounds.py",
        "if weight > room and (n or not is_first):",
        "if weight > room and not n and not is_first:",
        tests_in(_ROUNDS, "test_calls_together_are_divided_among_batches"),
    ),
    Planted(
        "what is left of calls that were divided is lost",
        "storage/requests/rounds.py",
        "            lane.portions.appendleft((items[fitting:], awaited))\n",
        "            pass\n",
        tests_in(_ROUNDS, "test_calls_together_are_divided_among_batches"),
    ),
    Planted(
        "ids of calls that were sent hold up others",
        "storage/requests/rounds.py",
        "        batch.append((items, awaited))\n        lane.forget(items)\n",
        "        batch.append((items, awaited))\n",
        tests_in(_ROUNDS, "test_what_was_sent_holds_up_nobody"),
    ),
    Planted(
        "answers go to the wrong callers",
        "storage/requests/turns.py",
        "        some = results[start : start + len(items)]\n",
        "        some = results[: len(items)]\n",
        tests_in(_TOGETHER, "test_they_go_out_in_batches_with_others_and_in_pieces"),
    ),
    Planted(
        "nobody hears of a task that was refused among many",
        "facade/assigning.py",
        "if new + known < len(answers.given):",
        "if False:",
        tests_in("integration/test_order_of_bulk_calls", "test_a_task_that_is_refused_leaves_nothing_under_way"),
    ),
    Planted(
        "many calls go one by one for ever after a move",
        "storage/routes.py",
        "if self._over is not None and self._over.is_quiet:",
        "if False:",
        tests_in(_MIGRATION, "test_many_calls_go_together_again_once_the_last_that_moved_has_ended"),
    ),
    Planted(
        "many calls pass one that still goes from home to home",
        "storage/topology/migration.py",
        "return self.is_over and not self._latest",
        "return self.is_over",
        tests_in(_MIGRATION, "test_many_calls_go_together_again_once_the_last_that_moved_has_ended"),
    ),
    Planted(
        "whole numbers of seconds have no bound",
        "model/checks.py",
        "if type(value) is int and 0 < value <= MAX_SECONDS:",
        "if type(value) is int:",
        tests_in("unit/test_durations", "test_a_duration_of_a_task_that_is_too_long"),
    ),
    Planted(
        "after an error thousands of further items are submitted",
        "services/bulk.py",
        "while window.has_answer or not window.has_room(_STRETCH):",
        "while not window.has_room(_STRETCH):",
        tests_in("unit/test_bulk", "test_an_error_that_is_there_ends_all_before_the_window_is_full"),
    ),
    Planted(
        "after an error of an asynchronous source's item thousands more are submitted",
        "services/bulk.py",
        "while window.has_answer or not window.has_room(1):",
        "while not window.has_room(1):",
        tests_in("unit/test_bulk", "test_an_error_that_is_there_ends_all_before_the_window_is_full"),
    ),
    Planted(
        "an asynchronous source that never waits stops the event loop",
        "services/bulk.py",
        "if count % _STRETCH == 0:",
        "if count < 0:",
        tests_in("unit/test_bulk", "test_a_source_that_never_waits_leaves_others_their_turns"),
    ),
)
