"""What the fault tests measure with: percentiles, what stands in a ledger, and how late the machine itself is."""

from __future__ import annotations

import contextlib
import math
import threading
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from interval_scheduler import Scheduler, TaskRun
from tests.integration.processes import Entry
from tests.servers import RedisServer


def percentile(values: Iterable[float], share: float) -> float:
    """The value below which a share of them lies; 0 if there are none."""
    ordered = sorted(values)
    return ordered[math.ceil(share * len(ordered)) - 1] if ordered else 0.0


def starts_of(entries: Sequence[Entry]) -> dict[str, list[Entry]]:
    """By id, the starts of its runs, in order."""
    starts: dict[str, list[Entry]] = defaultdict(list)
    for entry in sorted(entries, key=lambda entry: entry.token):
        if entry.event == "start":
            starts[entry.id].append(entry)
    return starts


def ended(entries: Sequence[Entry]) -> set[str]:
    """The ids of which a run came to its end."""
    return {entry.id for entry in entries if entry.event == "end"}


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
