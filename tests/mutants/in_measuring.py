"""Bugs of what measures, and of the turns that runs leave to others."""

from typing import Final

from .planted import Planted, tests_in

_BENCHMARKS: Final = "../benchmarks"

ALL: Final = (
    Planted(
        "queued runs leave the event loop no turn",
        "execution/runner.py",
        "                        or now > rest_at\n",
        "",
        tests_in("unit/test_runner_stretches", "test_others_have_their_turn_among_queued_runs"),
    ),
    Planted(
        "a measurement goes on with figures of other arguments",
        f"{_BENCHMARKS}/measuring.py",
        'if found["of"] == self._of:',
        'if found["of"]:',
        tests_in("measuring/test_kept", "test_other_arguments_begin_anew"),
    ),
    Planted(
        "what was measured is measured again",
        f"{_BENCHMARKS}/measuring.py",
        "if (figures := kept.get(part)) is None:",
        "if (figures := kept.get(part)) is None or True:",
        tests_in("measuring/test_kept", "test_what_is_kept_is_not_measured_again"),
    ),
    Planted(
        "tables are measured while they are resized",
        f"{_BENCHMARKS}/resizing.py",
        "range(2 * size // (_A_CALL * _CALLS) + 1)",
        "range(0 * size)",
        tests_in("measuring/test_growth", "test_tables_that_are_resized_are_found_and_settled"),
    ),
    Planted(
        "what is due at random was assigned first",
        f"{_BENCHMARKS}/spread.py",
        "if dice.random() * left < due:",
        "if due:",
        tests_in("measuring/test_growth", "test_what_is_due_at_random_was_assigned_anywhere"),
    ),
    Planted(
        "the servers use no core",
        f"{_BENCHMARKS}/cores.py",
        "cores / (worker + redis)",
        "cores / worker",
        tests_in("measuring/test_cores", "test_cores_are_shared_by_processes_and_servers"),
    ),
    Planted(
        "a goal is reached by what misses it",
        f"{_BENCHMARKS}/cores.py",
        "'reached' if times >= TIMES else 'missed'",
        "'reached' if times else 'missed'",
        tests_in("measuring/test_cores", "test_goals_are_told"),
    ),
    Planted(
        "each server is compared with itself",
        f"{_BENCHMARKS}/servers.py",
        'medians[f"{first}: {work}"][figure])',
        'medians[f"{name}: {work}"][figure])',
        tests_in("measuring/test_servers", "test_the_first_is_what_others_are_compared_with"),
    ),
    Planted(
        "the slowest command is one of the measurement",
        f"{_BENCHMARKS}/bench.py",
        " and command not in _OWN",
        "",
        tests_in("measuring/test_ten_million", "test_the_slowest_command_is_named"),
    ),
    Planted(
        "figures that were measured give way to those of another server",
        f"{_BENCHMARKS}/ten_million.py",
        "        if figures is None:\n            figures = _keep",
        "        if True:\n            figures = _keep",
        tests_in("measuring/test_ten_million", "test_what_is_kept_is_not_measured_again"),
    ),
)
