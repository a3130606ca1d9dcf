"""An asynchronous list in a thread without an event loop: it is read page by page."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Final, TypeVar

from ..errors import NotConnected
from ..support.loops import running_loop
from .loop_thread import LoopThread

Item = TypeVar("Item")

#: The number of items that are handed over at once.
_PAGE: Final = 250


def read_in_pages(thread: LoopThread, listing: Callable[[], AsyncIterator[Item]]) -> Iterator[Item]:
    """Yield what an asynchronous list has, page by page; a page is read when its first item is wanted.

    Args:
        thread: the thread with the event loop.
        listing: makes the list.
    """
    items: AsyncIterator[Item] | None = None
    home: asyncio.AbstractEventLoop | None = None

    async def page() -> list[Item]:
        nonlocal items, home
        if items is None:
            items, home = listing(), running_loop()
        elif home is not running_loop():  # the scheduler was closed, and the list ended with it
            raise NotConnected
        found: list[Item] = []
        async for item in items:
            found.append(item)
            if len(found) == _PAGE:
                break
        return found

    while found := thread.call(page):
        yield from found
        if len(found) < _PAGE:
            return
