"""A worker process for the check of locks: clients that acquire, extend and release, each call noted in a history file.

It has a proxy of its own before Redis. One request in so many is lost, or its reply; and every second or so there is an
outage: all connections are cut, or all bytes vanish until calls time out.
"""

from __future__ import annotations

import asyncio
import copy
import hashlib
import itertools
import logging
import math
import os
import random
import signal
import time
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Final, TypeVar

from interval_scheduler import Lock, OutcomeUnknown, PartitionOffline, Scheduler
from interval_scheduler.services.locks import SAFETY_SECONDS
from interval_scheduler.storage.scripts import loader as scripts
from tests.proxy import Proxy
from tests.waiting import surely

from .linearizability import Kind
from .lock_history import HistoryFile

Result = TypeVar("Result")

CLIENTS: Final = 8
LOCKS: Final = 4
#: After so long other names are used: locks may stay held by nobody where an outcome is unknown.
FRESH_NAMES_SECONDS: Final = 0.3
TIME_OUT_SECONDS: Final = 0.4
SHORT_MS: Final = (15, 60, 200)
SAFETY_MS: Final = round(SAFETY_SECONDS * 1000)
PAUSES_SECONDS: Final = (0.0, 0.0, 0.0, 0.001, 0.004, 0.02)

LOSE_ONE_IN: Final = 17
#: A partition that is lost twice within a second is looked for after a delay that grows: outages keep a distance.
FIRST_OUTAGE_SECONDS, NEXT_OUTAGE_SECONDS = 0.3, 1.5

#: Bugs to plant: a piece of the script of locks, and what stands there instead.
BUGS: Final = {
    "unlock-without-compare": ("action == 'r' and holder == token", "action == 'r' and holder"),
    "acquire-without-nx": ("action == 'a' and not holder", "action == 'a'"),
    "extend-without-compare": ("action == 'e' and holder == token", "action == 'e' and holder"),
    "token-from-clients-clock": (
        "results[n] = next_token(fence_key, now_us())",
        "results[n] = digits(now_us() + {skew_us})",
    ),
}


@dataclass(frozen=True)
class Plan:
    """What a worker does.

    Attributes:
        port: of Redis.
        namespace: the same for all workers.
        history: the file to write.
        operations: how many.
        die_after: kill itself at this operation; 0: do not.
        bug: the bug to plant, a name of `BUGS`.
        skew_us: how far the clock of this process is off.
    """

    port: int
    namespace: str
    history: Path
    operations: int
    die_after: int = 0
    bug: str | None = None
    skew_us: int = 0


def plant(bug: str, skew_us: int) -> None:
    """Replace the script of locks of this process by one with a bug."""
    piece, wrong = BUGS[bug]
    if scripts.LOCK.text.count(piece) != 1:
        raise ValueError(f"{piece!r} does not stand exactly once in lock.lua")
    text = scripts.LOCK.text.replace(piece, wrong.format(skew_us=skew_us))
    planted = copy.copy(scripts.LOCK)
    planted.text, planted.sha = text, hashlib.sha1(text.encode()).hexdigest()
    vars(scripts)["LOCK"] = planted


class Faults:
    """What goes wrong between this process and Redis, from `start` to `stop`; and the end of the process."""

    def __init__(self, proxy: Proxy, die_after: int) -> None:
        self._proxy = proxy
        self._die_after = die_after
        self._marker = scripts.LOCK.sha.encode()
        self._requests = self._operations = 0
        self._outages = itertools.cycle((self._vanish, self._proxy.cut, self._vanish_unsent))
        self._outage_at = math.inf

    def start(self) -> None:
        self._outage_at = time.monotonic() + FIRST_OUTAGE_SECONDS
        self._proxy.drop_reply = self._at_request

    def stop(self) -> None:
        self._outage_at = math.inf
        self._proxy.drop_reply = lambda _: False
        self.heal()

    def heal(self) -> None:
        """Let bytes pass again. Those that vanished lack, so that the connections are of no use."""
        if self._proxy.swallowing:
            self._proxy.swallowing = False
            self._proxy.cut()

    def at_operation(self) -> None:
        """An operation was noted and is about to be sent."""
        self._operations += 1
        if self._operations == self._die_after:
            os.kill(os.getpid(), signal.SIGKILL)

    def _at_request(self, request: bytes) -> bool:
        if self._marker not in request:
            return False
        if time.monotonic() > self._outage_at:
            self._outage_at = time.monotonic() + NEXT_OUTAGE_SECONDS
            next(self._outages)()
        self._requests += 1
        if self._requests % (2 * LOSE_ONE_IN) == 0:
            raise ConnectionAbortedError  # the request does not arrive
        return self._requests % LOSE_ONE_IN == 0

    def _vanish(self) -> None:
        """This request arrives yet, its reply does not."""
        self._proxy.swallowing = True

    def _vanish_unsent(self) -> None:
        self._proxy.swallowing = True
        raise ConnectionAbortedError


