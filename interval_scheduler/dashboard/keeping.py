"""Keeps things of a dashboard from one request to the next, in the memory of its process."""

from __future__ import annotations

from typing import Any, TypeVar

_Kind = TypeVar("_Kind")


class Kept:
    """The things that one dashboard keeps: one of each class."""

    def __init__(self) -> None:
        self._things: dict[type[Any], Any] = {}

    def the(self, kind: type[_Kind]) -> _Kind:
        """Return the thing of a class; it is made, without arguments, when it is first asked for."""
        if kind not in self._things:
            self._things[kind] = kind()
        found: _Kind = self._things[kind]
        return found
