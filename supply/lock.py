"""The lock, read strictly: a line that is not one exact version with its hashes is an error. Pure, but for reading."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final, NamedTuple

from packaging.markers import Marker
from packaging.utils import NormalizedName, canonicalize_name

#: The lock of everything that is needed to develop; what is needed at run time is a part of it.
LOCK: Final = Path(__file__).parents[1] / "requirements" / "dev.txt"

_VIA: Final = r"(?:[A-Za-z0-9._-]+(?: \(pyproject\.toml(?::\w+)?\))?|-[rc] [\w-]+(?:/[\w.-]+)*)"
_PIN: Final = re.compile(
    r"(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)==(?P<version>[0-9][A-Za-z0-9.+!]*)(?: ; (?P<marker>[^@:]+?))?"
    rf"(?P<hashes>(?: +--hash=sha256:[0-9a-f]{{64}})+) +# via (?P<via>{_VIA}(?:, {_VIA})*)"
)


class Pin(NamedTuple):
    """One line of the lock. With a marker it is for some environments only, and the name may stand there again."""

    name: NormalizedName
    version: str
    marker: Marker | None
    hashes: tuple[str, ...]
    via: frozenset[str]
    """What needs it: distributions, and files that ask for it, as uv tells when it compiles the lock."""

    @property
    def is_for_here(self) -> bool:
        """Whether it is for the interpreter that asks."""
        return self.marker is None or self.marker.evaluate()

    @property
    def line(self) -> str:
        """The pin as a line that pip reads, hashes and all, without its marker."""
        return f"{self.name}=={self.version} {' '.join(f'--hash={each}' for each in self.hashes)}"


def parse(text: str) -> list[Pin]:
    """The pins of a lock.

    Raises:
        ValueError: a line is none: an option, an address, a path, a version that is not exact, no hash.
    """
    pins = []
    for line in text.replace("\\\n", " ").replace("\n    # via ", "    # via ").splitlines():
        found = _PIN.fullmatch(line.strip())
        if found is None:
            raise ValueError(f"not an exact version with its hashes: {line.strip()[:100]!r}")
        marker = None if found["marker"] is None else Marker(found["marker"])
        hashes = tuple(each.removeprefix("--hash=") for each in found["hashes"].split())
        via = frozenset(found["via"].split(", "))
        pins.append(Pin(canonicalize_name(found["name"]), found["version"], marker, hashes, via))
    return pins


def reached(pins: Iterable[Pin], first: Iterable[str]) -> set[NormalizedName]:
    """These and all that they need, in whatever environment."""
    pins, found = list(pins), {canonicalize_name(name) for name in first}
    while more := {pin.name for pin in pins if pin.via & found} - found:
        found |= more
    return found
