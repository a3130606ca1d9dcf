"""The tables of docs/options.md, from the docstrings and the defaults of the options classes."""

from __future__ import annotations

import dataclasses
import inspect
import re
from typing import Any

from docs.making.parts import BadPage
from interval_scheduler import RedisInstance, SchedulerOptions, StorageOptions

_OPTIONS: dict[str, Any] = {cls.__name__: cls for cls in (SchedulerOptions, StorageOptions, RedisInstance)}


def options(name: str) -> str:
    """Return the table of the fields of one class.

    Raises:
        BadPage: there is no such class, or its docstring and its fields differ.
    """
    if name not in _OPTIONS:
        raise BadPage(f"there is no options class {name}; known: {', '.join(_OPTIONS)}")
    cls = _OPTIONS[name]
    described = _arguments(inspect.getdoc(cls) or "")
    fields = {field.name: field for field in dataclasses.fields(cls)}
    if described.keys() != fields.keys():
        raise BadPage(f"the docstring of {name} and its fields differ: {described.keys() ^ fields.keys()}")
    lines = ["| option | default | meaning |", "|---|---|---|"]
    for option, text in described.items():
        default, meaning = _split_default(f"{name}.{option}", text, fields[option].default)
        camel = re.sub(r"_(.)", lambda found: found[1].upper(), option)
        names = f"`{option}`" if camel == option else f"`{option}`<br>`{camel}`"
        lines.append("| " + " | ".join(_cell(part) for part in (names, default, meaning)) + " |")
    return "\n".join(lines)


def _arguments(docstring: str) -> dict[str, str]:
    """The entries of the section `Args` of a docstring in Google's form."""
    section = re.search(r"^Args:\n(.*?)(?:\n\n|\Z)", docstring, re.MULTILINE | re.DOTALL)
    entries: dict[str, str] = {}
    name = ""
    for line in (section[1] if section else "").splitlines():
        start = re.match(r"^    (\w+): (.*)$", line)
        if start:
            name = start[1]
            entries[name] = start[2]
        else:
            entries[name] += " " + line.strip()
    return entries


def _split_default(where: str, text: str, default: object) -> tuple[str, str]:
    """The default as the docstring tells it, checked against the real one, and the rest of the text."""
    told = re.search(r" ?Default:? (.*?)\.(?= [A-Z]|$)", text)
    if told is None:
        return _shown(default), text
    if isinstance(default, str | int | float) and str(default) not in told[1]:
        raise BadPage(f"the docstring of {where} tells another default than {default!r}: {told[1]}")
    return told[1], text[: told.start()] + text[told.end() :]


def _shown(default: object) -> str:
    if default is dataclasses.MISSING:
        return "its defaults"  # a nested options class, made by a factory
    return f'`"{default}"`' if isinstance(default, str) else f"`{default}`"


def _cell(text: str) -> str:
    text = text.strip().replace("|", "\\|")
    return text if text.startswith("`") else text[:1].upper() + text[1:]
