"""Notices jumps of a server's clock, from what its replies tell of it. Pure."""

from __future__ import annotations

from typing import Final

#: Clocks that are put right little by little move far less than this between two looks; seconds.
_JUMP: Final = 1.0


class ClockJumps:
    """Compares a server's clock with the monotonic one, from reply to reply.

    The server read its clock at some moment between request and reply. So each reply says of the difference of the
    clocks that it lies between two values; where that of the reply before cannot be true any more, the clock jumped.
    """

    def __init__(self) -> None:
        self._least: float | None = None
        self._most = 0.0

    def note(self, server_now: float, sent_at: float, received_at: float) -> float:
        """Return the seconds by which the clock jumped at the least since the reply before; 0.0 if it did not.

        Args:
            server_now: what the server said, epoch seconds.
            sent_at: when the request was sent, monotonic seconds.
            received_at: when the reply came, monotonic seconds.
        """
        least, most = server_now - received_at, server_now - sent_at
        jump = 0.0
        if self._least is not None:
            if least > self._most + _JUMP:
                jump = least - self._most
            elif most < self._least - _JUMP:
                jump = most - self._least
        self._least, self._most = least, most
        return jump
