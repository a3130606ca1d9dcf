"""A sample of things that come in any number, of which all have the same chance to be in it.

::

    off ──somebody looks──▶ on: a thing that comes has a place, or none ──take──▶ the sample, and it begins anew
     ▲                                                                     │
     └────────────────────── nobody looks any more ────────────────────────┘

While it is off, it costs a look at `is_on`.
"""

from __future__ import annotations

import random
from typing import Any, Final


class Sampling:
    """Samples of several sources, of a bounded size all together.

    Args:
        most: the most things in the samples of all sources.
    """

    def __init__(self, most: int) -> None:
        self._most: Final = most
        self._kept: dict[str, list[Any]] = {}
        self._seen: dict[str, int] = {}
        #: True if things are sampled, of any source.
        self.is_on = False

    def covers(self, source: str) -> bool:
        """Tell if the things of a source are sampled."""
        return source in self._kept

    def turn(self, source: str, *, on: bool) -> None:
        """Sample the things of a source from now on, or not any more."""
        if on:
            self._kept.setdefault(source, [])
            self._seen.setdefault(source, 0)
        else:
            self._kept.pop(source, None)
            self._seen.pop(source, None)
        self.is_on = bool(self._kept)

    def place(self, source: str) -> int | None:
        """Return the place of one more thing in its sample; `None` if it has none."""
        kept = self._kept.get(source)
        if kept is None:
            return None
        self._seen[source] += 1
        most = max(1, self._most // len(self._kept))
        if len(kept) < most:
            return len(kept)
        place = random.randrange(self._seen[source])
        return place if place < most else None

    def put(self, source: str, place: int, thing: Any) -> None:
        """Put a thing at the place that it got just now."""
        kept = self._kept[source]
        if place < len(kept):
            kept[place] = thing
        else:
            kept.append(thing)

    def take(self, source: str) -> tuple[int, list[Any]]:
        """Return how many things of a source came since the last call, and the sample of them."""
        if source not in self._kept:
            return 0, []
        found = self._seen[source], self._kept[source]
        self._seen[source], self._kept[source] = 0, []
        return found
