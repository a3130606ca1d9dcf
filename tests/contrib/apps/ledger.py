"""The worker of all of them. NAMESPACE and LEDGER come from the environment, as does INTERVAL_SCHEDULER_REDIS.

HANGS_AFTER: the number of runs of this process after which all others hang, so that a kill finds them in progress.
"""

from __future__ import annotations

import asyncio
import itertools
import os
from pathlib import Path

from interval_scheduler.worker import Worker

_hangs_after = int(os.environ.get("HANGS_AFTER", "1000000"))
_runs = itertools.count()
worker = Worker(namespace=os.environ["NAMESPACE"], lease_seconds=2, drain_seconds=10, concurrency=4)


@worker.executor
async def work(name: str) -> None:
    """Takes a while, so that each process has its share, and then writes one line."""
    await asyncio.sleep(0.05)  # a run that is over at once would leave nothing to the other processes
    if next(_runs) >= _hangs_after:
        await asyncio.Event().wait()
    note(name)


def note(name: str) -> None:
    """One write that appends: lines of several processes do not mix."""
    with Path(os.environ["LEDGER"]).open("a") as ledger:
        ledger.write(f"{os.getpid()} {name}\n")
