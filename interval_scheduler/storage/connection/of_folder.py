"""Connections to the server of a folder: each one that is opened starts it, unless it is there."""

from __future__ import annotations

from typing import Any, Final

from redis.asyncio import UnixDomainSocketConnection

from ..local.hold import Hold
from .connections import Sending
from .pool import FairPool


class FolderConnection(Sending, UnixDomainSocketConnection):
    """A connection by the socket of a folder."""

    def __init__(self, *, hold: Hold, **rest: Any) -> None:
        super().__init__(**rest)
        self._hold: Final = hold

    async def _connect(self) -> None:
        self.path = await self._hold.join(self.socket_connect_timeout)
        await super()._connect()  # type: ignore[no-untyped-call]


class FolderPool(FairPool):
    """A pool of such connections, which leaves the server with the last of them."""

    def __init__(self, *, hold: Hold, **rest: Any) -> None:
        super().__init__(connection_class=FolderConnection, hold=hold, **rest)
        self._hold: Final = hold

    async def disconnect(self, inuse_connections: bool = True) -> None:  # noqa: FBT001, FBT002 - redis-py's signature
        """Close the connections; all of them for good, if those in use are among them."""
        try:
            await super().disconnect(inuse_connections)
        finally:
            if inuse_connections:
                await self._hold.leave()
