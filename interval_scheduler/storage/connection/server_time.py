"""The time of a server, for the decisions that scripts cannot make themselves."""

from __future__ import annotations

import math
from typing import Any, Final

from ...support import clock
from .failures import FAILED, translate

#: The time for which the last answer is used, together with the monotonic clock.
_ASK_TIME_SECONDS: Final = 60.0


class ServerTime:
    """The time of a server, asked once a minute and counted on with the monotonic clock in between.

    Args:
        partition: the name of the partition, for errors.
        client: its client.
    """

    def __init__(self, partition: str, client: Any) -> None:
        self._partition = partition
        # Any: redis-py's annotations mix its synchronous and asynchronous replies.
        self._client = client
        #: The server's clock minus the monotonic one, in seconds, and the moment at which it was measured.
        self._ahead = 0.0
        self._asked_at = -math.inf

    async def now_ms(self) -> int:
        """Return about the server's time in epoch ms; ask the server at most once a minute."""
        if clock.monotonic() - self._asked_at > _ASK_TIME_SECONDS:
            try:
                seconds, micros = await self._client.time()
            except FAILED as error:
                raise translate(self._partition, error) from None
            self._asked_at = clock.monotonic()
            self._ahead = seconds + micros / 1e6 - self._asked_at
        return int(1000 * (self._ahead + clock.monotonic()))
