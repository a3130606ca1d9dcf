"""The page docs/first-service.md, step by step, as its reader goes through it."""

from __future__ import annotations

import asyncio
import os
import re
import shlex
import shutil
import signal
from pathlib import Path

import httpx
import pytest

from tests.cli.conftest import run_command
from tests.contrib.serving import PATIENCE_SECONDS, at_a_free_port, commands_of, serving, started
from tests.servers import RedisServer
from tests.stories.programs import EXAMPLES
from tests.waiting import until

pytestmark = pytest.mark.asyncio

LINE = re.compile(r"^process (\d+) refreshes the feed of ada$", re.MULTILINE)


async def _curl(http: httpx.AsyncClient, command: str) -> httpx.Response:
    """What curl does with the arguments that the page has."""
    *options, address = shlex.split(command)[1:]
    assert options[:1] in ([], ["-X"])
    return await http.request(options[1] if options else "GET", address.removeprefix("localhost:8000"))


async def test_each_step_does_what_the_page_says(redis_server: RedisServer, namespace: str, tmp_path: Path) -> None:
    install, work, serve, subscribe, look, kill, show, unsubscribe = commands_of("first-service.md")
    assert install.startswith("pip install '.[cli]' fastapi uvicorn")  # the environment of the tests has them
    assert (work, serve, kill) == ("python tasks.py", "uvicorn app:app", "kill -9 4711")
    shutil.copytree(EXAMPLES / "first_service", tmp_path / "folder")
    folder, log = tmp_path / "folder", tmp_path / "worker.log"
    # The page has the Redis of the reader's machine, and a namespace of its own.
    variables = {"INTERVAL_SCHEDULER_REDIS": redis_server.url, "INTERVAL_SCHEDULER_NAMESPACE": namespace}
    service = at_a_free_port(serve)

    def runs() -> list[str]:
        return LINE.findall(log.read_text()) if log.exists() else []

    async with serving(*service, log=tmp_path / "app.log", variables=variables, folder=folder) as app:
        async with started("tasks", log=log, variables=variables, folder=folder):
            assert (await _curl(app.http, subscribe)).json() == {"new": True}
            await until(lambda: len(runs()) >= 2, PATIENCE_SECONDS)
            place = look.replace("redis://localhost:6379/0", redis_server.url).replace("first-service", namespace)
            listed = await asyncio.to_thread(run_command, *shlex.split(place)[1:])
            assert (listed.code, "user:ada" in listed.out) == (0, True), listed
            os.kill(int(runs()[0]), signal.SIGKILL)
        before = len(runs())
        shown = (await _curl(app.http, show)).json()
        assert shown["scheduled"] is True, app.output
        assert shown["next_run"]
        async with started("tasks", log=log, variables=variables, folder=folder):
            await until(lambda: len(runs()) > before, PATIENCE_SECONDS)
            await app.kill()
            before = len(runs())
            await until(lambda: len(runs()) > before, PATIENCE_SECONDS)
            async with serving(*service, log=tmp_path / "app.log", variables=variables, folder=folder) as again:
                assert (await _curl(again.http, unsubscribe)).json() == {"removed": True}
                assert (await _curl(again.http, show)).json() == {"scheduled": False, "next_run": None}
                await again.terminate()
                assert "Traceback" not in again.output
    assert len({*runs()}) == 2, "each worker that was started ran some"
