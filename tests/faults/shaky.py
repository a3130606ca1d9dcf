"""A scheduler whose callers give up, and whose connections are cut, refused, or hold its bytes up.

It reaches its server through a proxy; on the embedded engine, which has no connections, its callers give up only.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Callable
from typing import Any, Literal
from urllib.parse import urlsplit

import redis.asyncio

from interval_scheduler import OutcomeUnknown, PartitionOffline, Scheduler, StorageError
from interval_scheduler.storage.scripts import loader as scripts
from tests.proxy import Proxy
from tests.scripts.store import Store
from tests.waiting import surely, until

#: What happens to connections: they are cut; a reply is dropped; bytes are held up, and the client's side is cut, or
#: stays, until the client's time is over; they are cut, and no new ones can be made.
Trouble = Literal["none", "cut", "drop", "hold", "silence", "refuse"]
#: After so many turns of the event loop, or ms, something happens.
After = tuple[Literal["turns", "ms"], int]
#: For how long a request is tried again.
TIMEOUT_SECONDS = 0.2
_HANGS_AFTER_SECONDS = 60
#: How a call ended that has no result.
IN_DOUBT = "in doubt"
NEVER = "never"


class Shaky:
    """The scheduler.

    Args:
        url: the server.
        store: looks at its namespace.
    """

    def __init__(self, url: str, store: Store) -> None:
        self._url = url
        self._store = store
        self._ends = contextlib.AsyncExitStack()
        self._proxy: Proxy | None = None
        self._held: list[asyncio.Event] = []
        self.scheduler: Scheduler
        self._monitor: Any = None
        #: Whether anything may be on its way.
        self.is_dirty = False
        #: How often what happened.
        self.counts: Counter[str] = Counter()

    @property
    def has_connections(self) -> bool:
        return self._proxy is not None

    @property
    def is_holding(self) -> bool:
        """Whether bytes are held up."""
        return bool(self._held)

    @property
    def counted(self) -> str:
        """What happened, in words."""
        counts = self.counts
        told = f"{counts['calls']:,} calls of which {counts['given up']:,} were given up"
        if self.has_connections:
            cuts = counts["cut"] + counts["drop"] + counts["refuse"]
            told += f", {counts['in doubt']:,} in doubt, {counts['refused']:,} refused; {cuts:,} cuts"
            told += f", {counts['late copies']:,} late copies"
        return told

    async def open(self) -> None:
        url = self._url
        port = urlsplit(url).port
        if port is not None:
            self._proxy = await self._ends.enter_async_context(Proxy(port))
            url = self._proxy.url
            self._monitor = redis.asyncio.Redis.from_url(self._url)
            self._ends.push_async_callback(self._monitor.aclose)
            for script in scripts.ALL:  # a copy names its script only, and would change nothing where that is not known
                await self._monitor.script_load(script.text)
                await self._monitor.script_load((script.in_order or script).text)
        self.scheduler = Scheduler.from_url(
            f"{url}?name={self._store.name}",
            namespace=self._store.namespace,
            # The embedded engine is never late; only the machine that this runs on is.
            statistics=False,
            operation_timeout_seconds=60 if self._proxy is None else TIMEOUT_SECONDS,
            reconnect_interval_seconds=0.01,
        )
        await surely(self.scheduler.start_task_accept)
        self._ends.push_async_callback(self.scheduler.close)
        sender = self.scheduler._lifespan.require().partitions.master.sender
        evaluate, prefix = sender.evaluate, self._store.keys.reply(b"")

        async def overheard(script: Any, keys: Any, args: Any) -> Any:
            if keys[0].startswith(prefix):
                self._store.in_doubt.add(keys[0].removeprefix(prefix))
            return await evaluate(script, keys, args)

        vars(sender)["evaluate"] = overheard

    async def close(self) -> None:
        await self.calm()
        await self._ends.aclose()

    # What happens

    async def attempt(self, call: Callable[[], Any], patience: After | None) -> Any:
        """The result of a call, whose caller may give up; or how it ended without one."""
        self.is_dirty = True
        self.counts["calls"] += 1
        task = asyncio.ensure_future(call())
        if patience is not None:
            await wait_for(patience, task)
            self.counts["given up"] += not task.done()
            task.cancel()
        _, going_on = await asyncio.wait([task], timeout=_HANGS_AFTER_SECONDS)
        assert not going_on, f"it hangs: {task.get_stack()}"
        try:
            return task.result()
        except asyncio.CancelledError:  # it was cut short on purpose
            return IN_DOUBT
        except OutcomeUnknown:
            self.counts["in doubt"] += 1
            return IN_DOUBT
        except PartitionOffline:
            self.counts["refused"] += 1
            return NEVER

    @contextlib.asynccontextmanager
    async def trouble(self, trouble: Trouble, after: After) -> AsyncIterator[None]:
        """Have a trouble from now on, which is over some time after; it ends with connections as they should be."""
        proxy = self._proxy
        if proxy is None or trouble == "none":
            yield
            return
        self.counts[trouble] += 1
        if trouble == "drop":
            proxy.drop_next(b"EVALSHA")
        if trouble in ("hold", "silence"):
            with contextlib.suppress(StorageError):
                await self.scheduler.task_size()  # so that there is a connection
            self._held.append(proxy.hold_open())

        async def go_on() -> None:
            if trouble == "hold":
                with contextlib.suppress(AssertionError):  # the caller may have given up before anything was sent
                    await until(lambda: proxy.held > 0, 0.02)
            await wait_for(after)
            if trouble == "refuse":
                proxy.refusing = True
            if trouble in ("cut", "refuse"):
                proxy.cut()
            if trouble == "hold":
                proxy.cut_clients()

        going_on = asyncio.ensure_future(go_on())
        try:
            yield
        finally:
            await going_on
            proxy.refusing = False
            proxy.drop_reply = lambda _: False

    async def recover(self) -> None:
        """Wait until calls are taken again."""
        await until(lambda: self.scheduler.online)

    async def calm(self) -> None:
        """Deliver what is held up, cut all connections, and wait until nothing is on its way or under way."""
        if not self.is_dirty:
            return
        await self._deliver_all()
        # A batch goes on when its callers gave up, maybe with a request not sent yet; this call comes after it.
        async with asyncio.timeout(60):
            while self.is_dirty:
                with contextlib.suppress(StorageError):  # not answered in time: other suites keep the processor busy
                    await self.scheduler.remove_task("nobody's")
                    self.is_dirty = False
                await self.recover()
        if self._proxy is not None:
            link = self.scheduler._lifespan.require().partitions.master.link
            in_use = link.client.connection_pool._in_use_connections
            await until(lambda: len(in_use) <= 1)  # the subscription's; whoever else has one keeps it for ever

    async def _deliver_all(self) -> None:
        """Deliver what is held up, cut all connections, and wait until the server has read what came over them."""
        proxy = self._proxy
        if proxy is None:
            return
        self.counts["late copies"] += proxy.held
        for passing in self._held:
            passing.set()
        self._held.clear()
        await until(lambda: proxy.held == 0 and proxy.left == 0)
        proxy.cut()
        await until(self._has_read_all)
        await self.recover()

    async def _has_read_all(self) -> bool:
        proxy = self._proxy
        assert proxy is not None
        ports = {int(about["addr"].rpartition(":")[2]) for about in await self._monitor.client_list()}
        proxy.closed_ports &= ports
        return not proxy.closed_ports and proxy.left == 0

    # What the server does

    @contextlib.asynccontextmanager
    async def watched(self) -> AsyncIterator[Callable[[], Any]]:
        """Watch the server; what this gives tells the moments, in ms, at which scripts asked for the time."""
        if self._monitor is None:
            yield self._from_until(await self._store.now_ms())
            return
        async with self._monitor.monitor() as monitor:

            async def moments() -> list[int]:
                await self._monitor.echo("end")
                found = set()
                while (seen := await monitor.next_command())["command"] != "ECHO end":
                    if seen["client_type"] == "lua" and seen["command"].upper() == "TIME":
                        found.add(int(seen["time"] * 1000))
                return sorted(found)

            yield moments

    def _from_until(self, before: int) -> Callable[[], Any]:
        async def moments() -> list[int]:
            return list(range(before, await self._store.now_ms() + 1))

        return moments


async def wait_for(after: After, task: asyncio.Future[Any] | None = None) -> None:
    """Wait for so long, or until a task is done."""
    unit, number = after
    if unit == "ms":
        # The moment of a fault is drawn, in time.
        await asyncio.wait([task or asyncio.ensure_future(asyncio.sleep(number / 1000))], timeout=number / 1000)
        return
    for _ in range(number):
        if task is not None and task.done():
            break
        await asyncio.sleep(0)  # the moment of a fault is drawn, in turns of the event loop
