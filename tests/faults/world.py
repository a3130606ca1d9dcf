"""What the machine acts on: a namespace and a queue of it, and the schedulers that are connected to both."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import Coroutine, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from redis.exceptions import ConnectionError as RedisConnectionError

from interval_scheduler import Scheduler
from interval_scheduler.storage.partition.partition import Partition
from interval_scheduler.storage.scripts.loader import Script
from interval_scheduler.storage.scripts.ports import Argument
from tests.scripts.store import SECOND, Store

from .shaky import Shaky

Reply = TypeVar("Reply")
#: The rounding grids of the schedulers.
GRIDS: Final = (0, SECOND)
#: The queue beside the namespace.
QUEUE: Final = "beside"


@dataclass
class Side:
    """A namespace or a queue of it: a store to look with, and schedulers by their rounding grids."""

    store: Store
    schedulers: dict[int, Scheduler] = field(default_factory=dict)
    membership: dict[bytes, bytes] = field(default_factory=dict)


class World:
    """What lasts over all histories: schedulers that are connected to one namespace and to a queue of it."""

    def __init__(self, url: str, length: int) -> None:
        self.loop = asyncio.new_event_loop()
        name = f"machine-{uuid.uuid4().hex}"
        self.namespace = Side(Store(url, name))
        self.queue = Side(Store(url, f"{name}.{QUEUE}"))
        #: One whose calls on the namespace may end in doubt.
        self.shaky = Shaky(url, self.namespace.store)
        #: How many steps a history has; and how many there were, of each.
        self.length = length
        self.histories = self.steps = 0
        #: While set, the first reply to each request of the schedulers is lost.
        self.losing = False
        #: The first step that differed from the model.
        self.failure: Exception | None = None
        self._replies: dict[tuple[bytes, Argument], Any] = {}
        self._url = url

    def wait_for(self, coroutine: Coroutine[Any, Any, Reply]) -> Reply:
        return self.loop.run_until_complete(coroutine)

    async def open(self) -> None:
        for side in (self.namespace, self.queue):
            await side.store.enroll()  # before the schedulers do, so that it is known what stands there
        for grid in GRIDS:
            scheduler = Scheduler.from_url(
                f"{self._url}?name={Store.name}",
                namespace=self.namespace.store.namespace,
                task_interval_seconds=grid / 1000,
                statistics=False,  # the model knows no counts
                operation_timeout_seconds=60,  # nothing is late here but the machine that this runs on
            )
            for side, its in ((self.namespace, scheduler), (self.queue, scheduler.queue(QUEUE))):
                await its.start_task_accept()
                side.schedulers[grid] = its
                self._listen_in(its._lifespan.require().partitions.master, side.store)
        await self.shaky.open()
        for side in (self.namespace, self.queue):
            side.membership = (await side.store.space()).membership
        assert self.namespace.store.queues == [QUEUE.encode()]

    def _listen_in(self, partition: Partition, store: Store) -> None:
        """Learn which replies must be kept for which session, and lose some."""
        evaluate, prefix = partition.sender.evaluate, store.keys.reply(b"")

        async def overheard(script: Script, keys: Sequence[bytes], args: Sequence[Argument]) -> Any:
            reply = await evaluate(script, keys, args)
            if not keys[0].startswith(prefix):
                return reply
            store.expect_kept(keys[0].removeprefix(prefix), _number(args[0]), reply)
            request = (keys[0], args[0])
            if self.losing and request not in self._replies:
                self._replies[request] = reply
                raise RedisConnectionError("the reply was lost")
            assert self._replies.pop(request, reply) == reply
            return reply

        vars(partition.sender)["evaluate"] = overheard

    @contextlib.contextmanager
    def noting(self) -> Iterator[None]:
        """Note what fails: Hypothesis plays that again, and would tell of it only if the same came of it."""
        try:
            yield
        except Exception as error:
            self.failure = self.failure or error
            raise

    async def begin(self) -> None:
        """Start a history, with nothing in the namespace nor in its queue."""
        self.losing = False
        self._replies.clear()
        await self.shaky.calm()
        for side in (self.namespace, self.queue):
            await side.store.clear()

    async def close(self) -> None:
        await self.shaky.close()
        for scheduler in self.namespace.schedulers.values():
            await scheduler.close()
        for side in (self.namespace, self.queue):
            await side.store.delete()


def _number(stamp: Argument) -> int:
    """The number of a request, from its stamp or as it is."""
    return stamp if isinstance(stamp, int) else int(stamp.rpartition(b":")[2])
