"""Each link between files of the repository leads somewhere, as on the site: to a file, and to a heading in it."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

from tests.stories.programs import ROOT

PAGES = [*sorted((ROOT / "docs").rglob("*.md")), *sorted(ROOT.glob("*.md"))]
LINK = re.compile(r"\]\(([^)\s]+)\)")


def prose(page: Path) -> str:
    text = page.read_text(encoding="utf-8")
    return re.sub(r"^( *)```.*?^\1```$|`[^`\n]+`", "", text, flags=re.DOTALL | re.MULTILINE)


@cache
def anchors(page: Path) -> frozenset[str]:
    """The headings of a page as the ends of addresses, by the rules of GitHub."""
    text = re.sub(r"^( *)```.*?^\1```$", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    headings = (re.sub(r"\]\([^)]*\)", "", found) for found in re.findall(r"^#+ (.+)$", text, re.MULTILINE))
    return frozenset(re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings)


def broken(page: Path, text: str) -> list[str]:
    """The links in a text that lead nowhere from that page."""
    found = []
    for link in LINK.findall(text):
        if "://" in link or link.startswith("mailto:"):
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        if not target.exists() or (anchor and target.suffix == ".md" and anchor not in anchors(target)):
            found.append(link)
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_links_of_a_page_lead_somewhere(page: Path) -> None:
    assert broken(page, prose(page)) == []


@pytest.mark.parametrize("link", ["gone.md", "concepts.md#gone", "#gone", "examples/gone.py"])
def test_a_link_that_leads_nowhere_is_noticed(link: str) -> None:
    assert broken(ROOT / "docs" / "index.md", f"[It]({link})") == [link]


def test_the_readme_leads_to_each_page() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    missing = {page.name for page in (ROOT / "docs").glob("*.md") if f"(docs/{page.name}" not in text} - {"index.md"}
    assert missing == set()
