"""Wrong tokens: after ten of one address within a minute it has to wait.

They are counted by addresses, so that nobody can keep the owner out from elsewhere. Who is signed in is not concerned.
"""

from __future__ import annotations

import ipaddress
import time
from collections import deque
from collections.abc import Callable
from typing import Final

_MOST: Final = 10
WINDOW_SECONDS: Final = 60
#: The most addresses that are remembered. One more makes the one forgotten that has been quiet for longest.
_ADDRESSES: Final = 10_000
#: A network of IPv6 that one customer has.
_NETWORK_BITS: Final = 64


class Tries:
    """The wrong tokens of the last minute.

    Args:
        clock: tells the seconds. Default: a clock that nobody sets.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._wrong: dict[str, deque[float]] = {}

    def must_wait(self, address: str) -> bool:
        """Tell if an address has to wait."""
        wrong = self._wrong.get(_place(address))
        return wrong is not None and len(wrong) == _MOST and self._clock() - wrong[0] < WINDOW_SECONDS

    def note(self, address: str) -> None:
        """Remember a wrong token."""
        place = _place(address)
        wrong = self._wrong.pop(place, None) or deque(maxlen=_MOST)
        wrong.append(self._clock())
        self._wrong[place] = wrong
        if len(self._wrong) > _ADDRESSES:
            del self._wrong[next(iter(self._wrong))]


def _place(address: str) -> str:
    """Return whom an address belongs to: of IPv6 the network, whose addresses are at the hands of one.

    What is no address is nobody's own: a header can say anything in its place, at any length.
    """
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return ""
    if parsed.version == 4:
        return str(parsed)
    return str(
        parsed.ipv4_mapped or ipaddress.ip_network((int(parsed) >> _NETWORK_BITS << _NETWORK_BITS, _NETWORK_BITS))
    )
