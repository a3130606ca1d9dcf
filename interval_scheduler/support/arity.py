"""The arguments that a function of the application can be called with, known before it is called."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from inspect import Parameter
from typing import Final

from ..errors import InvalidType
from .guests import ends_process

_POSITIONAL: Final = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)
_NUMBERS: Final = ("no argument", "one argument", "two arguments", "three arguments")
_MARKS: Final[Mapping[object, str]] = {Parameter.VAR_POSITIONAL: "*", Parameter.VAR_KEYWORD: "**"}


def check_arity(field: str, function: Callable[..., object], given: Sequence[str], case: str = "") -> None:
    """Raise if a function cannot be called with certain positional arguments.

    Further parameters that have defaults, `*args` and `**options` are fine, and so is a function whose signature cannot
    be read, as that of some builtins. The function that is called decides. If that one takes any arguments, and tells
    which function it wraps (`functools.wraps`), this one is looked at too: it may want more, since a decorator can
    add arguments, but it must have a place for those that are given.

    Args:
        field: the parameter that the function was given for.
        function: the function.
        given: each argument in words.
        case: the case to which these arguments belong, in words; empty if there is only one.

    Raises:
        InvalidType: it cannot be called so; the message tells what it must take, and the names of what it takes.
    """
    taken = _parameters(function, follow_wrapped=False)
    if taken is not None and _takes(taken, len(given)):
        if not any(each.kind is Parameter.VAR_POSITIONAL for each in taken):
            return
        taken = _parameters(function, follow_wrapped=True)
        if taken is None or len(given) <= _most(taken):
            return
    if taken is not None:
        wanted = _NUMBERS[len(given)] + (f", {' and '.join(given)}" if given else "")
        raise InvalidType(field, f"must take {wanted}{case}, but it takes ({_names(taken)})")


def _parameters(function: Callable[..., object], *, follow_wrapped: bool) -> list[Parameter] | None:
    try:
        return list(inspect.signature(function, follow_wrapped=follow_wrapped).parameters.values())
    except BaseException as error:  # noqa: BLE001 - an object of the application, which may answer with any error
        if (fatal := ends_process(error)) is not None:
            raise fatal from None
        return None


def _names(parameters: Sequence[Parameter]) -> str:
    """Return the names of parameters as a signature has them, a star before those that are given by name only."""
    names = [_MARKS.get(each.kind, "") + each.name for each in parameters]
    kinds = [each.kind for each in parameters]
    if Parameter.KEYWORD_ONLY in kinds and Parameter.VAR_POSITIONAL not in kinds:
        names.insert(kinds.index(Parameter.KEYWORD_ONLY), "*")
    return ", ".join(names)


def _takes(parameters: Sequence[Parameter], count: int) -> bool:
    needed = [each for each in parameters if each.default is Parameter.empty and each.kind not in _MARKS]
    return len([each for each in needed if each.kind in _POSITIONAL]) <= count <= _most(parameters) and not [
        each for each in needed if each.kind is Parameter.KEYWORD_ONLY
    ]


def _most(parameters: Sequence[Parameter]) -> float:
    if any(each.kind is Parameter.VAR_POSITIONAL for each in parameters):
        return float("inf")
    return len([each for each in parameters if each.kind in _POSITIONAL])
