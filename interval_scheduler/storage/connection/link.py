"""The links of a namespace and its queues: each has the connections to a server, which all of them share.

::

    opened ──first user──▶ used by partitions of the namespace and of its queues ──last user leaves──▶ closed

In a Redis Cluster, partitions of the same number have other slots in another namespace, and so may be on other nodes.
There each partition of a queue has a link of its own; all of them share what is known of the cluster.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable
from typing import Any, Final

import anyio

from ...config.instance import RedisInstance
from ...config.options import StorageOptions
from ...support.broadcast import Broadcast
from ...support.log import Log
from .client import close, open_client
from .discovery import Cluster, Locator, open_locators
from .subscription import Subscription
from .while_used import WhileUsed

#: The connections that the calls of applications leave to others at the least, and their largest share.
_LEFT_TO_OTHERS: Final = 3
_LARGEST_SHARE: Final = 0.75
#: The longest time to leave a server, seconds; and that of a folder, whose last user waits until its data are written.
_LEAVE_SECONDS: Final = 1
_LEAVE_FOLDER_SECONDS: Final = 10


def places(connections: int) -> int:
    """Return the number of calls of applications that may use connections at once, of so many connections. Pure."""
    return max(1, min(connections - _LEFT_TO_OTHERS, int(_LARGEST_SHARE * connections)))


class Link:
    """The link to a server.

    Args:
        instance: the server.
        storage: the time limits, and the number of connections.
        locator: finds its primary; `None`: the instance is the primary.
        slot: the slot of the keys, in a cluster.
        log: the log, for a server that is started again.
        creates: False if nothing is made that is not there. Default True.
    """

    def __init__(
        self,
        instance: RedisInstance,
        storage: StorageOptions,
        locator: Locator | None,
        slot: int,
        log: Log,
        *,
        creates: bool = True,
    ) -> None:
        #: The server.
        self.instance: Final = instance
        self.locator: Final = locator
        locate = None if locator is None else functools.partial(locator.locate, slot)
        # Any: redis-py's annotations mix its synchronous and asynchronous replies.
        self.client: Final[Any] = open_client(instance, storage, locate, creates=creates, log=log)
        #: Is entered when it is the turn of a call of the application, of whichever namespace.
        self.turn: Final = asyncio.Semaphore(places(storage.max_connections))
        self.subscription: Final = Subscription(self.client, storage.operation_timeout_seconds)
        #: True once its last user has left.
        self.is_closed = False
        self._users = 0
        self._moves: Final[Broadcast[None]] = Broadcast()
        self._watching: Final = WhileUsed(self._watch)

    def enter(self) -> None:
        """Use it; whoever does so has to leave it."""
        self._users += 1

    async def leave(self) -> None:
        """Use it no longer; close the connections if nobody else uses it. Takes some seconds at the most."""
        self._users -= 1
        if self._users == 0:
            self.is_closed = True
            with anyio.move_on_after(_LEAVE_SECONDS if self.instance.folder is None else _LEAVE_FOLDER_SECONDS):
                await close(self.client)

    def is_told(self, server: str, code: str, *, of_queue: bool) -> bool:
        """Tell if others warn of a fact about a server: its namespace, or another partition on the same node.

        Args:
            server: the text that tells the server from every other.
            code: the subject; rights are a matter of each namespace.
            of_queue: True if a queue learned of it.
        """
        if of_queue:
            return code != "rights"
        return isinstance(self.locator, Cluster) and self.locator.was_told(server, code)

    async def watch(self, on_moved: Callable[[], None]) -> None:
        """Call `on_moved` when the primary has to be left although it answers; see `Locator.watch`."""
        stop = self._moves.subscribe(lambda _: on_moved())
        try:
            await self._watching.share()
        finally:
            stop()

    async def _watch(self) -> None:
        if self.locator is not None:
            await self.locator.watch(lambda: self._moves.tell(None))


class Links:
    """The links of a namespace and its queues.

    Args:
        storage: the options of the storage, with all servers.
        log: the log of what is found out about Sentinels, and about the servers of folders.
        creates: False if nothing is made that is not there. Default True.
    """

    def __init__(self, storage: StorageOptions, log: Log, *, creates: bool = True) -> None:
        self._storage = storage
        self._log = log
        self._creates = creates
        instances = (*storage.instances, *storage.leaving)
        self._locators = dict(zip(instances, open_locators(instances, storage, log), strict=True))
        self._links: dict[RedisInstance, Link] = {}

    def open(self, instance: RedisInstance, slot: int) -> Link:
        """Return the link to a server that is in use, or a new one.

        Args:
            instance: one of the servers.
            slot: the slot of the keys, in a cluster.
        """
        link = None if instance.cluster else self._links.get(instance)
        if link is None or link.is_closed:
            link = self._links[instance] = Link(
                instance, self._storage, self._locators[instance], slot, self._log, creates=self._creates
            )
        return link
