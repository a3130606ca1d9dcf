"""`--health`: what is told of all processes, and that nothing that comes in disturbs them."""

from __future__ import annotations

import http.client
import json
import re
import signal
import socket
import stat
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest

from interval_scheduler import BlockingScheduler, IntervalTask
from tests.cli.running import Run, running
from tests.servers import RedisServer, free_port

Ask = Callable[[str], tuple[int, str]]


def ask_over(connect: Callable[[], socket.socket]) -> Ask:
    """Asks for a path over a new connection."""

    def ask(path: str) -> tuple[int, str]:
        connection = http.client.HTTPConnection("localhost")
        with closing(connect()) as connection.sock:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()

    return ask


def raw(port: int, sent: bytes) -> bytes:
    """What is answered to some bytes."""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        connection.sendall(sent)
        received = b""
        while data := connection.recv(65_536):
            received += data
        return received


@pytest.fixture
def scheduler(redis_server: RedisServer, namespace: str) -> Iterator[BlockingScheduler]:
    """Assigns tasks from outside."""
    with BlockingScheduler.from_url(redis_server.url, namespace=namespace) as scheduler:
        yield scheduler


def started(folder: Path, server: RedisServer, namespace: str, *words: str) -> Any:
    return running(folder, "app:worker", "--redis", server.url, "-n", namespace, *words)


def sample(text: str, name: str, **labels: str) -> float | None:
    """The value of a metric with these labels among others."""
    for line in text.splitlines():
        found = re.fullmatch(r"interval_scheduler_(\w+)(?:\{(.*)\})? (\S+)", line)
        if found and found[1] == name and all(f'{key}="{value}"' in found[2] for key, value in labels.items()):
            return float(found[3])
    return None


def answered(run: Run, ask: Callable[[], tuple[int, str]], holds: Callable[[int, str], bool]) -> str:
    """Ask until the status and the body of an answer are as they should be; return that body."""
    answers: list[tuple[int, str]] = []

    def is_so() -> bool:
        answers.append(ask())
        return holds(*answers[-1])

    run.until(is_so)
    return answers[-1][1]


def test_all_processes_are_told_of(
    redis_server: RedisServer, namespace: str, scheduler: BlockingScheduler, tmp_path: Path
) -> None:
    port = free_port()
    ask = ask_over(lambda: socket.create_connection(("127.0.0.1", port), timeout=60))
    run: Run
    with started(tmp_path, redis_server, namespace, "--processes", "2", "--health", str(port)) as run:
        run.up(2)
        told = json.loads(answered(run, lambda: ask("/ready"), lambda status, _: status == 200))
        assert [(each["process"], each["pid"], each["ok"]) for each in told["processes"]] == [
            (1, run.pids[0], True),
            (2, run.pids[1], True),
        ]
        scheduler.assign_task(IntervalTask("far", "sleep 0", every=3600, start=4_000_000_000))
        scheduler.assign_task(IntervalTask("now", "sleep 0"))
        runs = ("runs_total", "run_failures_total", "runs_in_progress", "places")

        def is_counted(_: int, text: str) -> bool:
            of_both = [sample(text, "runs_total", process=number) for number in ("1", "2")]
            # What waits is read before what ran.
            is_over = sample(text, "tasks_waiting", queue="") == 1
            return is_over and None not in of_both and sum(filter(None, of_both)) == 1

        text = answered(run, lambda: ask("/metrics"), is_counted)
        assert all(sample(text, name, process="2") is not None for name in runs)
        assert sample(text, "processes", state="up") == 2
        assert sample(text, "process_starts_total", process="1") == 1
        assert sample(text, "partition_online", queue="other") == 1
        for line in text.splitlines():
            assert re.fullmatch(r'# (HELP|TYPE) interval_scheduler_\w+ .+|[a-z_]+(\{([a-z]+="[^"]*",?)+\})? \S+', line)

        assert ask("/live") == (200, "live\n")
        scheduler.assign_task(IntervalTask("long", "gate"))
        run.until(lambda: run.times("begin")["long"] == 1)
        run.send(signal.SIGTERM)
        run.told("runs in progress may end")
        status, body = ask("/ready")
        assert (status, json.loads(body)["ready"]) == (503, False), "whoever drains is not ready"
        (tmp_path / "open").touch()
        assert run.code() == 0, run.said


