"""Which server may use the data of a folder. Pure.

Redis and Valkey read what an older release of their own wrote, and not what a newer one did. The form of the data
changes with the second number of a version at most; so the third one does not count.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any, Final, NamedTuple

#: The number of the layout of a folder that this release of the library makes and knows.
LAYOUT: Final = 1
_VERSION: Final = re.compile(r"(\w+) server v=(\d{1,4})\.(\d{1,4})\.(\d{1,4})\b", re.IGNORECASE)
_KINDS: Final = {"redis": "Redis", "valkey": "Valkey"}


class Version(NamedTuple):
    """A kind of server, and the release."""

    kind: str
    """`"redis"` or `"valkey"`."""
    numbers: tuple[int, int, int]

    def __str__(self) -> str:
        return f"{_KINDS[self.kind]} {'.'.join(map(str, self.numbers))}"

    def writes_as(self, other: Version) -> bool:
        """Tell if a server of this version writes data in the same form as one of another version."""
        return (self.kind, self.numbers[:2]) == (other.kind, other.numbers[:2])

    def reads(self, written: Version) -> bool:
        """Tell if a server of this version may use what one of another version wrote."""
        return self.kind == written.kind and self.numbers[:2] >= written.numbers[:2]


class Binary(NamedTuple):
    """A program that is a server."""

    path: str
    version: Version


class BadMark(Exception):
    """The mark of a folder is not one that this library may work with; the text says why."""


def version_of(told: str) -> Version | None:
    """Return the version that a server tells of itself; `None`: it is neither Redis nor Valkey."""
    found = _VERSION.match(told)
    if found is None or found[1].lower() not in _KINDS:
        return None
    return Version(found[1].lower(), (int(found[2]), int(found[3]), int(found[4])))


def write(version: Version) -> bytes:
    """Return the mark of a folder whose data are written by a server of this version."""
    mark = {"layout": LAYOUT, "server": version.kind, "version": list(version.numbers)}
    return json.dumps(mark).encode() + b"\n"


def read(mark: bytes) -> Version:
    """Return the version that wrote the data of a folder.

    Raises:
        BadMark: it is of another layout, or cannot be read.
    """
    try:
        found: Any = json.loads(mark)
        layout = int(found["layout"])
        if layout == LAYOUT:
            kind = {name: name for name in _KINDS}[found["server"]]
            major, minor, patch = map(int, found["version"])
            return Version(kind, (major, minor, patch))
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
        raise BadMark("has a mark that cannot be read: put a copy of it back, or name another folder") from None
    raise BadMark(
        f"has layout {layout}, and this version of interval_scheduler knows layout {LAYOUT}: use the version that made "
        "it, or export the tasks with that one, and restore them into a new folder"
    )


def fitting(written: Version | None, at_hand: Iterable[Binary], *, takes_over: bool) -> Binary | str:
    """Return the server that may use the data of a folder; a text, if there is none, says why.

    It is the first one that writes them in the same form; if there is none, the first newer one.

    Args:
        written: the version that wrote the data; `None`: there are none yet.
        at_hand: the servers of this machine, the one to take first at the beginning.
        takes_over: True if a newer one may have them, so that the older one cannot read them any more.
    """
    newer: Binary | None = None
    seen = []
    for binary in at_hand:
        if written is None or binary.version.writes_as(written):
            return binary
        if newer is None and binary.version.reads(written):
            newer = binary
        seen.append(str(binary.version))
    if newer is not None:
        return newer if takes_over else _not_taken_over(written, newer)
    if written is None or not seen:
        return "needs a server, and this machine has none that runs: look at valkey-server and redis-server"
    return (
        f"has the data of {written}, and this machine has {' and '.join(seen)}, which cannot read them: install "
        f"{written} or a newer one, or export the tasks where that one is, and restore them into a new folder"
    )


def _not_taken_over(written: Version | None, newer: Binary) -> str:
    return (
        f"has the data of {written}, and whoever only looks does not let {newer.version} take them over: put the older "
        "one on the PATH, or start a scheduler that assigns tasks first"
    )
