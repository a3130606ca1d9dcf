"""Bugs that tests plant into the client, and below it."""

from __future__ import annotations

import asyncio
from typing import Any, NamedTuple

import hiredis
import pytest
from redis._parsers import _AsyncHiredisParser
from redis.asyncio import Connection, ConnectionPool
from redis.asyncio.client import PubSub
from redis.asyncio.connection import AbstractConnection

from interval_scheduler import Scheduler
from interval_scheduler.support.guests import leaves


class Layer(NamedTuple):
    """A place in the client at which a bug is planted."""

    owner: Any
    name: str


CONNECT = Layer(Connection, "_connect")
HANDSHAKE = Layer(AbstractConnection, "on_connect_check_health")
PACK = Layer(hiredis, "pack_command")
READ = Layer(AbstractConnection, "read_response")
PARSE = Layer(_AsyncHiredisParser, "read_response")
POOL = Layer(ConnectionPool, "ensure_connection")
MAKE = Layer(ConnectionPool, "make_connection")
MESSAGE = Layer(PubSub, "get_message")
SUBSCRIBE = Layer(PubSub, "subscribe")


def _is_in_subscription() -> bool:
    task = asyncio.current_task()
    return task is not None and task.get_name() == "interval_scheduler subscription"


class Bug:
    """Has a function raise an error, once or until the patch is undone; the traceback has the name of this one.

    One that is raised once is for a call: a subscription that reads at the same moment does not meet it.
    """

    def __init__(self, patched: pytest.MonkeyPatch, layer: Layer, error: Exception, *, once: bool = False) -> None:
        self.error = error
        self.reached = 0
        whole = getattr(layer.owner, layer.name)

        def the_bug(*args: Any, **rest: Any) -> Any:
            if once and _is_in_subscription():
                return whole(*args, **rest)
            self.reached += 1
            if once:
                patched.setattr(layer.owner, layer.name, whole)
            raise error

        patched.setattr(layer.owner, layer.name, the_bug)

    def is_all_of(self, told: BaseException | None) -> bool:
        """Whether it is the error itself, or the only one in a group; several may have met it at once."""
        return told is not None and all(self.is_told_by(each) for each in leaves(told))

    def is_told_by(self, told: BaseException | None) -> bool:
        """Whether it is the error itself, from where it was raised."""
        names = []
        trace = self.error.__traceback__
        while trace is not None:
            names.append(trace.tb_frame.f_code.co_name)
            trace = trace.tb_next
        return told is self.error and names[-1] == "the_bug"


async def connecting(url: str) -> BaseException:
    """What the first connect raises."""
    scheduler = Scheduler.from_url(url, connect_timeout_seconds=10)
    async with asyncio.timeout(60):
        try:
            with pytest.raises(Exception) as caught:
                await scheduler.connect()
        finally:
            await scheduler.close()
    return caught.value
