"""A store of the embedded engine with both ways of running a script in it."""

from __future__ import annotations

import asyncio
from typing import Any

from fakeredis import FakeAsyncRedis, FakeServer
from redis.exceptions import ResponseError

from interval_scheduler.storage.embedded.client import ScriptClient
from interval_scheduler.storage.embedded.opening import open_client, open_store
from interval_scheduler.storage.embedded.sockets import Store
from interval_scheduler.storage.embedded.trial import passes


class BothWays:
    """Two empty stores: scripts run on the short way in the one, and on fakeredis's own way in the other."""

    def __init__(self) -> None:
        self.store = open_store()
        assert isinstance(self.store, Store)
        client = open_client(self.store, 0)
        assert isinstance(client, ScriptClient)
        self.short: Any = client
        self.long: Any = FakeAsyncRedis(server=FakeServer(version=(7,)), protocol=2)

    async def run(self, client: Any, text: str, keys: list[str], args: list[Any]) -> Any:
        """Run a script by its hash; an error is returned."""
        assert passes(), "the short way is not in use"
        sha = await client.script_load(text)
        try:
            return await client.execute_command("EVALSHA", sha, len(keys), *keys, *args)
        except ResponseError as error:
            return error

    async def both(self, text: str, keys: list[str] | None = None, args: list[Any] | None = None) -> tuple[Any, Any]:
        """Run a script on both ways."""
        return (
            await self.run(self.short, text, keys or [], args or []),
            await self.run(self.long, text, keys or [], args or []),
        )

    async def close(self) -> None:
        """Close both clients."""
        await asyncio.gather(self.short.aclose(), self.long.aclose())
