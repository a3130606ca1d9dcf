"""The parameters of an executor: its payload, and by keyword things that the lifespan of its worker yields."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from inspect import Parameter
from typing import Any

from .. import ConfigurationError, TaskRun

_POSITIONAL = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)


@dataclass(frozen=True, slots=True)
class Wanted:
    """The parameters of an executor.

    Attributes:
        name: the name of the function, for messages.
        payload: the annotation of its first parameter; `inspect.Parameter.empty` without one.
        needed: the keyword-only parameters without a default.
        optional: those with one.
        run: the one that gets the `TaskRun`, or `None`.
    """

    name: str
    payload: object
    needed: tuple[str, ...]
    optional: tuple[str, ...]
    run: str | None

    def filled(self, state: Mapping[str, Any]) -> dict[str, Any]:
        """Return the arguments by keyword, out of what there is.

        Raises:
            ConfigurationError: nobody provides one of them.
        """
        missing = [name for name in self.needed if name not in state]
        if missing:
            there = f"there are {', '.join(sorted(state))}" if state else "it yields nothing"
            raise ConfigurationError(
                missing[0], f"is asked for by the executor {self.name}, and not yielded by the lifespan: {there}"
            )
        return {name: state[name] for name in (*self.needed, *self.optional) if name in state}


def wanted_by(function: Callable[..., object]) -> Wanted:
    """Look at the parameters of an executor.

    Raises:
        ConfigurationError: it must take the payload and nothing else by position; or an annotation cannot be resolved.
    """
    name = getattr(function, "__qualname__", repr(function))
    parameters = list(inspect.signature(function).parameters.values())
    positional = [each for each in parameters if each.kind in _POSITIONAL]
    needed = [each for each in positional if each.default is Parameter.empty]
    if not positional or len(needed) > 1:
        shown = ", ".join(each.name for each in positional)
        raise ConfigurationError(
            "executor",
            f"must take one argument by position, the payload, but {name} takes ({shown}); others go behind *",
        )
    annotations = _annotations(function, name)
    by_name = [each for each in parameters if each.kind is Parameter.KEYWORD_ONLY]
    runs = [each.name for each in by_name if annotations.get(each.name) is TaskRun]
    others = [each for each in by_name if each.name not in runs[:1]]
    return Wanted(
        name,
        annotations.get(positional[0].name, Parameter.empty),
        tuple(each.name for each in others if each.default is Parameter.empty),
        tuple(each.name for each in others if each.default is not Parameter.empty),
        runs[0] if runs else None,
    )


def _annotations(function: Callable[..., object], name: str) -> dict[str, Any]:
    try:
        return typing.get_type_hints(function, include_extras=True)
    except NameError as error:
        raise ConfigurationError(
            "executor", f"{name} has an annotation that is unknown when it is bound: {error}"
        ) from None
    except TypeError:  # a partial, for example
        raise ConfigurationError("executor", f"{name} must be defined by 'async def': it has no annotations") from None
