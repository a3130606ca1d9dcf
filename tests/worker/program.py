"""A worker process: `python -m tests.worker.program URL NAMESPACE DRAIN HANGS`. It says on stdout what happens.

Its lifespan hangs where HANGS says: `entering`, `leaving` or `never`.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from interval_scheduler.worker import Worker


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


@asynccontextmanager
async def lifespan() -> AsyncIterator[Mapping[str, Any]]:
    if hangs == "entering":
        say("entering")
        await asyncio.Event().wait()
    say("open")
    yield {"say": say}
    if hangs == "leaving":
        say("leaving")
        await asyncio.Event().wait()
    say("closed")


url, namespace, drain, hangs = sys.argv[1:5]
worker = Worker(url, namespace=namespace, lifespan=lifespan, drain_seconds=float(drain))


@worker.executor("mail")
async def send(data: str, *, say: Any) -> None:
    say(f"begin {data}")
    await asyncio.sleep(float(data))  # a slow service
    say(f"end {data}")


if __name__ == "__main__":
    asyncio.run(worker.run())
    say("well")
