"""The names of queues, and the options that a queue may have of its own. Pure; each error names the field at fault."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Iterable, Mapping
from typing import Any, Final

from ..errors import ConfigurationError, InvalidType, InvalidValue
from .namespaces import FORBIDDEN_IN_NAMESPACE, LONGEST_NAMESPACE
from .options import SchedulerOptions

#: The most characters of a name.
LONGEST_NAME: Final = 64
#: Options that a queue has from its namespace: it is on the same servers, and hints are a matter of all schedulers.
_OF_NAMESPACE: Final = frozenset({"storage", "namespace", "on_offline", "max_hints"})
_OWN: Final = tuple(field.name for field in dataclasses.fields(SchedulerOptions) if field.name not in _OF_NAMESPACE)


def check_queue_name(name: object, namespace: str) -> str:
    """Check the name of a queue, and return it.

    Args:
        name: the name.
        namespace: the namespace that the queue is in.

    Raises:
        InvalidType, InvalidValue: it cannot be the name of a queue there.
    """
    if not isinstance(name, str):
        raise InvalidType("name", f"must be a str, not {type(name).__name__}")
    if not 0 < len(name) <= LONGEST_NAME:
        raise InvalidValue("name", f"must have 1 to {LONGEST_NAME} characters, got {len(name)}")
    if "." in name:
        raise InvalidValue("name", "must not contain a dot, which stands between a namespace and its queue")
    if bad := sorted(FORBIDDEN_IN_NAMESPACE.intersection(name)):
        raise InvalidValue("name", f"must not contain {' '.join(map(repr, bad))}")
    if not (name.isascii() and name.isprintable()):
        raise InvalidValue("name", "must be of printable ASCII characters")
    if len(namespace) + 1 + len(name) > LONGEST_NAMESPACE:
        raise InvalidValue(
            "name",
            f"is too long for this namespace: {namespace}.{name} must have at most {LONGEST_NAMESPACE} characters",
        )
    return name


def is_queue_name(name: str, namespace: str) -> bool:
    """Tell if a name can be that of a queue of the namespace."""
    try:
        check_queue_name(name, namespace)
    except InvalidValue:
        return False
    return True


def queue_options(namespace: SchedulerOptions, name: str, own: Mapping[str, Any]) -> SchedulerOptions:
    """Make the options of a queue: those of its namespace, except for its own.

    Args:
        namespace: the options of the namespace.
        name: the name of the queue, which was checked.
        own: the options that the queue has of its own, by name.

    Raises:
        ConfigurationError: an option cannot be used, or is none that a queue may have of its own.
    """
    _check_names(own)
    try:
        return dataclasses.replace(namespace, namespace=f"{namespace.namespace}.{name}", **own)
    except ConfigurationError as error:
        raise error.within("") from None  # anew: the way through the checks tells no more than its words


def check_same_options(name: str, known: SchedulerOptions, own: Mapping[str, Any]) -> None:
    """Check that a queue is not asked for again with other options.

    Raises:
        ConfigurationError: an option is another one than before, or is none that a queue may have of its own.
    """
    _check_names(own)
    for option, value in own.items():
        if getattr(known, option) != value:
            raise ConfigurationError(
                option,
                f"is {getattr(known, option)!r} for the queue {name!r}, which was asked for before: give its options "
                "where it is asked for first, or leave them out",
            )


def _check_names(own: Iterable[str]) -> None:
    for option in own:
        if not option.isidentifier():
            # The name is not shown: it may be a URL with its password.
            raise ConfigurationError("(not shown)", f"is not an option of a queue; known: {', '.join(sorted(_OWN))}")
        if option in _OF_NAMESPACE:
            raise ConfigurationError(option, "cannot be given for a queue: it is that of the namespace")
        if option not in _OWN:
            close = difflib.get_close_matches(option, _OWN, n=1)
            hint = f": did you mean {close[0]}?" if close else f"; known: {', '.join(sorted(_OWN))}"
            raise ConfigurationError(option, f"is not an option of a queue{hint}")
