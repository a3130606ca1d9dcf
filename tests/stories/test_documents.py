"""Every block of Python in the README and in the documentation runs, and so does every example that ends by itself."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.servers import RedisServer
from tests.stories.page import blocks
from tests.stories.programs import EXAMPLES, ROOT, assert_succeeded, run

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_code_of_a_page_runs(page: Path, own_server: Callable[[], RedisServer]) -> None:
    found = list(blocks(page.read_text()))
    if not found:
        return
    url = own_server().url if any(block.needs_redis for block in found) else "no block of this page needs Redis"
    done = run(ROOT / "tests" / "stories" / "page.py", str(page), url, seconds=120)
    # What a page logs goes to stderr, so that alone is no failure.
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(found)} blocks were executed" in done.stdout


@pytest.mark.parametrize("name", ["README.md", "docs/quick-start.md"])
def test_the_first_pages_have_code(name: str) -> None:
    assert list(blocks((ROOT / name).read_text()))


def test_no_block_is_overlooked() -> None:
    """A fence that looks like Python to a reader, but not to the test, would never be run."""
    for page in PAGES:
        text = page.read_text()
        assert len(re.findall(r"^ *```+ ?python", text, re.MULTILINE)) == len(list(blocks(text))), page


def test_a_block_that_fails_is_noticed(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "One:\n\n```python\nimport asyncio\n```\n\nTwo:\n\n    ```python\n    await asyncio.wrong()\n    ```\n"
    )
    done = run(ROOT / "tests" / "stories" / "page.py", str(page), "none", seconds=60)
    assert done.returncode == 1
    assert f'File "{page}", line 10' in done.stderr
    assert "AttributeError" in done.stderr


def test_quick_start() -> None:
    for _ in range(3):  # on a machine that stands still meanwhile, there is no time for two runs
        done = run(EXAMPLES / "quick_start.py", seconds=60)
        assert_succeeded(done)
        lines = (rf"^refreshing the feed of {user}, \d+\.\d ms" for user in ("ada", "grace", "edsger"))
        times = [len(re.findall(line, done.stdout, re.MULTILINE)) for line in lines]
        if min(times) >= 2:
            break
    assert min(times) >= 2, done.stdout
    assert done.stdout.endswith("2 feeds are left under schedule\n")


def test_every_example_is_run_by_a_test() -> None:
    """Here, in test_apps.py, in test_fenced_store.py and in tests/contrib."""
    run_by_tests = {"quick_start", "fastapi_app", "aiohttp_app"}
    run_by_tests |= {
        "fenced_store",
        "plain_service",
        "feeds",
        "kubernetes",
        "litestar_app",
        "django_asgi",
        "django_wsgi",
    }
    run_by_tests |= {"sentry_hook", "structlog_hook", "tasks", "app"}
    assert {file.stem for file in EXAMPLES.rglob("*.*") if file.suffix != ".pyc"} == run_by_tests
