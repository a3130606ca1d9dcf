"""The servers at hand: those of `make matrix`, and the same with the allocator that Debian's Redis has."""

from __future__ import annotations

import subprocess
from ctypes.util import find_library
from pathlib import Path
from typing import Final, NamedTuple

from tests.matrix import servers

#: What all others are compared with: Redis 7.0 of Debian.
FIRST: Final = "redis of PATH"
_PLACES: Final = ("/usr/lib", "/usr/lib64", "/lib")


class Kind(NamedTuple):
    """A server as it is measured.

    Attributes:
        name: what it is called.
        binary: the file.
        preload: a library that is loaded before all others; empty for none.
    """

    name: str
    binary: str
    preload: str = ""

    @property
    def version(self) -> str:
        """What it says of itself, as in `Redis 7.0.15`."""
        told = subprocess.run([self.binary, "--version"], capture_output=True, text=True, check=True).stdout
        return f"{told.split()[0]} {told.partition('v=')[2].partition(' ')[0]}"

    @property
    def uses_libc(self) -> bool:
        """Whether it was built with the allocator of libc."""
        told = subprocess.run([self.binary, "--version"], capture_output=True, text=True, check=True).stdout
        return "malloc=libc" in told


def kinds(more: dict[str, str]) -> list[Kind]:
    """Return all that are there, Debian's first.

    Args:
        more: further ones, binaries by their names.
    """
    found = [Kind(name, path) for name, path in {**servers(), **more}.items() if path is not None]
    found.sort(key=lambda kind: kind.name != FIRST)
    library = jemalloc()
    with_it = [Kind(f"{kind.name} with jemalloc", kind.binary, library) for kind in found if library and kind.uses_libc]
    return [*found, *with_it]


def jemalloc() -> str | None:
    """Return where the library is; `None` if it is not."""
    name = find_library("jemalloc")
    if name is None:
        return None
    return next((str(path) for place in _PLACES for path in sorted(Path(place).rglob(name))), None)
