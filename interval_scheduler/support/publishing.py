"""The public place of the public names: the package itself, from which users import them."""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Iterable


def publish(package: str, things: Iterable[object]) -> None:
    """Rewrite `__module__`, so that tracebacks, pickles and the API pages name the public place.

    Libraries such as pydantic look up the names in the annotations of a class in its module. So annotations are
    resolved first.

    Args:
        package: the name of the package.
        things: its public classes and functions; a thing that does not come from the package is not changed.
    """
    for thing in things:
        if not getattr(thing, "__module__", "").startswith(package + "."):
            continue
        if isinstance(thing, type):
            _resolve_annotations(thing)
        thing.__module__ = package


def _resolve_annotations(cls: type) -> None:
    hints = typing.get_type_hints(cls, include_extras=True)
    own = {name: hints[name] for name in vars(cls).get("__annotations__", {})}
    if own:
        cls.__annotations__ = own
    if dataclasses.is_dataclass(cls):
        for field in dataclasses.fields(cls):
            field.type = hints[field.name]
