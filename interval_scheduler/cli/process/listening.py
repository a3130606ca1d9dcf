"""The address at which health is told: a port of loopback, another address that is asked for, or a unix socket."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import socket
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from ..frame.exits import CONFIGURATION, Ended

_LOOPBACK: Final = "127.0.0.1"
_HOST_AND_PORT: Final = re.compile(r"(?:(?:\[(?P<six>[^\]]+)\]|(?P<host>[^:\[\]]+)):)?(?P<port>\d{1,5})")
_UNIX: Final = "unix:"
#: A unix socket that nobody but this user may open.
_OWN_ONLY: Final = 0o177
_WAITING: Final = 64


@contextmanager
def listening(address: str) -> Iterator[socket.socket]:
    """Listen for the length of a block.

    Args:
        address: a port, on loopback then; `HOST:PORT`; or `unix:PATH`, with mode 0600.

    Yields:
        The socket.

    Raises:
        Ended: it is no address, or cannot be listened at.
    """
    try:
        with _unix(address.removeprefix(_UNIX)) if address.startswith(_UNIX) else _tcp(address) as listener:
            listener.setblocking(False)  # noqa: FBT003 - it has no name
            yield listener
    except OSError as error:
        raise Ended(CONFIGURATION, f"--health {address}: {error.strerror or error}") from error


@contextmanager
def _tcp(address: str) -> Iterator[socket.socket]:
    found = _HOST_AND_PORT.fullmatch(address)
    if found is None or not 0 < int(found["port"]) < 65_536:
        raise Ended(CONFIGURATION, f"--health {address}: it must be PORT, HOST:PORT or unix:PATH")
    host = found["six"] or found["host"] or _LOOPBACK
    try:
        host.encode("idna")
    except UnicodeError:
        raise Ended(CONFIGURATION, f"--health {address!r}: the name of its host cannot be one") from None
    family = socket.AF_INET6 if found["six"] else socket.AF_INET
    with socket.create_server((host, int(found["port"])), family=family, backlog=_WAITING) as listener:
        yield listener


@contextmanager
def _unix(path: str) -> Iterator[socket.socket]:
    _remove_stale(path)
    with socket.socket(socket.AF_UNIX) as listener:
        before = os.umask(_OWN_ONLY)
        try:
            listener.bind(path)
        finally:
            os.umask(before)
        own = os.stat(path).st_ino  # noqa: PTH116 - an address, and no path to work with
        try:
            listener.listen(_WAITING)
            yield listener
        finally:
            with contextlib.suppress(FileNotFoundError):  # somebody has removed it
                if os.stat(path).st_ino == own:  # noqa: PTH116 - likewise
                    Path(path).unlink()


def _remove_stale(path: str) -> None:
    """Remove the socket of a process that was killed. Nothing else is removed: binding fails then."""
    try:
        if not stat.S_ISSOCK(os.stat(path).st_mode):  # noqa: PTH116 - likewise
            return
    except FileNotFoundError:
        return
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(1)
        problem = probe.connect_ex(path)
    if problem == errno.ECONNREFUSED:
        Path(path).unlink()
