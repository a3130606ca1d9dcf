"""The failed runs of a time machine: they fail the test, as an assertion in its own body would."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Final

from .. import TaskRun

#: The most errors of which a group tells.
_MOST_TOLD: Final = 20
#: They steer coroutines: one of these, raised by itself, would do something else than fail the test.
_STEERING: Final = (asyncio.CancelledError, GeneratorExit, StopIteration, StopAsyncIteration)


class Failures:
    """Gathers what executors raise.

    Args:
        now: tells the time.
    """

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._errors: list[BaseException] = []
        self._count = 0

    def note(self, run: TaskRun, error: BaseException) -> None:
        """Note a failed run: a handler of the event `run-error`."""
        self._count += 1
        if len(self._errors) < _MOST_TOLD and not any(error is known for known in self._errors):
            error.add_note(f"raised by the run of task {run.id!r}, attempt {run.attempt}, at {self._now().isoformat()}")
            self._errors.append(error)

    def throw(self) -> None:
        """Raise what was noted since the last time: one error as it is, several as a group."""
        errors, count = self._take()
        if not errors:
            return
        if count == 1 and not isinstance(errors[0], _STEERING):
            raise errors[0]
        told = "" if len(errors) == count else f", {len(errors)} of their errors are told"
        raise BaseExceptionGroup(f"{count} {'run' if count == 1 else 'runs'} failed in a time machine{told}", errors)

    def add_to(self, error: BaseException) -> None:
        """Tell what was noted beside an error of the test itself, which it may be the reason of."""
        errors, count = self._take()
        if errors:
            first = errors[0]
            error.add_note(f"{count} {'run' if count == 1 else 'runs'} failed before, first: {first!r}")
            if error.__context__ is None and first is not error:
                error.__context__ = first

    def _take(self) -> tuple[list[BaseException], int]:
        taken = self._errors, self._count
        self._errors, self._count = [], 0
        return taken
