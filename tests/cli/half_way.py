"""Commands that are met half-way, however late the machine is: on a link that is slow, or lets no more through."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

from tests.proxy import Proxy
from tests.servers import RedisServer


def behind(proxy: Proxy, server: RedisServer) -> str:
    """The URL of a proxy before a server, whose partition keeps its name."""
    return f"{proxy.url}?name=127.0.0.1:{server.port}/0"


def stopped_after(proxy: Proxy, most: int) -> Callable[[bytes], bool]:
    """Let nothing more pass once so many bytes of requests have; no reply is dropped."""
    passed = 0

    def decide(request: bytes) -> bool:
        nonlocal passed
        passed += len(request)
        proxy.swallowing = passed > most
        return False

    return decide


@asynccontextmanager
async def at_work(*words: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """A command as a process of its own, while this event loop goes on; it is killed at the end at the latest."""
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "interval_scheduler.cli", *words)
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):  # it has ended
            process.kill()
        await process.wait()
