"""Pages that are asked for ahead: while one is used, the server works on the next.

::

    ask ──▶ page 1 arrives ──▶ ask for page 2 ──▶ page 1 is used ──▶ page 2 arrives ──▶ ...

One request at most is under way, and two pages at most are held. Whoever stops early cancels that request.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine
from typing import Any, TypeVar

from ..support.guests import retrieve
from ..support.loops import running_loop

Page = TypeVar("Page")
Mark = TypeVar("Mark")


async def read_ahead(
    read: Callable[[Mark], Coroutine[Any, Any, tuple[Page, Mark | None]]], first: Mark
) -> AsyncGenerator[Page, None]:
    """Yield pages in their order.

    Args:
        read: reads the page at a mark; returns it with the mark of the next one, `None` for no further page.
        first: the mark of the first page.
    """
    asked = _ask(read(first))
    try:
        while True:
            page, after = await asked
            if after is None:
                yield page
                return
            asked = _ask(read(after))
            await asyncio.sleep(0)  # the request goes out now: who uses the page may not give way to it
            yield page
    finally:
        if not asked.done() and asked.get_loop() is running_loop():  # else it ends with its own event loop
            asked.cancel()
            await asyncio.wait([asked])


def _ask(call: Coroutine[Any, Any, tuple[Page, Mark | None]]) -> asyncio.Task[tuple[Page, Mark | None]]:
    asked = asyncio.ensure_future(call)
    asked.add_done_callback(retrieve)  # whoever stops early does not ask for its error
    return asked
