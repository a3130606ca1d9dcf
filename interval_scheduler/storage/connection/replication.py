"""Sends scripts whose writes must be on replicas too before their reply counts.

::

    EVALSHA ... ──▶ PEXPIRE reply ──▶ WAIT      in one round trip, on one connection

`WAIT` waits for the writes of its own connection, so it is sent on the connection of the script. `PEXPIRE` stands
between them because it always writes. A repeated request gets the remembered reply and writes nothing, perhaps on
another connection than the one on which it was carried out; `WAIT` alone would then have nothing to wait for. A replica
that has the later write has all writes before it.
"""

from __future__ import annotations

from typing import Any, Final

from redis.exceptions import ConnectionError as RedisConnectionError

from .failures import is_lost

#: The time for which the scripts keep a reply (`_requests.lua`).
REPLY_KEPT_MS: Final = 600_000
#: The share of the reply time-out kept back for the reply itself, at least `_SPARED_SECONDS`; WAIT gets the rest.
#: The answer must come in time as well, and Redis ends a WAIT only at its next check, every tenth of a second.
_SPARED_SHARE: Final = 0.2
_SPARED_SECONDS: Final = 0.2


async def send_replicated(
    client: Any, reply_key: bytes, replicas: int, seconds: float, *command: Any
) -> tuple[Any, int]:
    """Send a state-changing script. Return its reply, and the number of replicas that had its writes in time.

    Args:
        client: the client of the partition.
        reply_key: the key under which the script keeps its reply.
        replicas: the number of replicas to wait for.
        seconds: the reply time-out.
        *command: the command that runs the script.

    Raises:
        RedisError: the client's error; the script's own error first.
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
