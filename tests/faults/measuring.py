"""What the fault tests measure with: percentiles, what stands in a ledger, and how late the machine itself is."""

from __future__ import annotations

import contextlib
import itertools
import math
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence

from interval_scheduler import Scheduler, TaskRun
from tests.integration.processes import Entry
from tests.servers import RedisServer


def percentile(values: Iterable[float], share: float) -> float:
    """The value below which a share of them lies; 0 if there are none."""
    ordered = sorted(values)
    return ordered[math.ceil(share * len(ordered)) - 1] if ordered else 0.0


def starts_of(entries: Iterable[Entry]) -> dict[str, list[Entry]]:
    """By id, the starts of its runs, in order."""
    starts: dict[str, list[Entry]] = defaultdict(list)
    for entry in sorted(entries, key=lambda entry: entry.token):
        if entry.event == "start":
            starts[entry.id].append(entry)
    return starts


def ended(entries: Sequence[Entry]) -> set[str]:
    """The ids of which a run came to its end."""
    return {entry.id for entry in entries if entry.event == "end"}


def most_at_once(entries: Sequence[Entry], killed: Mapping[int, float], of: Callable[[Entry], str]) -> dict[str, int]:
    """Return the most runs in progress at once, by what they are of; those of a killed process end with it.

    Args:
        entries: the ledger.
        killed: when processes were killed, by their ids.
        of: tells what a run is of, such as its group.
    """
    ends = {(entry.id, entry.token, entry.pid): entry.moment for entry in entries if entry.event != "start"}
    changes: list[tuple[float, int, str]] = []
    for entry in entries:
        if entry.event == "start":
            end = ends.get((entry.id, entry.token, entry.pid), killed.get(entry.pid, math.inf))
            changes += [(entry.moment, 1, of(entry)), (end, -1, of(entry))]
    now: dict[str, int] = defaultdict(int)
    most: dict[str, int] = defaultdict(int)
    for _, change, what in sorted(changes):  # what ends in a millisecond does so before something starts in it
        now[what] += change
        most[what] = max(most[what], now[what])
    return most


def most_within(moments: Iterable[float], span: float) -> int:
    """The most moments within any span of that length."""
    ordered = sorted(moments)
    first = most = 0
    for last, moment in enumerate(ordered):
        while ordered[first] < moment - span:
            first += 1
        most = max(most, last - first + 1)
    return most


def not_after_a_kill(starts: Mapping[str, Sequence[Entry]], killed: Container[int]) -> int:
    """How many runs were begun again though the process of the run before lives on."""
    return sum(first.pid not in killed for runs in starts.values() for first, _ in itertools.pairwise(runs))


def doubled(runs: Iterable[TaskRun]) -> int:
    """How many runs there were beyond one for each due time of each task."""
    seen = [(run.id, run.due) for run in runs]
    return len(seen) - len(set(seen))


async def is_empty(scheduler: Scheduler) -> bool:
    return await scheduler.task_size() == 0


class Machine:
    """How late this machine is with a timer and a write to Redis, whatever the event loop and its schedulers are at."""

    def __init__(self, servers: Sequence[RedisServer]) -> None:
        self.latest = 0.0
        self._servers = servers
        self._is_over = threading.Event()

    def watch(self) -> None:
        with contextlib.ExitStack() as stack:
            clients = [stack.enter_context(server.client()) for server in self._servers]
            while not self._is_over.is_set():
                began = time.monotonic()
                time.sleep(0.01)  # what the machine makes of it is the point
                for client in clients:
                    client.set("machine", "")
                self.latest = max(self.latest, time.monotonic() - began - 0.01)

    def stop(self) -> None:
        self._is_over.set()


@contextlib.contextmanager
def machine(*servers: RedisServer) -> Iterator[Machine]:
    """Watches the machine during a block, from a thread: what holds up the event loop alone does not count."""
    watched = Machine(servers)
    thread = threading.Thread(target=watched.watch)
    thread.start()
    try:
        yield watched
    finally:
        watched.stop()
        thread.join()
