"""What the files of the documentation should hold: pages with parts that are made, and the plots of the benchmarks."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from docs.making.api import api
from docs.making.commands import commands
from docs.making.dashboard import dashboard
from docs.making.examples import example
from docs.making.options import options
from docs.making.parts import BadPage, Maker, renewed
from docs.making.peers import peers
from docs.making.plans import plans
from docs.making.scripts import grammar, scripts

DOCS: Final = Path(__file__).parents[1]
#: A page can show what is beside it, on the site and in the repository, and nothing outside of docs.
PLOTS: Final = DOCS / "assets" / "results"
_RESULTS: Final = DOCS.parent / "benchmarks" / "results"

MAKERS: Final[dict[str, Maker]] = {
    "api": api,
    "commands": commands,
    "dashboard": dashboard,
    "example": example,
    "grammar": grammar,
    "options": options,
    "peers": peers,
    "plans": plans,
    "scripts": scripts,
}


def made() -> dict[Path, bytes]:
    """Return each page that has parts, and each plot, as it should be.

    Raises:
        BadPage: a page asks for a part that cannot be made; the message names the page.
    """
    found = {PLOTS / plot.name: plot.read_bytes() for plot in sorted(_RESULTS.glob("*.svg"))}
    for page in sorted(DOCS.rglob("*.md")):
        text = page.read_text(encoding="utf-8")
        if "<!-- end of " in text:
            try:
                found[page] = renewed(text, MAKERS).encode()
            except BadPage as error:
                raise BadPage(f"{page.relative_to(DOCS)}: {error}") from error
    return found


def stale() -> list[str]:
    """Return the names of the files that are not as they should be, below `docs`."""
    return [
        str(path.relative_to(DOCS))
        for path, content in made().items()
        if not path.exists() or path.read_bytes() != content
    ]
