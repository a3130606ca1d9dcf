"""Scripts whose writes shall be on replicas too before their reply counts.

::

    EVALSHA ... ──▶ PEXPIRE reply ──▶ WAIT      in one round trip, on one connection

`WAIT` is about the writes of its own connection. So it goes out on that of the script; and between them stands a write
that always happens: a repeated request gets the remembered reply and writes nothing, perhaps on another connection than
the one on which it was carried out, and `WAIT` would then have nothing to wait for. What a replica has of the later
write it has of all before it.
"""

from __future__ import annotations

from typing import Any, Final

from redis.exceptions import ConnectionError as RedisConnectionError

from .failures import is_lost

#: As long as the scripts keep a reply (`_prelude.lua`).
REPLY_KEPT_MS: Final = 600_000
#: The share of the reply time-out kept back for the reply itself, at least `_SPARED_SECONDS`; WAIT gets the rest.
#: The answer must come in time as well, and Redis looks for waits that are over only every tenth of a second.
_SPARED_SHARE: Final = 0.2
_SPARED_SECONDS: Final = 0.2


async def send_replicated(
    client: Any, reply_key: bytes, replicas: int, seconds: float, *command: Any
) -> tuple[Any, int]:
    """Send a state-changing script: its reply, and how many replicas had in time what it wrote.

    Args:
        client: the client of the partition.
        reply_key: where the script keeps its reply.
        replicas: how many replicas are waited for.
        seconds: how long Redis has to answer.
        *command: what runs the script.

    Raises:
        RedisError: as the client raises it, that of the script first.
    """
    wait_seconds = max(seconds - max(_SPARED_SHARE * seconds, _SPARED_SECONDS), seconds / 2)
    pipeline = client.pipeline(transaction=False)
    pipeline.execute_command(*command)
    pipeline.execute_command("PEXPIRE", reply_key, REPLY_KEPT_MS)
    pipeline.execute_command("WAIT", replicas, max(1, round(1000 * wait_seconds)))
    reply, touched, acknowledged = await pipeline.execute(raise_on_error=False)
    if isinstance(reply, Exception):
        raise reply
    for answer in (touched, acknowledged):
        if isinstance(answer, Exception):
            if is_lost(answer):
                raise answer
            if _is_demoted(answer):
                raise RedisConnectionError("the server became a replica") from answer
            return reply, 0
    return reply, acknowledged


def _is_demoted(error: Exception) -> bool:
    """Tell if the server became a replica before it had waited for its replicas."""
    return str(error).startswith("UNBLOCKED") or "cannot be used with replica" in str(error)
