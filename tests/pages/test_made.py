"""The parts of pages that are made from the code are as the code is now, and a page reads as plain Markdown."""

from __future__ import annotations

import importlib
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from docs.making.api import api
from docs.making.commands import commands
from docs.making.dashboard import dashboard
from docs.making.examples import example
from docs.making.files import DOCS, MAKERS, stale
from docs.making.options import options
from docs.making.parts import BadPage, renewed
from docs.making.peers import peers
from docs.making.scripts import grammar, scripts
from interval_scheduler.storage.scripts import loader
from interval_scheduler.storage.scripts.keys import Keys
from tests.public import NAMES

ROOT = DOCS.parent
PAGES = [*sorted(DOCS.rglob("*.md")), ROOT / "README.md"]
#: What MkDocs and its extensions understand, and a reader of plain Markdown does not.
FOREIGN = re.compile(r"--8<--|^:::|^!!!|^\?\?\?|^=== \"|\A---$", re.MULTILINE)
#: Keys that have no name of their own in `Keys`, since there is one for each session or lock.
FAMILIES = ("reply:", "lock:", "taken:", "wanted:")


def test_no_part_is_stale() -> None:
    assert stale() == [], "make pages renews them"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page_reads_as_plain_markdown(page: Path) -> None:
    assert FOREIGN.findall(page.read_text(encoding="utf-8")) == []


def test_each_maker_is_asked_by_a_page() -> None:
    text = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    assert {name for name in MAKERS if f"<!-- end of {name} -->" in text} == set(MAKERS)


def test_a_part_that_was_changed_by_hand_is_made_anew() -> None:
    page = "Before.\n\n<!-- sum: 2 3 -->\nsix\n<!-- end of sum -->\n\nAfter, `<!-- sum: 1 -->` as code.\n"
    made = renewed(page, {"sum": lambda *words: str(sum(map(int, words)))})
    assert made == page.replace("\nsix\n", "\n\n5\n\n")
    assert renewed(made, {"sum": lambda *words: str(sum(map(int, words)))}) == made


@pytest.mark.parametrize(
    ("page", "told"),
    [
        ("<!-- nothing -->\n<!-- end of nothing -->", "nobody makes the part 'nothing'; known: one"),
        ("<!-- one: word -->\n", "<!-- one: word --> has no end: write <!-- end of one -->"),
        ("<!-- one -->\n<!-- one -->\n<!-- end of one -->", "has no end"),
    ],
)
def test_a_part_that_cannot_be_made_is_told(page: str, told: str) -> None:
    with pytest.raises(BadPage) as caught:
        renewed(page, {"one": lambda *_: "1"})
    assert told in str(caught.value)


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: api("interval_scheduler.Gone"), "there is no interval_scheduler.Gone"),
        (lambda: api("interval_scheduler.Scheduler", "gone"), "Scheduler has no gone"),
        (lambda: example("gone.py"), "docs/examples has no gone.py"),
        (lambda: options("Gone"), "there is no options class Gone"),
        (lambda: grammar("gone"), "there is no grammar of gone"),
        (lambda: peers("gone"), "there is no column gone; known: dispatch, two, assign"),
    ],
)
def test_words_that_name_nothing_are_told(make: Callable[[], str], told: str) -> None:
    with pytest.raises(BadPage) as caught:
        make()
    assert told in str(caught.value)


@pytest.mark.parametrize("name", NAMES)
def test_the_api_page_has_each_public_name(name: str) -> None:
    text = (DOCS / "api.md").read_text(encoding="utf-8")
    assert len(re.findall(rf"^### `{name}`$", text, re.MULTILINE)) == 1


@pytest.mark.parametrize("module", ["worker", "testing", "contrib.starlette", "contrib.fastapi", "contrib.litestar"])
def test_the_api_page_has_what_the_wings_offer(module: str) -> None:
    text = (DOCS / "api.md").read_text(encoding="utf-8")
    offered = set(importlib.import_module(f"interval_scheduler.{module}").__all__)
    again = {"lifespan", "scheduler_of"} if module == "contrib.fastapi" else set()  # they are those of Starlette
    missing = {name for name in offered - again - {"START"} if f"### `{module}.{name}`" not in text}
    assert missing == set()


