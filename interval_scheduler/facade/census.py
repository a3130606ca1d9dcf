"""The census of a process: what a namespace and its queues accept and execute here, put on one card."""

from __future__ import annotations

import functools
import heapq
import os
import socket
import sys
from collections.abc import Callable
from typing import NamedTuple

from ..execution.told import longest
from ..model.cards import MOST_RUNS, Card, LongRun, Work, cut
from ..services.lifespan import Lifespan
from .assigning import Assigning
from .executing import Executing


class Member(NamedTuple):
    """A namespace, whose name is empty here, or one of its queues."""

    name: str
    lifespan: Lifespan
    executing: Executing
    assigning: Assigning


class Census:
    """The namespace and its queues, as far as this process accepts and executes their tasks. The namespace is first."""

    def __init__(self) -> None:
        self._members: list[Member] = []
        #: Called when what is on the card has changed.
        self.on_change: Callable[[], object] = _nothing

    def enter(self, member: Member) -> None:
        """Take a namespace or a queue in."""
        self._members.append(member)

    def changed(self) -> None:
        """Tell that one of them accepts or executes tasks by now, or does not any more."""
        self.on_change()

    def card(self, number: int, since_ms: int) -> Card | None:
        """Return the card, or `None` if tasks are neither accepted nor executed.

        Args:
            number: the number of the report.
            since_ms: the moment at which the namespace connected, in epoch ms.
        """
        accepting = self._members[0].assigning.accepting
        works: list[Work] = []
        runs: list[LongRun] = []
        for member in self._members:
            execution, connected = member.executing.current, member.lifespan.connected
            if execution is None or connected is None:
                continue
            tallies = connected.tallies.values()
            running = execution.running
            counted = sum(tally.runs for tally in tallies), sum(tally.failures for tally in tallies)
            works.append(Work(member.name, execution.places, len(running), max(0, counted[0]), counted[1]))
            runs += longest(member.name, running)
        if not accepting and not works:
            return None
        first = heapq.nsmallest(MOST_RUNS, runs, key=lambda run: run.since_ms)
        return Card(number, _host(), os.getpid(), _version(), since_ms, accepting, works, first)


def no_card(number: int, since_ms: int) -> None:
    """Return no card: a queue has none of its own."""
    del number, since_ms


@functools.cache
def _host() -> str:
    return cut(socket.gethostname())


@functools.cache
def _version() -> str:
    # The package is above this file; a look into what is installed would take milliseconds.
    return cut(str(getattr(sys.modules[__name__.partition(".")[0]], "__version__", "unknown")))


def _nothing() -> None:
    """Do nothing."""
