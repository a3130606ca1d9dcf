"""Parts of pages that are made from the code at build time, so that they cannot differ from it.

A page asks for them with a comment on a line of its own:

    <!-- options: SchedulerOptions -->   a table of the fields of that options class; it stands in the page too, for
                                         those who read it as plain Markdown; to renew it there:
                                         `python docs/hooks/reference.py`
    <!-- lua-scripts -->                 the contract of each script, from the header of its .lua file
    <!-- record-format -->               the grammar of a record, from the docstring of model/records.py
    <!-- policy-format -->              that of its policy, from the docstring of policy.py

A page with the last one must also name every key of `storage/scripts/keys.py`; a build of one that does not fails.
"""

from __future__ import annotations

import dataclasses
import inspect
import re
from pathlib import Path
from types import ModuleType
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files

from interval_scheduler import RedisInstance, SchedulerOptions, StorageOptions
from interval_scheduler.model import policy, records
from interval_scheduler.storage.scripts import loader as scripts
from interval_scheduler.storage.scripts.keys import Keys

_RESULTS = Path(__file__).parents[2] / "benchmarks" / "results"
_OPTIONS = {cls.__name__: cls for cls in (SchedulerOptions, StorageOptions, RedisInstance)}
_ENTRY = re.compile(r"^(?P<label>KEYS\[[\d.]+\]|ARGV\[[\d.]+\]|Returns|Guarantees):? (?P<text>.*)$")
#: Keys that have no name of their own in `Keys`, since there is one a session or a lock.
_FAMILIES = ("reply:", "lock:", "taken:", "wanted:")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the plots of the benchmarks, as `results/*.svg` (called by MkDocs)."""
    for plot in sorted(_RESULTS.glob("*.svg")):
        files.append(File.generated(config, f"results/{plot.name}", abs_src_path=str(plot)))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Replace the comments of a page (called by MkDocs)."""
    if "<!-- record-format -->" in markdown:
        _check_keys(markdown)
    markdown = with_tables(markdown)
    markdown = _replace(markdown, "<!-- lua-scripts -->", _scripts)
    markdown = _replace(markdown, "<!-- policy-format -->", lambda: _grammar(policy))
    return _replace(markdown, "<!-- record-format -->", lambda: _grammar(records))


def on_page_content(html: str, **_: Any) -> str:
    """Drop the mark before a literal block of a docstring: Markdown needs only the indentation (called by MkDocs)."""
    return html.replace("<p>::</p>\n", "")


def _replace(markdown: str, comment: str, make: Any) -> str:
    return markdown.replace(comment, make()) if comment in markdown else markdown


# Options


def with_tables(markdown: str) -> str:
    """Return a page with the tables of options that it asks for, each in the place of the one that was there."""
    table = r"^(<!-- options: (\w+) -->)\n(?:\n(?:\|.*\n)+)?"
    return re.sub(table, lambda found: f"{found[1]}\n\n{_options(found[2])}\n", markdown, flags=re.MULTILINE)


def _options(name: str) -> str:
    if name not in _OPTIONS:
        raise PluginError(f"there is no options class {name}; known: {', '.join(_OPTIONS)}")
    cls = _OPTIONS[name]
    described = _arguments(inspect.getdoc(cls) or "")
    fields = {field.name: field for field in dataclasses.fields(cls)}
    if described.keys() != fields.keys():
        raise PluginError(f"the docstring of {name} and its fields differ: {described.keys() ^ fields.keys()}")
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
        raise PluginError(f"the docstring of {where} tells another default than {default!r}: {told[1]}")
    return told[1], text[: told.start()] + text[told.end() :]


def _shown(default: object) -> str:
    if default is dataclasses.MISSING:
        return "its defaults"  # a nested options class, made by a factory
    return f'`"{default}"`' if isinstance(default, str) else f"`{default}`"


def _cell(text: str) -> str:
    text = text.strip().replace("|", "\\|")
    return text if text.startswith("`") else text[:1].upper() + text[1:]


# Lua


def _scripts() -> str:
    return "\n\n".join(_script(script) for script in scripts.ALL)


def _script(script: scripts.Script) -> str:
    sentence, *rest = script.header
    rows: list[list[str]] = []
    for line in rest:
        entry = _ENTRY.match(line)
        if entry:
            rows.append([entry["label"], entry["text"]])
        elif rows:
            rows[-1][1] += " " + line.strip()
        else:
            raise PluginError(f"{script.name}.lua has a line in its header that belongs to nothing: {line!r}")
    table = ["| part | contract |", "|---|---|"]
    for label, text in rows:
        shown = f"`{label}`" if "[" in label else label
        table.append(f"| {shown} | {_plain(text)} |")
    return "\n".join([f"### {script.name}", "", _plain(sentence), "", *table])


def _plain(text: str) -> str:
    """Text in which Markdown finds nothing to change."""
    return re.sub(r"([\\`*_{}\[\]<>|#])", r"\\\1", text)


def _grammar(module: ModuleType) -> str:
    grammar = re.search(r"::\n\n(.*?)\n\n(?=\S)", inspect.getdoc(module) or "", re.DOTALL)
    if grammar is None:
        raise PluginError(f"the docstring of {module.__name__} has no grammar")
    return "```text\n" + inspect.cleandoc(grammar[1]) + "\n```"


def _check_keys(markdown: str) -> None:
    names = [name for name in Keys.__slots__ if not name.startswith("_") and name not in ("membership", "of")]
    missing = [name for name in (*names, *_FAMILIES) if f"{name}" not in markdown]
    if missing:
        raise PluginError(f"the page does not describe the keys {', '.join(missing)}")


if __name__ == "__main__":
    page = Path(__file__).parents[1] / "options.md"
    page.write_text(with_tables(page.read_text()))
