"""Bugs by which application code stops, hangs or silences a scheduler, or one run reaches another."""

from typing import Final

from .planted import Planted, tests_in

ALL: Final = (
    Planted(
        "a panic in an executor ends its worker",
        "execution/leaving.py",
        "return ends_process(error) is None",
        "return isinstance(error, Exception | asyncio.CancelledError)",
        tests_in("semantics/test_guests", "test_others_go_on_and_it_is_told_once"),
    ),
    Planted(
        "what ends the process is swallowed in a group",
        "execution/runner.py",
        "            raise fatal ",
        "            raise error ",
        tests_in("faults/test_shutdown", "test_the_event_loop_closes_under_a_scheduler"),
    ),
    Planted(
        "a run that suspended shares its carrier with the next",
        "execution/runner.py",
        "self._round != this_round\n                        or me.cancelling()",
        "me.cancelling()",
        tests_in("unit/test_runner_apart", "test_each_run_that_suspends_has_an_asyncio_task_of_its_own"),
    ),
    Planted(
        "a cancel that a run survived is counted in the next",
        "execution/runner.py",
        "                        or me.cancelling()\n",
        "",
        tests_in("unit/test_runner_apart", "test_the_next_run_finds_nothing"),
    ),
    Planted(
        "somebody who knows the asyncio task of a run knows that of the next",
        "execution/runner.py",
        "                        or getrefcount(me) != references\n",
        "",
        tests_in("unit/test_runner_apart", "test_the_next_run_finds_nothing"),
    ),
    Planted(
        "somebody who knows the asyncio task of a run weakly knows that of the next",
        "execution/runner.py",
        "                        or getweakrefcount(me) != weak_references\n",
        "",
        tests_in("unit/test_runner_apart", "test_the_next_run_finds_nothing"),
    ),
    Planted(
        "the clean-up of a run waits for the end of the next",
        "execution/runner.py",
        "                        or me._callbacks  # noqa: SLF001 - no other way to see them\n",
        "",
        tests_in("unit/test_runner_apart", "test_the_next_run_finds_nothing"),
    ),
    Planted(
        "the name that a run gave its asyncio task is that of the next",
        "execution/runner.py",
        "                        or me.get_name() is not _NAME\n",
        "",
        tests_in("unit/test_runner_apart", "test_the_next_run_finds_nothing"),
    ),
    Planted(
        "a context variable of a run is seen by the next",
        "execution/runner.py",
        "                        or copy_context() != context\n",
        "",
        tests_in("unit/test_runner_apart", "test_the_next_run_finds_nothing"),
    ),
    Planted(
        "a decimal context that a run changed is that of the next",
        "execution/runner.py",
        "                    if renew_decimals is not None:\n                        renew_decimals()\n",
        "",
        tests_in("unit/test_runner_apart", "test_the_next_run_finds_nothing"),
    ),
    Planted(
        "each run starts an asyncio task",
        "execution/runner.py",
        "                    if (\n                        self._round",
        "                    if True or (\n                        self._round",
        tests_in("unit/test_runner_apart", "test_runs_that_leave_nothing_within_one_step_share_it"),
    ),
)
