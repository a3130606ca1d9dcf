"""Parts of pages that are made from the code, so that they cannot differ from it.

They are committed, for those who read a page as plain Markdown. In a page, such a part stands between two comments:

    <!-- options: SchedulerOptions -->

    what was made

    <!-- end of options -->

The first word says which part it is, and the words behind the colon are handed to its maker.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

Maker = Callable[..., str]

_PART = re.compile(
    r"^<!-- (?P<name>[a-z]+)(?:: (?P<words>[^\n]*?))? -->$.*?^<!-- end of (?P=name) -->$", re.MULTILINE | re.DOTALL
)
_BEGIN = re.compile(r"^<!-- (?P<name>[a-z]+)(?:: [^\n]*)? -->$", re.MULTILINE)


class BadPage(ValueError):
    """A page asks for a part that cannot be made."""


def renewed(page: str, makers: Mapping[str, Maker]) -> str:
    """Return a page with each of its parts made anew.

    Raises:
        BadPage: a part has no end, or no maker knows it or its words.
    """
    whole = {found.start() for found in _PART.finditer(page)}
    for begin in _BEGIN.finditer(page):
        if begin["name"] in makers and begin.start() not in whole:
            raise BadPage(f"{begin[0]} has no end: write <!-- end of {begin['name']} --> on a line of its own")
    return _PART.sub(lambda found: _made(found, makers), page)


def _made(found: re.Match[str], makers: Mapping[str, Maker]) -> str:
    name, words = found["name"], found["words"]
    if name not in makers:
        raise BadPage(f"nobody makes the part {name!r}; known: {', '.join(sorted(makers))}")
    begin = f"<!-- {name}: {words} -->" if words else f"<!-- {name} -->"
    return f"{begin}\n\n{makers[name](*(words or '').split()).strip()}\n\n<!-- end of {name} -->"
