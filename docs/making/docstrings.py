"""Docstrings of Google's form as Markdown: their text as it is, and each section as a list."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable
from typing import Any, Final

import griffe

_HEADS: Final = {
    "parameters": "Parameters",
    "attributes": "Attributes",
    "returns": "Returns",
    "yields": "Yields",
    "raises": "Raises",
}

#: A name that stands for itself, outside of blocks of code.
_NAME: Final = re.compile(r"^```.*?^```$|`(?P<name>[A-Z]\w+)`", re.MULTILINE | re.DOTALL)


def described(thing: griffe.Object) -> str:
    """Return the docstring of a public name as Markdown.

    Raises:
        ValueError: it has a section that nobody has written an entry for.
    """
    assert thing.docstring is not None
    text = "\n\n".join(_section(section) for section in thing.docstring.parsed)
    names = {name for name, each in thing.package.members.items() if not each.is_module} - {thing.name}
    return _NAME.sub(lambda found: _linked(found, names), text)


def _linked(found: re.Match[str], names: set[str]) -> str:
    """A public name as a link to its entry; anything else as it is."""
    return f"[`{found['name']}`](#{found['name'].lower()})" if found["name"] in names else found[0]


def _section(section: griffe.DocstringSection) -> str:
    kind = section.kind.value
    if kind == "text":
        return _text(section.value)
    if kind == "admonition":
        return f"**{section.title or section.value.kind.capitalize()}**\n\n{_text(section.value.description)}"
    if kind not in _HEADS:
        raise ValueError(f"a docstring has a section of the kind {kind}, which no page shows")
    entries: Iterable[Any] = section.value
    return f"**{_HEADS[kind]}**\n\n" + "\n".join(_item(kind, entry) for entry in entries)


def _item(kind: str, entry: Any) -> str:
    annotation = "" if entry.annotation is None else str(entry.annotation)
    if kind == "raises":
        names = ", ".join(f"`{name.strip()}`" for name in annotation.strip("()").split(","))
        head = f"{names}: "
    elif kind in {"returns", "yields"}:
        head = f"`{annotation}`: " if annotation else ""
    elif kind == "attributes" and annotation:
        head = f"`{entry.name}` (`{annotation}`): "
    else:
        head = f"`{entry.name}`: "
    return "- " + textwrap.indent(head + _text(entry.description), "  ").strip()


def _text(text: str) -> str:
    """A text in which `::` announces an indented block, and whose code is no program that a test could run."""
    return re.sub(r"(?m)^::\n\n|(?<=:):$", "", text.strip()).replace("```python", "```py")
