"""The subscription of a partition: it receives announcements, and notices when the connection dies.

It is open while the partition is online, in every process: a process that only assigns tasks learns from it, without
any command, that its Redis is gone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import anyio
from redis.exceptions import NoPermissionError

from ...model.wire import whole

#: The beginning of an announcement of hints; the name of a partition comes behind it.
HINTS: Final = b"hints "
#: The beginning of the announcement that a run is cancelled; the token of its claim, a blank and its id come behind it.
CANCEL: Final = b"cancel "
_LONGEST_NOTE: Final = 1024


async def listen(
    client: Any,
    channel: bytes,
    time_out_seconds: float,
    on_due: Callable[[int], None],
    on_hint_waiting: Callable[[bytes], None],
    on_cancel: Callable[[bytes], None],
) -> bool:
    """Pass announced due times on. Ends when the connection dies or stays silent.

    Everybody with the right to publish can send words of any length and form: others than announcements are ignored.

    Args:
        client: the partition's client.
        channel: the channel on which scripts announce due times.
        time_out_seconds: after this time without a message the server gets a PING; after the same time again it counts
            as dead.
        on_due: called with each due time in ms, and with 0 once subscribed, since some may have been missed before.
        on_hint_waiting: called with the name of the partition in each announcement of hints, and with `b""` once
            subscribed.
        on_cancel: called with the token and the id of each announcement that a run is cancelled.

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
                due_ms = whole(data)
                if due_ms is not None:
                    on_due(due_ms)
                elif data.startswith(HINTS) and len(data) <= _LONGEST_NOTE:
                    on_hint_waiting(data.removeprefix(HINTS))
                elif data.startswith(CANCEL) and len(data) <= _LONGEST_NOTE:
                    on_cancel(data.removeprefix(CANCEL))
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
