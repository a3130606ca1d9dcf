"""Decides if what left an executor is the result of its run, or ends more than that."""

from __future__ import annotations

import asyncio
from typing import Protocol

from ..errors import RunCancelled
from ..support.guests import ends_process, is_called_by
from .run import Cut


class Carried(Protocol):
    """A run, or a batch of runs, in progress."""

    @property
    def cut_short(self) -> Cut | None:
        """Why it was cancelled by the scheduler."""

    @property
    def asyncio_task(self) -> asyncio.Task[None] | None:
        """The asyncio task that carries it out."""


def is_result(run: Carried, error: BaseException, *, ending: bool) -> bool:
    """Tell if an error that left an executor is the result of its run; all is, also a `BaseException` of anybody's.

    Three things are not: the cancel of a run with everything around it, the close of its coroutine by the garbage
    collector, and what ends the process (see `ends_process`).

    Args:
        run: the run, or the batch of them, in progress.
        error: the error.
        ending: whether everything around the run ends.
    """
    if isinstance(error, asyncio.CancelledError) and run.cut_short is None:
        return not ending
    if isinstance(error, GeneratorExit):
        return is_called_by(run.asyncio_task)
    return ends_process(error) is None


def as_result(run: Carried, error: BaseException | None) -> BaseException | None:
    """Return the error of a run from what left its executor: of one that was cancelled by a call, that this was so."""
    is_cancelled = run.cut_short == "cancelled" and isinstance(error, asyncio.CancelledError)
    return RunCancelled() if is_cancelled else error
