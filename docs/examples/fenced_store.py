"""What the token of a lock is for, with no server: `python docs/examples/fenced_store.py`.

Two holders write the same item, one after the other, each under a lock of half a second. The first is paused past the
end of its lock, as by a long garbage collection, and does not know. Each runs in a thread with an event loop of its
own, as two processes would.
"""

import asyncio
import sqlite3
import tempfile
import threading
import time
from contextlib import closing
from pathlib import Path

from interval_scheduler import Scheduler

LOCK_SECONDS = 0.5


class StaleToken(Exception):
    """A holder of a lock wrote after a later one."""


class FencedStore:
    """Keeps items, and with each the greatest token that wrote it. Refuses those that come with a smaller one."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with closing(self._connect()) as database:
            database.execute("CREATE TABLE IF NOT EXISTS items (name TEXT PRIMARY KEY, value TEXT, token INTEGER)")

    def write(self, name: str, value: str, token: int) -> None:
        """Write an item, comparing the token in the same statement, so that nobody comes between."""
        with closing(self._connect()) as database:
            written = database.execute(
                "INSERT INTO items VALUES (?, ?, ?) ON CONFLICT (name) "
                "DO UPDATE SET value = excluded.value, token = excluded.token "
                "WHERE excluded.token >= items.token",
                (name, value, token),
            )
            if not written.rowcount:
                raise StaleToken(f"{name} was written with a greater token than {token}")

    def read(self, name: str) -> str:
        """The value of an item."""
        with closing(self._connect()) as database:
            (value,) = database.execute("SELECT value FROM items WHERE name = ?", (name,)).fetchone()
            return str(value)

    def _connect(self) -> sqlite3.Connection:
        return sqlite3.connect(self._path, isolation_level=None)  # each statement is a transaction


async def first(store: FencedStore, acquired: threading.Event, written: threading.Event) -> None:
    async with Scheduler.from_url("memory://shop") as scheduler, scheduler.lock("price:tea", LOCK_SECONDS) as lock:
        print("first:  has the lock, and works out a price")
        acquired.set()
        written.wait()  # the pause: the event loop stands still, so the lock is not renewed, and nobody can tell
        try:
            store.write("price:tea", "4.00, says the first", lock.token)
            print("first:  comes back, and writes without noticing that its lock is gone")
        except StaleToken:
            print("first:  comes back, writes late, and is refused: its token is the smaller one")


async def second(store: FencedStore) -> None:
    async with Scheduler.from_url("memory://shop") as scheduler:
        began = time.monotonic()
        async with scheduler.lock("price:tea", LOCK_SECONDS) as lock:
            print(f"second: has the lock too, {time.monotonic() - began:.1f} s later")
            store.write("price:tea", "4.20, says the second", lock.token)
            print("second: has written")


async def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        store = FencedStore(Path(folder) / "shop.db")
        acquired, written = threading.Event(), threading.Event()
        paused = asyncio.create_task(asyncio.to_thread(asyncio.run, first(store, acquired, written)))
        await asyncio.to_thread(acquired.wait)
        try:
            await second(store)
        finally:
            written.set()
        await paused
        print(f"store:  {store.read('price:tea')}")


if __name__ == "__main__":
    asyncio.run(main())
