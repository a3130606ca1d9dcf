"""Bugs to plant in what a task, a call or an option may ask for, and in what follows from it."""

from __future__ import annotations

from typing import Final

from .planted import Planted, tests_in

ALL: Final = (
    Planted(
        "a duration has no upper bound",
        "model/checks.py",
        "if seconds > MAX_SECONDS:",
        "if False:",
        tests_in("unit/test_durations", "test_a_duration_of_a_task_that_is_too_long"),
    ),
    Planted(
        "an option in seconds has no upper bound",
        "model/checks.py",
        "number = _bounded(name, check_number(name, value))",
        "number = check_number(name, value)",
        tests_in("unit/test_durations", "test_an_option_that_is_too_long"),
    ),
)
