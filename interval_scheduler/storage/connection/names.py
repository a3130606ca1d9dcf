"""Looks the names of hosts up, in threads of our own, and remembers their addresses.

::

    asked ──▶ a thread looks up ──found──▶ its addresses, remembered
                 │
                 └─ takes long, or fails for now ──▶ the addresses that are remembered

The event loop looks names up in its default threads. Blocking code of the application may fill these for as long as it
likes (`asyncio.to_thread`), and a lost connection could not be opened again meanwhile. So each look-up has a thread of
its own, which ends with it: there is none while nothing is looked up, and none for the address of a host. One name is
looked up once at a time in a process, however many ask. The threads are daemons, so a resolver that hangs does not keep
the interpreter from its end.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import threading
from concurrent.futures import Future
from typing import Final

#: The time to wait for a look-up if addresses are remembered, seconds.
PATIENCE_SECONDS: Final = 1.0
#: The most names whose addresses are remembered.
_MOST_NAMES: Final = 1000
#: The errors of a resolver that says for sure that there is no such name; the others may pass.
_FINAL_ERRORS: Final = frozenset(
    getattr(socket, name) for name in ("EAI_NONAME", "EAI_NODATA", "EAI_ADDRFAMILY") if hasattr(socket, name)
)

Addresses = tuple[str, ...]


class Names:
    """Looks names up. All event loops of a process may share one object.

    Args:
        patience_seconds: the time to wait for a look-up if addresses are remembered. Default 1.
    """

    def __init__(self, patience_seconds: float = PATIENCE_SECONDS) -> None:
        self._patience_seconds: Final = patience_seconds
        self._lock: Final = threading.Lock()
        self._running: Final[dict[str, Future[Addresses]]] = {}
        self._known: Final[dict[str, Addresses]] = {}

    async def addresses(self, host: str) -> Addresses:
        """Return the addresses of a host, the one to try first at the beginning; an address is returned as it is.

        Raises:
            OSError: the resolver finds no address, and none is remembered; its cause is a `UnicodeError` if the host
                cannot be a name.
        """
        if is_address(host):
            return (host,)
        known = self._known.get(host)
        look_up = asyncio.wrap_future(self._look_up(host))
        if known is None:
            return await look_up
        try:
            async with asyncio.timeout(self._patience_seconds):
                return await look_up
        except TimeoutError:
            return known
        except OSError as error:
            if error.errno in _FINAL_ERRORS:
                raise
            return known

    def prefer(self, host: str, address: str) -> None:
        """Try an address of a host first from now on: it answers."""
        with self._lock:
            known = self._known.get(host, ())
            if address in known and known[0] != address:
                self._known[host] = (address, *(other for other in known if other != address))

    def _look_up(self, host: str) -> Future[Addresses]:
        """Return the look-up of a name that is under way, or begin one."""
        with self._lock:
            if (running := self._running.get(host)) is not None:
                return running
            begun: Future[Addresses] = Future()
            begun.set_running_or_notify_cancel()  # from now on, one who is cancelled does not cancel it for others
            self._running[host] = begun
        thread = threading.Thread(target=self._run, args=(host, begun), name="interval_scheduler look-up", daemon=True)
        try:
            thread.start()
        except RuntimeError as error:  # the system has no thread for us
            self._end(host)
            begun.set_exception(OSError(str(error)))
        return begun

    def _run(self, host: str, result: Future[Addresses]) -> None:
        try:
            found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
            addresses = tuple(dict.fromkeys(str(place[0]) for *_, place in found))
        except UnicodeError as error:
            self._end(host)
            no_name = OSError("a host whose name cannot be one")
            no_name.__cause__ = error
            result.set_exception(no_name)
        except Exception as error:  # noqa: BLE001 - whoever waits for it gets it
            self._end(host)
            result.set_exception(error)
        else:
            result.set_result(self._end(host, addresses))

    def _end(self, host: str, addresses: Addresses = ()) -> Addresses:
        """End a look-up; remember the addresses that it found, if any."""
        with self._lock:
            self._running.pop(host, None)
            if addresses:
                before = self._known.pop(host, addresses)
                # The address that answered last stays the first, so that no time is lost with one that does not.
                addresses = tuple(sorted(addresses, key=lambda address: address != before[0]))
                self._known[host] = addresses
                while len(self._known) > _MOST_NAMES:
                    del self._known[next(iter(self._known))]
            return addresses


def is_address(host: str) -> bool:
    """Tell if a host is given by its address, not by a name."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


#: The names that are known to this process.
NAMES: Final = Names()
