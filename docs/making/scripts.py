"""The parts of docs/lua.md: the contract of each script, and the grammars of what stands in Redis."""

from __future__ import annotations

import inspect
import re

from docs.making.parts import BadPage
from interval_scheduler.model import policy, records
from interval_scheduler.storage.scripts import loader

_ENTRY = re.compile(r"^(?P<label>KEYS\[[\d.]+\]|ARGV\[[\d.]+\]|Returns|Guarantees):? (?P<text>.*)$")
_GRAMMARS = {"records": records, "policy": policy}


def scripts() -> str:
    """Return the contract of each script, from the header of its .lua file.

    Raises:
        BadPage: a header has a line that belongs to nothing.
    """
    return "\n\n".join(_script(script) for script in loader.ALL)


def grammar(name: str) -> str:
    """Return the grammar in the docstring of `model/records.py` or `model/policy.py`.

    Raises:
        BadPage: there is no such module, or no grammar in it.
    """
    if name not in _GRAMMARS:
        raise BadPage(f"there is no grammar of {name}; known: {', '.join(_GRAMMARS)}")
    found = re.search(r"::\n\n(.*?)\n\n(?=\S)", inspect.getdoc(_GRAMMARS[name]) or "", re.DOTALL)
    if found is None:
        raise BadPage(f"the docstring of {name} has no grammar")
    return "```text\n" + inspect.cleandoc(found[1]) + "\n```"


def _script(script: loader.Script) -> str:
    sentence, *rest = script.header
    rows: list[list[str]] = []
    for line in rest:
        entry = _ENTRY.match(line)
        if entry:
            rows.append([entry["label"], entry["text"]])
        elif rows:
            rows[-1][1] += " " + line.strip()
        else:
            raise BadPage(f"{script.name}.lua has a line in its header that belongs to nothing: {line!r}")
    table = ["| part | contract |", "|---|---|"]
    for label, text in rows:
        shown = f"`{label}`" if "[" in label else label
        table.append(f"| {shown} | {_plain(text)} |")
    return "\n".join([f"### {script.name}", "", _plain(sentence), "", *table])


def _plain(text: str) -> str:
    """Text in which Markdown finds nothing to change."""
    return re.sub(r"([\\`*_{}\[\]<>|#])", r"\\\1", text)
