"""Scripts on their way to a partition: once as they are, or again until they are answered."""

from __future__ import annotations

import functools
import random
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import anyio
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import NoScriptError
from redis.exceptions import TimeoutError as RedisTimeoutError

from ...config.options import StorageOptions
from ...errors import OutcomeUnknown, PartitionOffline
from ...support import clock
from ..connection.failures import FAILED, is_busy, is_gone, is_list_changed, is_lost, translate
from ..connection.replication import send_replicated
from ..scripts.loader import Script
from ..scripts.ports import Argument, Reachable

Send = Callable[..., Awaitable[Any]]


class Sending:
    """Sends the scripts for a partition, and tells it what that says of its state.

    Args:
        partition: the partition.
        storage: the options.
        client: its client.
    """

    def __init__(self, partition: Reachable, storage: StorageOptions, client: Any) -> None:
        self._partition = partition
        self._storage = storage
        # Any: redis-py's annotations mix its synchronous and asynchronous replies.
        self._client = client

    async def evaluate(self, script: Script, keys: Sequence[bytes], args: Sequence[Argument]) -> Any:
        """Run a script once, as it is; raises the client's errors."""
        return await self._evaluate_by(self._client.execute_command, script, keys, args)

    async def _evaluate_by(self, send: Send, script: Script, keys: Sequence[bytes], args: Sequence[Argument]) -> Any:
        try:
            return await send("EVALSHA", script.sha, len(keys), *keys, *args)
        except NoScriptError:
            return await send("EVAL", script.text, len(keys), *keys, *args)

    async def read(self, script: Script, keys: Sequence[bytes], args: Sequence[Argument]) -> Any:
        """Run a script that changes nothing; waits as long as `operation_timeout_seconds` for a lost partition."""
        return await self.change(script, keys, args)

    async def change(self, script: Script, keys: Sequence[bytes], args: Sequence[Argument]) -> Any:
        """The same for one that changes something, and nothing more if it is repeated by whomsoever."""
        self._partition.require_online()
        try:
            return await self.request(script, keys, args, self._storage.operation_timeout_seconds)
        except OutcomeUnknown:
            raise PartitionOffline(self._partition.name, "did not answer in time: try again later") from None

    async def request(
        self,
        script: Script,
        keys: Sequence[bytes],
        args: Sequence[Argument],
        patience_seconds: float,
        replicas: int = 0,
    ) -> Any:
        """Run a script that may safely be sent again, until it is answered or patience ends.

        With `replicas`, so many are waited for: its reply, and how many had in time what it wrote.

        Raises:
            OutcomeUnknown: patience ended.
            StorageError: Redis refused; nothing was changed.
        """
        give_up_at = clock.monotonic() + patience_seconds
        failures = 0
        evaluate = self._partition.evaluate
        if replicas:
            seconds = self._storage.operation_timeout_seconds
            send = functools.partial(send_replicated, self._client, keys[0], replicas, seconds)
            evaluate = functools.partial(self._evaluate_by, send)
        while True:
            try:
                return await evaluate(script, keys, args)
            except FAILED as error:
                failures += 1
                lost = is_lost(error)
                if is_list_changed(error):
                    await self._partition.leave_for_good()
                if not lost and not is_busy(error):
                    raise translate(self._partition.name, error) from None
                if isinstance(error, RedisTimeoutError) or is_gone(error):
                    # It had its time, or cannot do it. What gathered meanwhile must not wait as long again.
                    self._partition.go_offline()
                # One connection may be stale, for example after a restart; a new one that fails too says more.
                if lost and (failures > 1 or not isinstance(error, RedisConnectionError)):
                    self._partition.report_lost()
            if clock.monotonic() >= give_up_at or self._partition.state == "closed":
                raise OutcomeUnknown(self._partition.name)
            if failures > 1:
                await anyio.sleep(random.uniform(0.01, 0.05) * min(failures, 10))
            with anyio.move_on_after(give_up_at - clock.monotonic()):
                await self._partition.wait_online()
