"""Settings from the environment, for workers and for the command line: stronger than arguments in the code."""

from __future__ import annotations

import json
import typing
from collections.abc import Callable, Mapping
from types import NoneType, UnionType
from typing import Any, Final, Literal

import interval_scheduler  # its names load when they are used: the help of a command needs none

PREFIX: Final = "INTERVAL_SCHEDULER_"
#: The URLs of the partitions, with blanks between them.
URLS: Final = f"{PREFIX}REDIS"
#: An option that no single line of text can say.
_NOT_A_LINE: Final = frozenset({"leaving"})
_TRUE: Final = frozenset({"1", "true", "yes", "on"})
_FALSE: Final = frozenset({"0", "false", "no", "off"})


def urls_from(environment: Mapping[str, str]) -> tuple[str, ...]:
    """Return the URLs in the environment; none if they are not set there."""
    return tuple(environment.get(URLS, "").split())


def options_from(environment: Mapping[str, str]) -> dict[str, Any]:
    """Return the options in the environment: `INTERVAL_SCHEDULER_CONCURRENCY=50` is `concurrency=50`.

    Other variables that begin so are left alone: Kubernetes makes some for a service of that name.

    Raises:
        ConfigurationError: the text of one cannot be read; the message names the variable.
    """
    options: dict[str, Any] = {}
    for name, annotation in typing.get_type_hints(interval_scheduler.FlatOptions).items():
        variable = PREFIX + name.upper()
        if name not in _NOT_A_LINE and (text := environment.get(variable, "").strip()):
            options[name] = _read(variable, text, annotation)
    return options


def _read(variable: str, text: str, annotation: Any) -> Any:
    choices = typing.get_args(annotation) if typing.get_origin(annotation) in (typing.Union, UnionType) else ()
    if NoneType in choices and text.lower() == "none":
        return None
    if text.startswith("{") and any(typing.get_origin(each) for each in choices):
        return _as(variable, text, json.loads, "a JSON object")
    kinds = {each for each in (choices or (annotation,)) if each in (bool, int, float)}
    if bool in kinds:
        return _as(variable, text, _truth, "true or false")
    if float in kinds:
        return _as(variable, text, float, "a number")
    if int in kinds:
        return _as(variable, text, int, "a whole number")
    if typing.get_origin(annotation) is Literal and text not in typing.get_args(annotation):
        known = " or ".join(map(repr, typing.get_args(annotation)))
        raise interval_scheduler.ConfigurationError(variable, f"must be {known}, got {text!r}")
    return text


def _as(variable: str, text: str, read: Callable[[str], Any], wanted: str) -> Any:
    try:
        return read(text)
    except ValueError:
        raise interval_scheduler.ConfigurationError(variable, f"must be {wanted}, got {text!r}") from None


def _truth(text: str) -> bool:
    if text.lower() in _TRUE:
        return True
    if text.lower() in _FALSE:
        return False
    raise ValueError(text)
