"""The pages that tell how good this library is tell where each figure comes from."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

import pytest

from tests.stories.programs import ROOT

PAGES: Final = (
    "README.md",
    "docs/change-at-once.md",
    "docs/comparison.md",
    "docs/drift.md",
    "docs/duplicates.md",
    "docs/index.md",
    "docs/long-runs.md",
    "docs/per-user.md",
    "docs/redis-down.md",
    "docs/thundering-herd.md",
)
#: A rate, a ratio, a share, a size, or so many of so many.
FIGURE: Final = re.compile(
    r"\d[\d,.]* (?:a second|bytes|ms|µs|%|of \d)|\d[\d,.]* times (?:the|as|what)|\N{MULTIPLICATION SIGN}\d"
)
SOURCE: Final = re.compile(
    r"\]\((?:docs/)?(?:performance|fault-report|scaling|guarantees|failover)\.md|benchmarks/results/"
)


def unfounded(page: str) -> Iterator[str]:
    """The titles of the sections of a page that have a figure and no source."""
    text = re.sub(r"^( *)```.*?^\1```$", "", page, flags=re.DOTALL | re.MULTILINE)
    for section in re.split(r"^(?=#)", text, flags=re.MULTILINE):
        if FIGURE.search(section) and not SOURCE.search(section):
            yield section.partition("\n")[0]


@pytest.mark.parametrize("name", PAGES)
def test_each_section_with_a_figure_names_its_source(name: str) -> None:
    assert list(unfounded((ROOT / name).read_text(encoding="utf-8"))) == []


def test_a_figure_without_a_source_is_noticed() -> None:
    page = "# A\n\n182,000 a second.\n\n## B\n\n20 times the rate, [measured](performance.md).\n\n## C\n\n0 of 24,000\n"
    assert list(unfounded(page)) == ["# A", "## C"]
