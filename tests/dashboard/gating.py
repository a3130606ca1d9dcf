"""Searches that wait until a test lets them through."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from typing import Any

import pytest

from interval_scheduler import Scheduler, SearchPage


class Gate:
    """Holds up all searches of schedulers. What is let through is carried out by a real scheduler.

    Attributes:
        begun: the prefix of each search, and the mark at which it begins, in the order in which they came to the gate.
        problem: what searches raise that are let through; `None`: they are carried out.
    """

    def __init__(self) -> None:
        self.begun: list[tuple[str, str | None]] = []
        self.problem: Exception | None = None
        self._tickets = asyncio.Semaphore(0)
        self._is_open = False

    def let(self, number: int = 1) -> None:
        """Let so many searches through."""
        for _ in range(number):
            self._tickets.release()

    def open(self) -> None:
        """Let all through from now on."""
        self._is_open = True
        self.let(100)  # those that wait by now

    async def passed(self, prefix: str, after: str | None) -> None:
        """Come to the gate, and wait until it lets through.

        Raises:
            Exception: the problem that it was given.
        """
        self.begun.append((prefix, after))
        if not self._is_open:
            await self._tickets.acquire()
        if self.problem is not None:
            raise self.problem


@contextlib.contextmanager
def gated() -> Iterator[Gate]:
    """A gate, which is open in the end."""
    gate, search = Gate(), Scheduler.search

    async def wait_and_search(self: Scheduler, prefix: str, *, after: str | None = None, **options: Any) -> SearchPage:
        await gate.passed(prefix, after)
        return await search(self, prefix, after=after, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Scheduler, "search", wait_and_search)
        try:
            yield gate
        finally:
            gate.open()
