"""The subscription of a partition: it receives announcements, and notices when the connection dies.

It is open while the partition is online, in every process: a process that only assigns tasks learns from it, without
any command, that its Redis is gone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import anyio
from redis.exceptions import NoPermissionError


async def listen(
    client: Any,
    channel: bytes,
    time_out_seconds: float,
    on_due: Callable[[int], None],
    on_hint_waiting: Callable[[bytes], None],
) -> bool:
    """Pass announced due times on. Ends when the connection dies or stays silent.

    Args:
        client: the partition's client.
        channel: the channel on which scripts announce due times.
        time_out_seconds: after this time without a message the server gets a PING; after the same time again it counts
            as dead.
        on_due: called with each due time in ms, and with 0 once subscribed, since some may have been missed before.
        on_hint_waiting: called with each other announcement, and with `b""` once subscribed.

    Returns:
        False if this user may not subscribe.

    Raises:
        RedisError: the connection was lost.
    """
    pubsub = client.pubsub()
    try:
        await pubsub.subscribe(channel)
        silent = False
        while True:
            message = await pubsub.get_message(timeout=time_out_seconds)
            if message is None:
                if silent:
                    return True
                silent = True
                await pubsub.ping()
                continue
            silent = False
            if message["type"] == "subscribe":
                on_due(0)
                on_hint_waiting(b"")
            elif message["type"] == "message":
                data: bytes = message["data"]
                if data.isdigit():
                    on_due(int(data))
                else:
                    on_hint_waiting(data)
    except NoPermissionError:
        return False
    finally:
        with anyio.CancelScope(shield=True), anyio.move_on_after(1):
            await pubsub.aclose()


async def ping(client: Any, time_out_seconds: float) -> None:
    """Ping the server from time to time, for a user that may not subscribe. Ends with the client's error."""
    while True:
        await anyio.sleep(time_out_seconds)
        await client.ping()
