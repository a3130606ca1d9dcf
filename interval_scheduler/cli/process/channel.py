"""The end of a socket that a worker process has; the supervisor holds the other one, and nobody else does.

So the end of what comes through it is the end of the supervisor, however that came about.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
from collections.abc import Iterator
from typing import Any

from .spec import line_of


class Channel:
    """Messages to the supervisor, and from it.

    Args:
        descriptor: the number of the open socket.
    """

    def __init__(self, descriptor: int) -> None:
        os.set_inheritable(descriptor, False)  # noqa: FBT003 - it has no name
        self._socket = socket.socket(fileno=descriptor)
        self._file = self._socket.makefile("rb")

    def messages(self) -> Iterator[dict[str, Any]]:
        """Wait for each message in turn, until the supervisor is gone."""
        with contextlib.suppress(OSError, ValueError):  # a reset is an end too, and so is half a line
            for line in self._file:
                yield json.loads(line)

    def tell(self, message: dict[str, Any]) -> None:
        """Send a message; nothing happens if the supervisor is gone, which `messages` tells."""
        with contextlib.suppress(OSError):
            self._socket.sendall(line_of(message))
