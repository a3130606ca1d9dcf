"""Options from mappings and lists, with names in snake_case or camelCase; errors name the option at fault. Pure."""

from __future__ import annotations

import dataclasses
import difflib
import re
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar, cast

from ..errors import ConfigurationError, ConfigurationTypeError
from .instance import RedisInstance

T = TypeVar("T")


def instances_of(value: object, field: str = "storage.instances") -> tuple[RedisInstance, ...]:
    """Return the instances of a list, which may have URLs and mappings too.

    Args:
        value: the list.
        field: the name of the option, for errors.

    Raises:
        ConfigurationError: it is no list, or one of them cannot be used.
    """
    if isinstance(value, str | bytes | Mapping) or not isinstance(value, Iterable):
        raise ConfigurationTypeError(field, f"must be a list of instances, not {type(value).__name__}")
    return tuple(instance for index, item in enumerate(value) for instance in _instance(f"{field}[{index}]", item))


def _instance(where: str, item: object) -> tuple[RedisInstance, ...]:
    if isinstance(item, RedisInstance):
        return (item,)
    if isinstance(item, str):
        try:
            return RedisInstance.all_from_url(item)
        except ConfigurationError as error:
            raise error.within(f"{where}.") from None
    if isinstance(item, Mapping):
        return (from_mapping(RedisInstance, item, f"{where}."),)
    raise ConfigurationTypeError(where, f"must be a RedisInstance, a URL or a mapping, not {type(item).__name__}")


def from_mapping(kind: type[T], mapping: Mapping[Any, Any], prefix: str) -> T:
    """Return an object of a class of options, made of a mapping.

    Args:
        kind: the class, a dataclass.
        mapping: its fields by their names.
        prefix: the name of the option that the mapping is, for errors, with a dot; `""`: it is all options.

    Raises:
        ConfigurationError: a name is none of a field, or a value cannot be used.
    """
    values: dict[str, Any] = {}
    for key, value in mapping.items():
        name = _snake(key, prefix)
        if name in values:
            raise ConfigurationError(f"{prefix}{name}", "is given twice")
        values[name] = value
    refuse_unknown(kind, values, prefix)
    try:
        return kind(**values)
    except ConfigurationError as error:
        # Anew: the way through the checks tells no more than its words.
        raise error.within("" if error.field.startswith(prefix) else prefix) from None


def _snake(key: object, prefix: str) -> str:
    if not isinstance(key, str):
        # The key is not shown: it may be, or contain, a URL with its password.
        raise ConfigurationTypeError(
            f"{prefix}(not shown)", f"must be a str, not {type(key).__name__}: it names an option"
        )
    return re.sub(r"(?<=[a-z0-9])([A-Z])", lambda found: "_" + found[1].lower(), key)


def refuse_unknown(cls: type, values: Mapping[str, Any], prefix: str, also: Iterable[str] = ()) -> None:
    """Check that all names are those of fields of a class, or of others that are known; the error hints at a close one.

    Raises:
        ConfigurationError: one is not.
    """
    known = [f.name for f in dataclasses.fields(cast("Any", cls))] + list(also)
    for name in values:
        if not name.replace("-", "_").isidentifier():
            # The name is not shown: it may be a URL with its password.
            raise ConfigurationError(f"{prefix}(not shown)", f"is not an option; known: {', '.join(sorted(known))}")
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            hint = f": did you mean {close[0]}?" if close else f"; known: {', '.join(sorted(known))}"
            raise ConfigurationError(f"{prefix}{name}", f"is not an option{hint}")
