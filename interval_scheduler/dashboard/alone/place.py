"""The address that the dashboard listens at, and the names that it is known by there."""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from ...cli.frame.exits import CONFIGURATION, USAGE, Ended

_LOOPBACK: Final = ("localhost", "127.0.0.1", "[::1]")
_WAITING: Final = 128
_ROOT: Final = re.compile(r"(?:/[A-Za-z0-9._~-]+)*")


@dataclass(frozen=True)
class Place:
    """An address to listen at.

    Attributes:
        family: the family of addresses.
        address: the address, without a name.
        host: how a URL names it, with brackets around an address of IPv6.
        port: the port; 0 for any that is free.
    """

    family: socket.AddressFamily
    address: str
    host: str
    port: int

    @property
    def is_loopback(self) -> bool:
        """True if only programs of this machine reach it."""
        return ipaddress.ip_address(self.address).is_loopback

    @property
    def names(self) -> tuple[str, ...]:
        """The names that it is known by; at an address that stands for all, the machine's own."""
        own = (socket.gethostname(),) if self.is_everywhere else (self.host,)
        return (*_LOOPBACK, *own)

    @property
    def is_everywhere(self) -> bool:
        """True if it stands for all addresses of this machine."""
        return ipaddress.ip_address(self.address).is_unspecified


def place_at(host: str, port: int) -> Place:
    """Look an address up.

    Raises:
        Ended: there is no such host.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM) if host else []
    except (OSError, UnicodeError) as error:
        problem = error.strerror if isinstance(error, OSError) else "it cannot be a name"
        raise Ended(CONFIGURATION, f"--host {host!r}: {problem}") from error
    if not found:
        raise Ended(USAGE, "--host must name a host")
    family, _, _, _, where = found[0]
    address = str(where[0]).partition("%")[0]
    return Place(family, address, f"[{host}]" if ":" in host else host, port)


@contextmanager
def listening(place: Place) -> Iterator[socket.socket]:
    """Listen for the length of a block.

    Yields:
        The socket.

    Raises:
        Ended: nobody can listen there.
    """
    try:
        listener = socket.create_server((place.address, place.port), family=place.family, backlog=_WAITING)
    except OSError as error:
        problem = error.strerror or str(error)
        raise Ended(CONFIGURATION, f"--host {place.host} --port {place.port}: {problem}") from error
    with listener:
        yield listener


def checked_root(root: str, taken: Collection[str]) -> str:
    """Check the path under which a proxy shows the dashboard, and return it without a slash at its end.

    Args:
        root: the path.
        taken: names that the last one of the path must not be: a path that begins with it would mean two things.

    Raises:
        Ended: it cannot be such a path.
    """
    bare = root.rstrip("/")
    if _ROOT.fullmatch(bare) is None or "/.." in bare or "/./" in f"{bare}/":
        raise Ended(USAGE, f"--root-path must be a path such as /ops/schedule, not {root!r}")
    if bare.rpartition("/")[2] in taken:
        raise Ended(USAGE, f"--root-path must not end with the name of a page, as {root!r} does")
    return bare