def test_the_examples_of_docstrings_are_python() -> None:
    text = (DOCS / "api.md").read_text(encoding="utf-8")
    examples = re.findall(r"^\*\*Example\*\*\n\n```py\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert len(examples) >= 10
    for code in examples:
        compile("async def example():\n" + re.sub("^", "    ", code, flags=re.MULTILINE), "api.md", "exec")


def test_each_script_and_each_key_is_told() -> None:
    text = (DOCS / "lua.md").read_text(encoding="utf-8")
    assert scripts() in text
    assert [script.name for script in loader.ALL if f"### {script.name}\n" not in text] == []
    names = [name for name in Keys.__slots__ if not name.startswith("_") and name not in {"membership", "of"}]
    assert [name for name in (*names, *FAMILIES) if name not in text] == []


def test_each_schema_is_linked_and_well_formed() -> None:
    text = "".join((DOCS / page).read_text(encoding="utf-8") for page in ("cli.md", "cli-looking.md"))
    schemas = sorted((DOCS / "schemas").glob("*.json"))
    assert {f"schemas/{path.name}" for path in schemas} == set(re.findall(r"\((schemas/[^)]+)\)", text))
    assert all(json.loads(path.read_text(encoding="utf-8"))["title"] for path in schemas)


def test_the_commands_are_those_of_the_golden_files() -> None:
    assert commands() in (DOCS / "cli.md").read_text(encoding="utf-8")


def test_the_figures_of_the_dashboard_are_those_that_were_measured() -> None:
    measured = json.loads((ROOT / "benchmarks" / "results" / "dashboard.json").read_text(encoding="utf-8"))
    rows = [line for line in dashboard().splitlines() if line.startswith("| ")][1:]
    assert len(rows) == len(measured["pages"])
    spread = measured["pages"]["ahead"]["server"]
    (row,) = [row for row in rows if row.startswith("| Load ahead |")]
    assert f"| {spread['p50_ms']:g}, {spread['p95_ms']:g} |" in row
    assert f"{measured['tasks']:,} tasks" in dashboard()


def test_the_figures_beside_the_peers_are_those_that_were_measured() -> None:
    measured = json.loads((ROOT / "benchmarks" / "results" / "peers.json").read_text(encoding="utf-8"))["medians"]
    rows = {line.split("|")[1].strip(): line for line in peers("dispatch", "two", "lag").splitlines()[2:]}
    assert next(iter(rows)) == "**interval_scheduler**"
    assert len(rows) == 8
    ratio = measured["interval_scheduler"]["dispatch"] / measured["BullMQ"]["dispatch"]
    row = next(line for name, line in rows.items() if name.startswith("BullMQ"))
    assert f"| {measured['BullMQ']['dispatch']:,.0f} (\N{MULTIPLICATION SIGN}{ratio:,.0f}) |" in row


def test_the_readme_compares_with_the_peers_as_they_were_measured() -> None:
    measured = json.loads((ROOT / "benchmarks" / "results" / "peers.json").read_text(encoding="utf-8"))["medians"]
    peers_in_python = {"docket", "taskiq-redis", "APScheduler", "celery-redbeat", "rq-scheduler"}

    def ratio(work: str, names: set[str]) -> str:
        ours = measured["interval_scheduler"][work] / max(measured[name][work] for name in names)
        return f"{ours:.0f}" if ours >= 10 else f"{ours:.1f}"

    of_npm, of_bullmq = ratio("dispatch", {"interval-scheduler (npm)"}), ratio("dispatch", {"BullMQ"})
    in_bulk = ratio("assign", {"interval-scheduler (npm)", "BullMQ", *peers_in_python})
    readme = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())
    assert (
        f"that is {of_npm} times the dispatches of the npm package, {of_bullmq} times those of BullMQ, and "
        f"{ratio('dispatch', peers_in_python)} times those of the fastest of five other Python schedulers; and "
        f"{in_bulk} times the assignments of the fastest of all."
    ) in readme
