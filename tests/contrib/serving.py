"""Servers in processes of their own, as a user starts them, and servers in this event loop."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx
import uvicorn

from tests.servers import free_port
from tests.stories.programs import ROOT, environment
from tests.waiting import until

#: The time for what may take long on a machine with much to do.
PATIENCE_SECONDS = 60.0


class Serving:
    """A server, and the processes that it starts: they are a group of their own, and end together.

    Args:
        module: what `python -m` starts.
        arguments: its arguments; `PORT` stands for a free port.
        log: the file to which all of them write.
        variables: variables of its environment.
        folder: the folder in which it is started.
    """

    def __init__(
        self, module: str, arguments: Sequence[str], log: Path, variables: Mapping[str, str], folder: Path = ROOT
    ) -> None:
        self.port = free_port()
        self.http = httpx.AsyncClient(base_url=f"http://127.0.0.1:{self.port}", timeout=PATIENCE_SECONDS)
        self._log = log
        command = [sys.executable, "-m", module, *(each.replace("PORT", str(self.port)) for each in arguments)]
        with log.open("a") as output:
            self.process = subprocess.Popen(
                command,
                cwd=folder,
                env=environment(**variables),
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    @property
    def output(self) -> str:
        """What all its processes wrote."""
        return self._log.read_text()

    async def answers(self, path: str = "/") -> None:
        """Wait until it answers anything at all; fail if it ended."""

        async def does() -> bool:
            assert self.process.poll() is None, self.output
            try:
                await self.http.get(path)
            except httpx.TransportError:  # it does not serve yet
                return False
            return True

        await until(does, PATIENCE_SECONDS)

    async def ended(self) -> int:
        """Wait for the end of the process that was started; its exit code."""
        return await asyncio.to_thread(self.process.wait, PATIENCE_SECONDS)

    async def terminate(self) -> int:
        """As an orchestrator does."""
        self.process.terminate()
        return await self.ended()

    async def kill(self) -> None:
        """All its processes at once, as a machine does that goes away."""
        with contextlib.suppress(ProcessLookupError):  # none of the group is left: what was asked for
            os.killpg(self.process.pid, signal.SIGKILL)
        await self.ended()
        await self.http.aclose()


@contextlib.asynccontextmanager
async def started(
    module: str, *arguments: str, log: Path, variables: Mapping[str, str], folder: Path = ROOT
) -> AsyncIterator[Serving]:
    """Starts a process for the length of a block."""
    server = Serving(module, arguments, log, variables, folder)
    try:
        yield server
    finally:
        await server.kill()


@contextlib.asynccontextmanager
async def serving(
    module: str, *arguments: str, log: Path, variables: Mapping[str, str], folder: Path = ROOT
) -> AsyncIterator[Serving]:
    """Starts a server for the length of a block, and waits until it answers."""
    async with started(module, *arguments, log=log, variables=variables, folder=folder) as server:
        await server.answers()
        yield server


@contextlib.asynccontextmanager
async def served(app: Any, **options: Any) -> AsyncIterator[httpx.AsyncClient]:
    """Serves an ASGI application by uvicorn in this event loop, with its lifespan, and yields a client of it."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, lifespan="on", log_config=None, **options))
    running = asyncio.create_task(server.serve())
    try:
        await until(lambda: server.started or running.done(), PATIENCE_SECONDS)
        assert server.started, "the lifespan failed"
        port = server.servers[0].sockets[0].getsockname()[1]
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=PATIENCE_SECONDS) as client:
            yield client
    finally:
        server.should_exit = True
        await running


def commands_of(page: str) -> list[str]:
    """The lines of shell that a page has."""
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    return "\n".join(re.findall(r"^```bash\n(.*?)\n```$", text, re.MULTILINE | re.DOTALL)).split("\n")


def at_a_free_port(command: str) -> tuple[str, ...]:
    """The words of a command that starts uvicorn or gunicorn, and where it is to listen, ready for `serving`."""
    if command.startswith("uvicorn "):
        return *command.split(), "--host", "127.0.0.1", "--port", "PORT"
    # The socket by which gunicorn is controlled is one for each user, and so one for all tests.
    return *command.split(), "--bind", "127.0.0.1:PORT", "--no-control-socket"


def ledger_of(path: Path) -> list[tuple[int, str]]:
    """The lines of a ledger: the process, and the task that it ran."""
    lines = path.read_text().splitlines() if path.exists() else []
    return [(int(process), name) for process, name in (line.split() for line in lines)]


def ledger_variables(url: str, namespace: str, ledger: Path) -> Mapping[str, str]:
    """The environment of the services with a ledger."""
    return {"INTERVAL_SCHEDULER_REDIS": url, "NAMESPACE": namespace, "LEDGER": str(ledger)}
