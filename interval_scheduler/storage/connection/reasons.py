"""Explains in words for which reason a server cannot be reached, and names the remedy. Pure.

The words of the operating system and of the resolver are shown. The text of an error is not: it has the address in it,
in one form or another, and a server may write into it whatever it likes.
"""

from __future__ import annotations

import errno
import os
import re
import socket
from collections.abc import Iterable
from typing import Final, NamedTuple

from redis.exceptions import BusyLoadingError, RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError

from .tls import chain, mix_up


class Reason(NamedTuple):
    """A reason: for programs (as `PartitionOffline.reason`), and in words."""

    code: str | None
    words: str


_LOADING: Final = Reason("loading", "it loads its data into memory after a start, and will be back by itself")
_CLIENTS: Final = Reason(
    "clients", "max number of clients reached: raise its maxclients, or close connections of others"
)
_PROTECTED: Final = Reason(
    "protected",
    "it is in protected mode, which refuses other machines while it has no password: give it one (requirepass, ACL)",
)
_SILENT: Final = Reason("timeout", "did not answer in time")
_NO_CONNECTION: Final = Reason(
    "timeout",
    "did not answer in time, no connection was made: look at host, port, firewalls, and if one side alone speaks TLS",
)
_BAD_NAME: Final = Reason("name", "the name of its host cannot be one: look at the host")
_OF_SYSTEM: Final = {
    errno.ECONNREFUSED: ("refused", "nothing listens there, so start the server, or look at host and port"),
    errno.EHOSTUNREACH: ("unreachable", "look at host, routes and firewalls"),
    errno.ENETUNREACH: ("unreachable", "look at host, routes and firewalls"),
    errno.EHOSTDOWN: ("unreachable", "look at host, routes and firewalls"),
    errno.ETIMEDOUT: ("timeout", "look at host and port, and at firewalls on the way"),
    errno.ECONNRESET: ("closed", "look at its log"),
    errno.EPIPE: ("closed", "look at its log"),
    errno.ENOENT: ("socket", "the socket is not there, so start the server, or look at the path"),
    errno.EACCES: ("socket", "this user may not use it, so look at its owner and its mode"),
    errno.EPERM: ("unreachable", "a firewall of this machine forbids it"),
    errno.EMFILE: ("system", "this process has too many open files, so raise its limit (ulimit -n)"),
    errno.ENFILE: ("system", "this machine has too many open files"),
    errno.EADDRNOTAVAIL: ("system", "this machine has no such address, or no free port"),
}
#: asyncio joins the errors of several addresses into one text.
_ERRNO: Final = re.compile(r"\[Errno (\d{1,4})\]")


def reason_of(error: BaseException) -> Reason:
    """Explain an error that arises if a server cannot be reached."""
    links = list(chain(error))
    return _of_client(error) or _of_name(links) or _of_protocol(error) or _of_system(links) or _unknown(error)


def _of_client(error: BaseException) -> Reason | None:
    """Explain an error that the client, or the server in its first words, tells by itself."""
    if isinstance(error, BusyLoadingError):
        return _LOADING
    if isinstance(error, RedisTimeoutError):
        return _NO_CONNECTION if "connecting" in str(error) else _SILENT
    if isinstance(error, RedisError) and "max number of clients" in str(error):
        return _CLIENTS
    return _PROTECTED if is_turned_away(error) else None


def _of_name(links: Iterable[BaseException]) -> Reason | None:
    for link in links:
        if isinstance(link, socket.gaierror):
            words = link.strerror or f"error {link.errno}"
            return Reason("name", f"the name of its host is not found: {words}: look at the host, and at DNS")
        if isinstance(link, UnicodeError):
            return _BAD_NAME
    return None


def _of_protocol(error: BaseException) -> Reason | None:
    words = mix_up(error)
    return Reason("protocol", words) if words else None


def _of_system(links: Iterable[BaseException]) -> Reason | None:
    for link in links:
        if isinstance(link, OSError) and (number := _errno(link)) is not None:
            code, advice = _OF_SYSTEM.get(number, ("system", ""))
            return Reason(code, f"{os.strerror(number)}, errno {number}" + (f": {advice}" if advice else ""))
        if isinstance(link, TimeoutError):
            return _SILENT
    return None


def _unknown(error: BaseException) -> Reason:
    return Reason(None, type(error).__name__)


def is_turned_away(error: BaseException) -> bool:
    """Tell if the server refuses every connection from this machine: it is in protected mode."""
    return isinstance(error, RedisError) and "DENIED" in str(error) and "protected mode" in str(error)


def _errno(error: OSError) -> int | None:
    if error.errno is not None:
        return error.errno
    found = _ERRNO.search(str(error))
    return int(found[1]) if found else None