class Clients:
    """What the clients of this process share.

    Args:
        scheduler: connected.
        history: where each operation is noted.
        faults: told of each operation.
        operations: after so many the clients end.
    """

    def __init__(self, scheduler: Scheduler, history: HistoryFile, faults: Faults, operations: int) -> None:
        self._scheduler = scheduler
        self._connection = scheduler._lifespan.require()
        self._history = history
        self._faults = faults
        self._operations = operations
        self._random = random.Random()
        #: The last tokens of a lock, also used by clients that did not acquire it.
        self._tokens: defaultdict[str, deque[int]] = defaultdict(lambda: deque(maxlen=4))

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            for _ in range(CLIENTS):
                group.create_task(self._client())

    async def _client(self) -> None:
        turns = (self._hold, self._hold_shortly, self._meddle, self._forget)
        while self._history.count < self._operations:
            lock = f"{self._random.randrange(LOCKS)}-{int(time.monotonic() / FRESH_NAMES_SECONDS)}"
            (turn,) = self._random.choices(turns, (2, 3, 3, 1))
            await turn(lock)
            await self._pause()

    async def _hold(self, lock: str) -> None:
        """As long as it takes, and no longer."""
        held = await self._operate("acquire", lock, None, SAFETY_MS, lambda: self._scheduler.try_lock(lock))
        if held is not None:
            self._tokens[lock].append(held.token)
            await self._pause()
            await self._release(held)
            if self._random.random() < 0.3:
                await self._release(held)

    async def _hold_shortly(self, lock: str) -> None:
        """For a time that may be over before the holder is done; extended now and then."""
        ttl_ms = self._random.choice(SHORT_MS)
        call = lambda: self._connection.locks.acquire(lock, ttl_ms / 1000)  # noqa: E731
        held = await self._operate("acquire", lock, None, ttl_ms, call)
        if held is None:
            return
        self._tokens[lock].append(held.token)
        for _ in range(self._random.randrange(3)):
            await self._pause()
            await self._extend(held)
        if self._random.random() < 0.2:
            await asyncio.sleep(1.1 * ttl_ms / 1000)  # the holder is late: its lock is over
        await self._release(held)

    async def _forget(self, lock: str) -> None:
        """For a short time, without ever learning the token."""
        ttl_ms = self._random.choice(SHORT_MS)
        call = lambda: self._scheduler.try_auto_lock(lock, ttl_ms / 1000)  # noqa: E731
        await self._operate("acquire", lock, None, ttl_ms, call)

    async def _meddle(self, lock: str) -> None:
        """Extend or release with a token of before, which may still be the holder's."""
        if tokens := self._tokens[lock]:
            held = Lock(lock, self._random.choice(tokens))
            await (self._extend(held) if self._random.random() < 0.5 else self._release(held))

    async def _extend(self, held: Lock) -> None:
        ttl_ms = self._random.choice(SHORT_MS)
        call = lambda: self._connection.locks.extend(held, ttl_ms)  # noqa: E731
        await self._operate("extend", held.name, held.token, ttl_ms, call)

    async def _release(self, held: Lock) -> None:
        await self._operate("release", held.name, held.token, 0, lambda: self._scheduler.unlock(held))

    async def _operate(
        self, kind: Kind, lock: str, token: int | None, ttl_ms: int, call: Callable[[], Awaitable[Result]]
    ) -> Result | None:
        """Carry out an operation and note it: its result, `None` if that is not known or it was not sent."""
        number = self._history.begin(kind, lock, token, ttl_ms)
        self._faults.at_operation()
        try:
            result = await call()
        except OutcomeUnknown:  # the history has it as in doubt
            self._faults.heal()
            return None
        except PartitionOffline:
            self._history.refuse(number)
            self._faults.heal()
            await self._connection.partitions.master.wait_online()
            return None
        self._history.end(number, done=bool(result), token=result.token if isinstance(result, Lock) else None)
        return result

    async def _pause(self) -> None:
        # As long as one works with a lock, or waits for the next.
        await asyncio.sleep(self._random.choice(PAUSES_SECONDS))


async def _work(plan: Plan, together: Barrier | None) -> None:
    async with Proxy(plan.port) as proxy:
        scheduler = Scheduler.from_url(
            f"{proxy.url}?name=master",
            namespace=plan.namespace,
            operation_timeout_seconds=TIME_OUT_SECONDS,
            reconnect_interval_seconds=0.05,
        )
        await surely(scheduler.start_task_accept)
        if together is not None:
            await asyncio.to_thread(together.wait, 60)
        faults = Faults(proxy, plan.die_after)
        with open(plan.history, "w", buffering=1) as file:  # noqa: ASYNC230, PTH123 - written at once, line by line
            faults.start()
            await Clients(scheduler, HistoryFile(file), faults, plan.operations).run()
            faults.stop()
        await scheduler.close()


def work(plan: Plan, together: Barrier | None) -> None:
    """Carry a plan out, in a process of its own; begins when all parties of the barrier are connected."""
    logging.getLogger("interval_scheduler").setLevel(logging.ERROR)  # outages are meant
    if plan.bug:
        plant(plan.bug, plan.skew_us)
    asyncio.run(_work(plan, together))
