"""The ear of a partition: it listens while the partition is online, and notices when the connection is lost."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from ...support.broadcast import Broadcast
from ...support.log import Log
from ..connection.diagnosis import subscribe_refused
from ..connection.failures import FAILED
from ..connection.link import Link
from ..connection.subscription import ping


class Ear:
    """Listens to the announcements of a partition.

    Args:
        name: the name of the partition.
        channel: the channel of its announcements.
        link: the link to its server.
        time_out_seconds: the time between two checks that a server is there which refuses subscriptions.
        log: the log.
        warns: True to warn if the server refuses; False for a scheduler that only looks.
    """

    def __init__(
        self, name: str, channel: bytes, link: Link, time_out_seconds: float, log: Log, *, warns: bool
    ) -> None:
        self._name = name
        self._channel = channel
        self._link = link
        self._time_out_seconds = time_out_seconds
        self._log = log
        self._tell_refusal = log.warning if warns else log.debug
        #: True if the server refused SUBSCRIBE; then nearer tasks are noticed only by polling.
        self.is_refused = False
        #: Tells of each run that is said to be cancelled: the token of its claim, a blank, and its id.
        self.cancels: Final[Broadcast[bytes]] = Broadcast()

    async def listen(self, on_due: Callable[[int], None], on_hint_waiting: Callable[[bytes], None]) -> None:
        """Listen until the connection is lost; see `Subscription.listen`."""
        try:
            self.is_refused = False
            listeners = (on_due, on_hint_waiting, self.cancels.tell)
            if not await self._link.subscription.listen(self._channel, *listeners):
                self.is_refused = True
                self._tell_refusal("%s", subscribe_refused(self._name, self._channel).message)
                await ping(self._link.client, self._time_out_seconds)
        except FAILED as error:
            self._log.debug("partition %s: the connection was lost: %s", self._name, type(error).__name__)