@pytest.fixture
def address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The path of a unix socket, from the folder of the application: few characters are allowed."""
    monkeypatch.chdir(tmp_path)
    return Path("health.socket")


def ask_at(address: Path) -> Ask:
    """Asks at a unix socket."""

    def connect() -> socket.socket:
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(60)
        connection.connect(str(address))
        return connection

    return ask_over(connect)


def test_a_scheduler_that_is_not_well_is_not_ready(
    own_server: Callable[..., RedisServer], namespace: str, tmp_path: Path, address: Path
) -> None:
    server = own_server()
    with socket.socket(socket.AF_UNIX) as left_behind:  # as by a process that was killed
        left_behind.bind(str(address))
    ask = ask_at(address)
    with started(tmp_path, server, namespace, "--health", f"unix:{address}") as run:
        run.up(1)
        assert stat.S_IMODE(address.stat().st_mode) == 0o600
        run.until(lambda: ask("/ready")[0] == 200)
        server.kill()

        def tells_why(status: int, body: str) -> bool:
            (process,) = json.loads(body)["processes"]
            return status == 503 and any("partition" in each for each in process["problems"])

        answered(run, lambda: ask("/ready"), tells_why)
        assert ask("/live")[0] == 200
        run.until(lambda: sample(ask("/metrics")[1], "partition_online", queue="") == 0)
        assert sample(ask("/metrics")[1], "tasks_waiting") is None, "what is not known is not told"
        run.send(signal.SIGTERM)
        assert run.code() == 0, run.said
    assert not address.exists()


def test_a_process_that_is_blocked_is_not_ready(
    redis_server: RedisServer, namespace: str, scheduler: BlockingScheduler, tmp_path: Path, address: Path
) -> None:
    words = ("app:worker", "--redis", redis_server.url, "-n", namespace, "--health", f"unix:{address}")
    with running(tmp_path, *words, command=("-m", "tests.cli.run_quickly")) as run:
        run.up(1)
        ask = ask_at(address)
        run.until(lambda: ask("/ready")[0] == 200)
        scheduler.assign_task(IntervalTask("blocks", "block 600"))
        run.until(lambda: run.times("begin")["blocks"] == 1)
        run.until(lambda: "it does not answer" in ask("/ready")[1])
        assert ask("/ready")[0] == 503
        assert ask("/live") == (200, "live\n")
        assert sample(ask("/metrics")[1], "processes", state="up") == 1


def test_an_address_in_use_is_told(redis_server: RedisServer, namespace: str, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with started(tmp_path, redis_server, namespace, "--health", str(port)) as run:
            assert run.code() == 78, run.said
            assert "in use" in run.said
    (tmp_path / "file").write_text("of somebody")
    with started(tmp_path, redis_server, namespace, "--health", "unix:file") as run:
        assert run.code() == 78, run.said
    assert (tmp_path / "file").read_text() == "of somebody"


def test_what_comes_in_is_bounded(
    redis_server: RedisServer, namespace: str, scheduler: BlockingScheduler, tmp_path: Path
) -> None:
    port = free_port()
    with started(tmp_path, redis_server, namespace, "--health", str(port)) as run:
        run.up(1)
        assert raw(port, b"POST /live HTTP/1.1\r\n\r\n").startswith(b"HTTP/1.1 405 ")
        assert raw(port, b"GET /other HTTP/1.1\r\n\r\n").startswith(b"HTTP/1.1 404 ")
        assert raw(port, b"\x16\x03\x01 of TLS\r\n\r\n").startswith(b"HTTP/1.1 400 ")
        assert raw(port, b"GET /live HTTP/1.1\r\n" + b"x" * 7000 + b"\r\n\r\n").startswith(b"HTTP/1.1 200 ")
        head = raw(port, b"HEAD /live?x HTTP/1.0\r\n\r\n")
        assert (head[:12], head[-4:]) == (b"HTTP/1.1 200", b"\r\n\r\n")
        # The rest of what is too long is never read; so the answer may be lost with the connection.
        with suppress(ConnectionError):
            assert raw(port, b"x" * 100_000)[:12] in (b"", b"HTTP/1.1 431")
        idle = [socket.create_connection(("127.0.0.1", port), timeout=60) for _ in range(40)]
        try:
            assert raw(port, b"GET /live HTTP/1.1\r\n\r\n").startswith(b"HTTP/1.1 200 "), "idle ones keep nobody out"
            scheduler.assign_task(IntervalTask("t", "sleep 0"))
            run.until(lambda: run.times("end")["t"] == 1)
            assert idle[0].recv(1) == b"", "one too many closes the oldest"
            assert idle[-1].recv(1) == b"", "one that says nothing is closed after a while"
            assert raw(port, b"GET /live HTTP/1.1\r\n\r\n").startswith(b"HTTP/1.1 200 ")
        finally:
            for each in idle:
                each.close()
        run.send(signal.SIGTERM)
        assert run.code() == 0, run.said
        assert "Traceback" not in run.said
