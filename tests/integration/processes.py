"""Worker processes, their ledger, and a check of the key space."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self, cast

import redis

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Entry:
    """One line of the ledger."""

    event: str
    id: str
    attempt: int
    token: int
    moment: float
    pid: int


class Worker:
    """A worker process on a namespace; killed at the end at the latest."""

    def __init__(self, url: str, namespace: str, ledger: Path, work: str = "sleep:0", **options: Any) -> None:
        arguments = [url, namespace, str(ledger), json.dumps(options), work]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.integration.worker", *arguments], cwd=ROOT, stdout=subprocess.PIPE
        )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line == b"ready\n", "the worker did not start"

    @property
    def pid(self) -> int:
        return self._process.pid

    def kill(self) -> None:
        """As a crash does."""
        self._process.kill()
        self._process.wait(20)

    def terminate(self) -> int:
        """As an orchestrator does; the exit code."""
        self._process.terminate()
        return self._process.wait(40)

    def freeze(self) -> None:
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        os.kill(self.pid, signal.SIGCONT)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        if self._process.poll() is None:
            self.kill()
        if self._process.stdout is not None:
            self._process.stdout.close()


def read_ledger(path: Path) -> list[Entry]:
    """All whole lines of the ledger."""
    if not path.exists():
        return []
    lines = [line.split(" ") for line in path.read_text().splitlines() if line.count(" ") == 5]
    return [Entry(e, i, int(a), int(t), float(m), int(p)) for e, i, a, t, m, p in lines]


def check_key_space(client: redis.Redis, namespace: str) -> None:
    """Every id in `tasks` is in exactly one of due, leased and dead; nothing else is anywhere."""
    keys = cast("list[bytes]", client.keys(f"{{{namespace}:*"))
    names = [key.decode() for key in keys if b":reply:" not in key and b":lock:" not in key]
    tags = {name[: name.index("}") + 1] for name in names}
    for tag in tags:
        tasks = set(client.hkeys(f"{tag}:tasks"))
        sets = [set(client.zrange(f"{tag}:{name}", 0, -1)) for name in ("due", "leased", "dead")]
        assert sum(map(len, sets)) == len(tasks), f"{tag}: an id is at two places or at none"
        assert set().union(*sets) == tasks
        assert set(client.hkeys(f"{tag}:leases")) == sets[1]
        assert set(client.hkeys(f"{tag}:attempts")) <= tasks
        known = {f"{tag}:{name}" for name in ("tasks", "due", "leased", "leases", "dead", "attempts", "fence")}
        assert {name for name in names if name.startswith(tag)} <= known
