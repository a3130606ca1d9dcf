"""The probes: the answers of `--health`: `/live`, `/ready` and `/metrics`, by the supervisor for all of its processes.

- `/live`: 200 as long as the supervisor is at work. It replaces dead processes itself.
- `/ready`: 200 if every process that is wanted is up, and says that its scheduler is well; else 503. Its body says
  more.
- `/metrics`: for Prometheus.

Requests that come while processes are asked share their answers, and answers hold for a second.
"""

from __future__ import annotations

import asyncio
import json
from http import HTTPStatus
from typing import Any, Final, Literal

from .answerer import Answer
from .metrics import ProcessFigures, metrics_text
from .spawned import Spawned
from .supervisor import Supervisor

_FRESH_SECONDS: Final = 1.0
_JSON: Final = "application/json"
_PROMETHEUS: Final = "text/plain; version=0.0.4; charset=utf-8"
_Question = Literal["health", "figures"]
_Found = list[tuple[Spawned, Any]]


class Probes:
    """Answers for all processes of a supervisor.

    Args:
        supervisor: the supervisor.
    """

    def __init__(self, supervisor: Supervisor) -> None:
        self._supervisor = supervisor
        self._asked: dict[_Question, tuple[float, asyncio.Task[_Found]]] = {}

    async def answer(self, path: str) -> Answer:
        """Answer a request for a path."""
        if path == "/live":
            return Answer(HTTPStatus.OK, "live\n")
        if path == "/ready":
            return await self._ready()
        if path == "/metrics":
            return await self._metrics()
        return Answer(HTTPStatus.NOT_FOUND, "there are /live, /ready and /metrics\n")

    async def _ready(self) -> Answer:
        rows = []
        for process, health in await self._ask("health"):
            row: dict[str, Any] = {"process": process.number, "pid": process.pid, "state": process.state}
            if process.state == "up":
                row |= {"ok": False, "problems": ["it does not answer"]} if health is None else health
            rows.append(row)
        # While a process is replaced there may be two in its place.
        well = {row["process"] for row in rows if row.get("ok")}
        is_ready = len(well) == len(self._supervisor.slots) and not self._supervisor.is_ending
        body = json.dumps({"ready": is_ready, "wanted": len(self._supervisor.slots), "processes": rows}) + "\n"
        return Answer(HTTPStatus.OK if is_ready else HTTPStatus.SERVICE_UNAVAILABLE, body, _JSON)

    async def _metrics(self) -> Answer:
        processes = [ProcessFigures(each.number, each.state, figures) for each, figures in await self._ask("figures")]
        slots = self._supervisor.slots
        text = metrics_text(
            processes, {each.number: each.starts for each in slots}, {each.number: each.deaths for each in slots}
        )
        return Answer(HTTPStatus.OK, text, _PROMETHEUS)

    async def _ask(self, question: _Question) -> _Found:
        """Ask all processes at once, or take the answers of a moment ago."""
        now = asyncio.get_running_loop().time()
        began, task = self._asked.get(question, (0.0, None))
        if task is None or (task.done() and now - began > _FRESH_SECONDS):
            task = asyncio.create_task(self._ask_all(question))
            self._asked[question] = now, task
        return await asyncio.shield(task)

    async def _ask_all(self, question: _Question) -> _Found:
        processes = sorted(self._supervisor.processes, key=lambda each: (each.number, each.pid))
        answers = await asyncio.gather(*(each.ask(question) for each in processes))
        return list(zip(processes, answers, strict=True))
