"""The public names of a package, each loaded at its first use.

::

    listed in __init__.pyi ──first use──▶ its module is imported ──▶ published, and a plain attribute of the package

Whatever the import brings along is published with it: an error that is raised, or a result that is returned, names the
public place although nobody asked the package for its class.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from importlib import import_module
from importlib.machinery import ModuleSpec
from typing import Any, Final

_FILE: Final = "__init__.pyi"


def places_of(stub: str) -> dict[str, str]:
    """Read the names of a stub, and the module of each, from its lines `from .module import Name as Name`. Pure."""
    words = [line.split() for line in stub.splitlines() if line.startswith("from .")]
    return {name: module for _, module, _, name, *_ in words}


class LazyNames:
    """The public names of a package. Iterating gives them, sorted.

    Args:
        package: the name of the package.
        spec: its spec; the file `__init__.pyi` beside it lists the names.
    """

    def __init__(self, package: str, spec: ModuleSpec) -> None:
        self._package: Final = package
        # Any: a loader of files or of an archive, each of which has `get_data`.
        loader: Any = spec.loader
        folder = (spec.submodule_search_locations or [""])[0]
        stub: bytes = loader.get_data(f"{folder}/{_FILE}")
        self._places: Final = places_of(stub.decode())
        self._unpublished = dict(self._places)
        self._publishing: Final = threading.RLock()

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._places))

    def load(self, name: str) -> object:
        """Return what a name stands for.

        Raises:
            AttributeError: there is no such name.
        """
        place = self._places.get(name)
        if place is None:
            module = sys.modules[self._package]
            raise AttributeError(f"module {self._package!r} has no attribute {name!r}", name=name, obj=module)
        found: object = getattr(import_module(place, self._package), name)
        self._publish_what_is_loaded()
        return found

    def _publish_what_is_loaded(self) -> None:
        # It takes some time, which a process without any public name need not spend.
        from .publishing import publish  # noqa: PLC0415

        with self._publishing:
            attributes = vars(sys.modules[self._package])
            for name, place in list(self._unpublished.items()):
                module = sys.modules.get(self._package + place)
                # Another thread may be importing it: then that thread publishes what is in it.
                if module is None or getattr(module.__spec__, "_initializing", False) or not hasattr(module, name):
                    continue
                found = getattr(module, name)
                publish(self._package, [found])
                attributes[name] = found
                del self._unpublished[name]
