"""The everyday ways into the wrong event loop, and the ways out that the pages name: endpoints and fixtures."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import anyio.from_thread
import httpx
import pytest
from fastapi import FastAPI

from interval_scheduler import BlockingScheduler, IntervalTask, Scheduler, WrongEventLoop
from tests.servers import RedisServer
from tests.stories.programs import ROOT, environment

MODULE = """
import pytest
import pytest_asyncio
from interval_scheduler import Scheduler

{fixture}


{marked}
"""


def _client(app: FastAPI) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://app")


@pytest.mark.asyncio
async def test_endpoints(redis_server: RedisServer, namespace: str) -> None:
    app, scheduler = FastAPI(), Scheduler.from_url(redis_server.url, namespace=namespace)

    @app.get("/async")
    async def awaited() -> bool:
        return await scheduler.assign_task(IntervalTask("a"))

    @app.get("/from-thread")
    def from_thread() -> bool:
        return anyio.from_thread.run(scheduler.assign_task, IntervalTask("b"))

    @app.get("/asyncio-run")
    def own_loop() -> str:
        with pytest.raises(WrongEventLoop, match=r"anyio\.from_thread\.run"):
            asyncio.run(scheduler.assign_task(IntervalTask("c")))
        return "refused"

    async with asyncio.timeout(60), scheduler, _client(app) as client:
        assert (await client.get("/async")).json() is True
        assert (await client.get("/asyncio-run")).json() == "refused"
        assert (await client.get("/from-thread")).json() is True


@pytest.mark.asyncio
async def test_blocking_endpoints(redis_server: RedisServer, namespace: str) -> None:
    """Plain endpoints run in many threads, as the views of Django and Flask do."""
    app = FastAPI()
    with BlockingScheduler.from_url(redis_server.url, namespace=namespace) as scheduler:

        @app.get("/{user}")
        def subscribe(user: str) -> bool:
            return scheduler.assign_task(IntervalTask(user))

        async with asyncio.timeout(60), _client(app) as client:
            answers = await asyncio.gather(*(client.get(f"/{n % 20}") for n in range(100)))
            assert sum(answer.json() for answer in answers) == 20


@pytest.fixture
def run_pytest(tmp_path: Path) -> Callable[..., str]:
    def run(text: str, *arguments: str) -> str:
        (tmp_path / "test_it.py").write_text(text)
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", *arguments]
        done = subprocess.run(
            [*command, f"--rootdir={tmp_path}", "test_it.py"],
            cwd=tmp_path,
            env=environment(),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return done.stdout

    return run


def _page() -> tuple[str, str]:
    """The fixture and the test that docs/testing.md shows."""
    text = (ROOT / "docs" / "testing.md").read_text(encoding="utf-8")
    block = re.search(r"```text\n(@pytest_asyncio\.fixture.*?)```", text, re.DOTALL)
    assert block is not None
    fixture, _, marked = block[1].partition("\n\n\n")
    return fixture, marked


def test_a_module_and_its_tests_share_a_loop(run_pytest: Callable[..., str]) -> None:
    fixture, marked = _page()
    assert "1 passed" in run_pytest(MODULE.format(fixture=fixture, marked=marked))


def test_a_module_and_its_tests_have_loops_of_their_own(run_pytest: Callable[..., str]) -> None:
    fixture, marked = _page()
    said = run_pytest(MODULE.format(fixture=fixture, marked=marked.replace('(loop_scope="module")', "")))
    assert "WrongEventLoop" in said
    assert "pytest-asyncio: loop_scope" in said
    assert "1 failed" in said


def test_the_settings_that_are_named_exist(run_pytest: Callable[..., str]) -> None:
    fixture, marked = _page()
    plain = MODULE.format(fixture=fixture.replace(', loop_scope="module"', ""), marked=marked)
    plain = plain.replace('(loop_scope="module")', "")
    settings = [
        argument
        for name in ("asyncio_default_fixture_loop_scope", "asyncio_default_test_loop_scope")
        for argument in ("-o", f"{name}=module")
    ]
    assert all(setting.split("=")[0] in (ROOT / "docs" / "testing.md").read_text() for setting in settings[1::2])
    assert "1 passed" in run_pytest(plain, *settings)
