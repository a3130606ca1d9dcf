"""The lock, read strictly: a line that is not one exact version with its hashes is an error. Pure, but for reading."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final, NamedTuple

from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import NormalizedName, canonicalize_name

#: The lock of everything that is needed to develop; what is needed at run time is a part of it.
LOCK: Final = Path(__file__).parents[1] / "requirements" / "dev.txt"

_PIN: Final = re.compile(
    r"(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)==(?P<version>[0-9][A-Za-z0-9.+!]*)(?: ; (?P<marker>[^@:]+?))?"
    r"(?P<hashes>(?: +--hash=sha256:[0-9a-f]{64})+)"
)


class Pin(NamedTuple):
    """One line of the lock. With a marker it is for some environments only, and the name may stand there again."""

    name: NormalizedName
    version: str
    marker: Marker | None
    hashes: tuple[str, ...]

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
    for line in text.replace("\\\n", " ").splitlines():
        found = _PIN.fullmatch(line.strip())
        if found is None:
            raise ValueError(f"not an exact version with its hashes: {line.strip()[:100]!r}")
        marker = None if found["marker"] is None else Marker(found["marker"])
        hashes = tuple(each.removeprefix("--hash=") for each in found["hashes"].split())
        pins.append(Pin(canonicalize_name(found["name"]), found["version"], marker, hashes))
    return pins


def for_here(pins: Iterable[Pin]) -> dict[NormalizedName, Pin]:
    """The pins for the interpreter that asks, by their names.

    Raises:
        ValueError: a name stands there twice.
    """
    found: dict[NormalizedName, Pin] = {}
    for pin in pins:
        if pin.is_for_here and found.setdefault(pin.name, pin) is not pin:
            raise ValueError(f"{pin.name} is pinned twice")
    return found


def missing(
    pins: Mapping[NormalizedName, Pin], requirements: Iterable[str], needs: Mapping[NormalizedName, Iterable[str]]
) -> list[str]:
    """What is required here, by these requirements or by what they lead to, and not pinned at a fitting version.

    Args:
        pins: the lock, for here.
        requirements: what is asked for.
        needs: for each distribution what it requires, as its metadata says.
    """

    def holds(marker: Marker, extras: frozenset[str]) -> bool:
        return any(marker.evaluate({"extra": extra}) for extra in extras | {""})

    faults = []
    for _, wanted in _walk(requirements, needs, holds):
        pin = pins.get(canonicalize_name(wanted.name))
        if pin is None or not wanted.specifier.contains(pin.version, prereleases=True):
            faults.append(f"{wanted} (pinned: {None if pin is None else pin.version})")
    return faults


def graph(
    pins: Iterable[Pin], requirements: Iterable[str], needs: Mapping[NormalizedName, Iterable[str]]
) -> dict[NormalizedName, set[NormalizedName]]:
    """What requirements lead to, in whatever environment: of the markers only extras count.

    Args:
        pins: the lock.
        requirements: what is asked for.
        needs: for each distribution what it requires, as its metadata says.

    Returns:
        For each name in the lock that is reached those that it needs itself.
    """

    def holds(marker: Marker, extras: frozenset[str]) -> bool:
        asked = re.search(r"extra *== *['\"]([^'\"]+)", str(marker))
        return asked is None or asked[1] in extras

    pinned = {pin.name for pin in pins}
    found: dict[NormalizedName, set[NormalizedName]] = {}
    for parent, wanted in _walk(requirements, needs, holds):
        name = canonicalize_name(wanted.name)
        if name in pinned:
            found.setdefault(name, set())
            if parent is not None and parent != name:
                found[parent].add(name)
    return found


def _walk(
    requirements: Iterable[str],
    needs: Mapping[NormalizedName, Iterable[str]],
    holds: Callable[[Marker, frozenset[str]], bool],
) -> Iterator[tuple[NormalizedName | None, Requirement]]:
    """Requirements whose markers hold, and all that these lead to, each with what requires it (`None`: the first)."""
    left: list[tuple[NormalizedName | None, str, frozenset[str]]] = [(None, text, frozenset()) for text in requirements]
    seen = set(left)
    while left:
        parent, text, extras = left.pop()
        wanted = Requirement(text)
        if wanted.marker is not None and not holds(wanted.marker, extras):
            continue
        yield parent, wanted
        name, asked = canonicalize_name(wanted.name), frozenset(wanted.extras)
        more = [step for need in needs.get(name, ()) if (step := (name, need, asked)) not in seen]
        seen.update(more)
        left += more
