"""Signatures as a reader wants them: one line if it fits, else a line for each parameter."""

from __future__ import annotations

import builtins
from typing import Final

import griffe

_WIDTH: Final = 88
_INDENT: Final = "    "
_BEFORE: Final = {griffe.ParameterKind.var_positional: "*", griffe.ParameterKind.var_keyword: "**"}


def signature(thing: griffe.Object) -> str:
    """Return how a class, a function, a property or a constant is declared.

    Raises:
        TypeError: it is none of these.
    """
    match thing:
        case griffe.Class():
            text = _class(thing)
        case griffe.Function():
            text = "\n".join(_function(each) for each in thing.overloads or [thing])
        case griffe.Attribute() if "property" in thing.labels:
            text = f"@property\ndef {thing.name}() -> {thing.annotation}"
        case griffe.Attribute():
            text = f"{thing.name} = {thing.value}"
        case _:
            raise TypeError(f"{thing.path} has no signature")
    return text.replace("'", '"')


def _class(thing: griffe.Class) -> str:
    bases = ", ".join(name for name in map(str, thing.bases) if _is_told(name, thing))
    # Who does not make one is not told how: what it holds are its attributes.
    parameters = _parameters(thing.parameters) if _tells_parameters(thing) else []
    if not parameters:
        return f"class {thing.name}({bases})" if bases else f"class {thing.name}"
    return _wrapped(f"class {thing.name}", parameters, "")


def _tells_parameters(thing: griffe.Class) -> bool:
    sections = thing.docstring.parsed if thing.docstring else []
    return any(section.kind is griffe.DocstringSectionKind.parameters for section in sections)


def _is_told(base: str, thing: griffe.Class) -> bool:
    """Whether a reader knows a base, from Python or as a public name; a class is put together of others as well."""
    return hasattr(builtins, base) or base in {"ABC", "TypedDict"} or base in thing.package.members


def _function(thing: griffe.Function) -> str:
    before = "async " if "async" in thing.labels else ""
    if "classmethod" in thing.labels:
        before = f"@classmethod\n{before}"
    returns = f" -> {thing.returns}" if thing.returns is not None else ""
    return before + _wrapped(f"def {thing.name}", _parameters(thing.parameters), returns)


def _wrapped(head: str, parameters: list[str], tail: str) -> str:
    line = f"{head}({', '.join(parameters)}){tail}"
    if len(line) <= _WIDTH or not parameters:
        return line
    inner = "".join(f"{_INDENT}{each},\n" for each in parameters)
    return f"{head}(\n{inner}){tail}"


def _parameters(parameters: griffe.Parameters) -> list[str]:
    """The parameters but `self` and `cls`, with the marks of those that go by position or by name only."""
    shown: list[str] = []
    before: griffe.ParameterKind | None = None
    for each in parameters:
        if each.name in {"self", "cls"}:
            continue
        by_name = each.kind is griffe.ParameterKind.keyword_only
        if before is griffe.ParameterKind.positional_only is not each.kind:
            shown.append("/")
        if by_name and before not in {griffe.ParameterKind.keyword_only, griffe.ParameterKind.var_positional}:
            shown.append("*")
        shown.append(_parameter(each))
        before = each.kind
    if before is griffe.ParameterKind.positional_only:
        shown.append("/")
    return shown


def _parameter(each: griffe.Parameter) -> str:
    text = f"{_BEFORE.get(each.kind, '') if each.kind else ''}{each.name}"
    if each.annotation is not None:
        text += f": {each.annotation}"
    if each.default is None or each.kind in _BEFORE:
        return text
    return f"{text} = {each.default}" if each.annotation is not None else f"{text}={each.default}"
