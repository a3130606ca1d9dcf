"""`bench`: figures, and nothing left behind."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable

import pytest

from interval_scheduler import BlockingScheduler, IntervalTask
from interval_scheduler.cli.benchmark import NAMESPACE
from tests.cli.conftest import DEADLINE_SECONDS, Result
from tests.servers import RedisServer

Command = Callable[..., Result]
KINDS = {"tasks", "due", "leased", "leases", "attempts", "dead", "paused"}


def tasks_left(server: RedisServer) -> set[str]:
    """The kinds of keys of tasks that are there."""
    with server.client() as client:
        return {key.decode().rpartition(":")[2] for key in client.scan_iter(f"{{{NAMESPACE}*")} & KINDS


def test_figures(inside: Command, redis_server: RedisServer, namespace: str) -> None:
    with BlockingScheduler.from_url(redis_server.url, namespace=namespace) as scheduler:
        scheduler.assign_task(IntervalTask("mine", start=4_000_000_000))
        ended = inside("bench", "--tasks", "500", "--seconds", "0.3", "--json", "--queue", "mail")
        assert ended.code == 0, ended.err
        figures = {each["name"]: (each["value"], each["unit"]) for each in map(json.loads, ended.out.splitlines())}
        assert figures.keys() == {
            *("assigned", "looked up", "round trip", "removed", "run", "lag p50", "lag p99", "lag max")
        }
        assert all(value > 0 for name, (value, _) in figures.items() if not name.startswith("lag"))
        assert [figures[name][1] for name in ("assigned", "run", "lag p50")] == ["tasks/s", "runs/s", "ms"]
        assert scheduler.has_task("mine"), "what is not its own is not touched"
    assert tasks_left(redis_server) == set()


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_bench_leaves_no_task(
    own_server: Callable[..., RedisServer], inside: Command, how: signal.Signals
) -> None:
    server = own_server()
    program = [sys.executable, "-m", "interval_scheduler.cli", "bench", "--redis", server.url, "--seconds", "600"]
    with subprocess.Popen([*program, "--tasks", "1000"], stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        try:
            for line in process.stderr:
                if b"waiting for due times" in line:
                    break
            ended = inside("bench", "--redis", server.url, "--tasks", "100", "--seconds", "0.1")
            assert (ended.code, ended.out) == (64, "")
            process.send_signal(how)
            assert process.wait(DEADLINE_SECONDS) == {signal.SIGINT: 130, signal.SIGTERM: 143}[how]
        finally:
            process.kill()
    assert tasks_left(server) == set()
