"""The scripts of a store, compiled and kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib.resources import files
from typing import Any, Final

_FRAME: Final = (files(__package__) / "frame.lua").read_bytes()
#: The types that an item of a reply has on both sides.
_PLAIN: Final = frozenset((bytes, int))


class Programs:
    """The compiled scripts of a store, in its Lua interpreter.

    Args:
        interpreter: the Lua interpreter, in which fakeredis has put `redis` and the rest.
    """

    def __init__(self, interpreter: Any) -> None:
        self._table_of: Final = interpreter.table_from
        self._compile, self._spread = interpreter.execute(_FRAME)
        self._compiled: Final[dict[bytes, Callable[[Any, Any], Any]]] = {}

    def __len__(self) -> int:
        return len(self._compiled)

    def run(self, sha: bytes, sources: Mapping[bytes, bytes], keys: Sequence[bytes], args: Sequence[bytes]) -> Any:
        """Run a script; return what it does as `read` takes it. Raises the errors of Lua, and those of its commands.

        Args:
            sha: its hash.
            sources: the texts of all scripts that the store knows, by their hashes.
            keys: its KEYS.
            args: its ARGV.
        """
        run = self._compiled.get(sha)
        if run is None:
            if len(self._compiled) >= len(sources):  # the store forgot some, and others came
                self._compiled.clear()
            run = self._compiled[sha] = self._compile(sources[sha])
        return run(self._table_of(keys), self._table_of(args))

    def read(self, returned: Any, convert: Callable[[Any], Any]) -> Any:
        """Make a reply of what `run` returned; `convert` does that with what is rare."""
        kind = type(returned)
        if kind in _PLAIN:
            return returned
        if kind is tuple:  # the items of a list, behind a mark
            spread = self._spread
            return [item if type(item) in _PLAIN else self.read(spread(item), convert) for item in returned[1:]]
        return [] if returned is True else convert(returned)
