"""What the search of the site shows first: pages that explain a thing before those that list all things.

MkDocs calls this when it builds the site. It changes the weight of pages, and nothing of what they say.
"""

from __future__ import annotations

from typing import Any, Final

from mkdocs.structure.pages import Page

#: Pages that have a word for everything, by the beginning of their path, with a weight below the usual 1.
_LISTS: Final = {
    "adr/": 0.2,
    "api.md": 0.2,
    "architecture.md": 0.2,
    "cli.md": 0.4,
    "fault-report.md": 0.2,
    "glossary.md": 0.4,
    "index.md": 0.2,
    "lua.md": 0.1,
}


def on_page_markdown(markdown: str, page: Page, **_: Any) -> str:
    """Give a page its weight (called by MkDocs)."""
    page.meta["search"] = {"boost": weight(page.file.src_uri)}
    return markdown


def weight(path: str) -> float:
    """Return the weight of a page in the search, by its path below `docs`: 1 if it explains, less if it lists."""
    return next((found for begin, found in _LISTS.items() if path.startswith(begin)), 1)
