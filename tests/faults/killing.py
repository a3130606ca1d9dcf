"""Worker processes that are killed, and when: what tests of crashes have in common."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

from tests.integration.processes import Worker


class Fleet:
    """Worker processes on one namespace, with one ledger.

    Args:
        url: the server, or several by commas.
        namespace: that of all.
        ledger: what they append to.
        options: those of all, such as the lease.
    """

    def __init__(self, url: str, namespace: str, ledger: Path, **options: Any) -> None:
        self._url, self._namespace, self._ledger, self._options = url, namespace, ledger, options
        #: When which process was killed.
        self.killed: dict[int, float] = {}

    @asynccontextmanager
    async def workers(self, work: str, *each: dict[str, Any]) -> AsyncIterator[list[Worker]]:
        """Workers with options of their own, started beside the event loop, so that a proxy in there can answer."""
        given = (self._url, self._namespace, self._ledger, work)
        starting = [asyncio.to_thread(partial(Worker, *given, **(self._options | options))) for options in each]
        with ExitStack() as stack:
            yield [stack.enter_context(worker) for worker in await asyncio.gather(*starting)]

    @asynccontextmanager
    async def worker(self, work: str, **options: Any) -> AsyncIterator[Worker]:
        """One worker."""
        async with self.workers(work, options) as (worker,):
            yield worker

    def kill(self, worker: Worker) -> None:
        """Kill a worker, and note when. It may still have noted something in that moment."""
        self.killed[worker.pid] = time.time()
        worker.kill()

    async def kill_soon(self, worker: Worker, longest: float) -> None:
        """Kill a worker at a random moment, within so many seconds."""
        await asyncio.sleep(random.uniform(0, longest))  # a random moment of the worker's life is the point
        self.kill(worker)

    async def end(self, *workers: Worker) -> None:
        """Tell workers to end, and see that they do in order."""
        codes = await asyncio.gather(*[asyncio.to_thread(worker.terminate) for worker in workers])
        assert set(codes) == {0}, codes
