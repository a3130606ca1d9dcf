"""The entries of docs/api.md, from the source: the signature of each public name, and what its docstring says.

Nothing is imported for that: griffe reads the files. A class is followed by those of its members that have a docstring,
or by those that the page names.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Final

import griffe

from docs.making.docstrings import described
from docs.making.parts import BadPage
from docs.making.signatures import signature

PACKAGE: Final = "interval_scheduler"
_ROOT: Final = Path(__file__).parents[2]
#: A class with more members than this begins with a list of links to them.
_MANY: Final = 8


def api(path: str, *members: str) -> str:
    """Return the entry of one public name, with its members.

    Args:
        path: the public name, such as `interval_scheduler.Scheduler`; or a module, for all classes in it.
        members: the members to show; all that have a docstring if there is none, and none at all for `-`.

    Raises:
        BadPage: there is no such name or member, or it has no docstring.
    """
    thing = _found(path)
    if thing.is_module:
        classes = [_itself(each) for name, each in thing.members.items() if not name.startswith("_") and each.is_class]
        return "\n\n".join(_entry(each, each.name, level=3) for each in classes)
    name = path.removeprefix(f"{PACKAGE}.")
    parts = [_entry(thing, name, level=3)]
    shown = _members(thing, members) if thing.is_class else []
    if len(shown) > _MANY:
        parts.append(" · ".join(f"[{each.name}](#{_anchor(f'{name}.{each.name}')})" for each in shown))
    parts += [_entry(each, f"{name}.{each.name}", level=4) for each in shown]
    return "\n\n".join(parts)


@cache
def _package() -> griffe.Module:
    """The package as griffe reads it, once for all entries."""
    package = griffe.load(PACKAGE, search_paths=[_ROOT], docstring_parser="google")
    assert isinstance(package, griffe.Module)
    return package


def _found(path: str) -> griffe.Object:
    try:
        thing = _package()[path.removeprefix(f"{PACKAGE}.")]
    except KeyError as error:
        raise BadPage(f"there is no {path}") from error
    return _itself(thing)


def _itself(thing: griffe.Object | griffe.Alias) -> griffe.Object:
    """The thing itself, where there is only a name that was imported or inherited."""
    return thing.final_target if isinstance(thing, griffe.Alias) else thing


def _members(thing: griffe.Object, names: tuple[str, ...]) -> list[griffe.Object]:
    if names == ("-",):
        return []
    # Its own come first, as a reader of the source finds them.
    found = {name: _itself(each) for name, each in (thing.members | thing.inherited_members).items()}
    if not names:
        return [each for name, each in found.items() if each.has_docstring and name[0] != "_" and not each.is_class]
    if unknown := [name for name in names if name not in found]:
        raise BadPage(f"{thing.path} has no {', '.join(unknown)}")
    return [found[name] for name in names]


def _entry(thing: griffe.Object, name: str, *, level: int) -> str:
    if not thing.has_docstring:
        raise BadPage(f"{thing.path} has no docstring")
    parts = [f"{'#' * level} `{name}`", f"```py\n{signature(thing)}\n```", described(thing)]
    return "\n\n".join(part for part in parts if part)


def _anchor(heading: str) -> str:
    """The end of the address of a heading, by the rules of both MkDocs and GitHub."""
    return heading.lower().replace(".", "")
