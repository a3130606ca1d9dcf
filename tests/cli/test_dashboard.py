"""`dashboard` as a process: its link, its refusals, its signals, and a Redis that is away."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from interval_scheduler import BlockingScheduler, IntervalTask
from tests.cli.conftest import DEADLINE_SECONDS, Result, run_command
from tests.servers import RedisServer, free_port
from tests.waiting import until_outside

TOKEN = "correct horse battery"


class Dashboard:
    """A process with a dashboard."""

    def __init__(self, *words: str, proxies: str | None) -> None:
        inherited = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith("INTERVAL_SCHEDULER_") and name != "FORWARDED_ALLOW_IPS"
        }
        self.out: list[str] = []
        self.err: list[str] = []
        self.process = subprocess.Popen(
            [sys.executable, "-m", "interval_scheduler.cli", "dashboard", "--port", "0", *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=inherited if proxies is None else {**inherited, "FORWARDED_ALLOW_IPS": proxies},
        )
        self._readers = [
            threading.Thread(target=self._read, args=args)
            for args in ((self.process.stdout, self.out), (self.process.stderr, self.err))
        ]
        for reader in self._readers:
            reader.start()

    @staticmethod
    def _read(stream: Any, lines: list[str]) -> None:
        with stream:
            lines.extend(line.rstrip("\n") for line in stream)

    def link(self, number: int = 1) -> str:
        """Wait for a link."""
        until_outside(lambda: len(self.out) >= number or self.process.poll() is not None, DEADLINE_SECONDS)
        assert len(self.out) >= number, self.err
        return self.out[number - 1]

    def told(self, text: str) -> None:
        """Wait until it has said this."""
        until_outside(lambda: any(text in line for line in self.err), DEADLINE_SECONDS)

    def close(self) -> None:
        self.process.kill()
        self.process.wait(DEADLINE_SECONDS)
        for reader in self._readers:
            reader.join(DEADLINE_SECONDS)


@contextmanager
def dashboard(*words: str, proxies: str | None = None) -> Iterator[Dashboard]:
    """Runs a dashboard for the length of a block; it is told to believe the headers of these proxies, or nothing."""
    process = Dashboard(*words, proxies=proxies)
    try:
        yield process
    finally:
        process.close()


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    file = tmp_path / "token"
    file.write_text(TOKEN)
    file.chmod(0o600)
    return file


@pytest.fixture
def tasks(redis_server: RedisServer, namespace: str) -> None:
    """Three tasks in the namespace."""
    with BlockingScheduler.from_url(redis_server.url, namespace=namespace) as scheduler:
        scheduler.assign_tasks(IntervalTask(name, every=60) for name in "abc")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_link_opens_it_and_a_signal_ends_it(
    redis_server: RedisServer, namespace: str, tasks: None, number: signal.Signals, code: int
) -> None:
    with dashboard("--redis", redis_server.url, "-n", namespace) as served, httpx.Client() as browser:
        link = served.link()
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/\?token=[\w-]{43}", link)
        page = browser.get(link, follow_redirects=True, timeout=DEADLINE_SECONDS)
        assert page.status_code == 200
        assert "token" not in str(page.url)
        assert browser.get(page.url.join("overview.json"), timeout=DEADLINE_SECONDS).json()["tasks"] == 3
        assert "server" not in page.headers
        assert served.link(2) != link, "a second browser gets a link of its own"
        evil = browser.get(page.url, headers={"Host": "evil.test"}, timeout=DEADLINE_SECONDS)
        assert evil.status_code == 421
        served.process.send_signal(number)
        assert served.process.wait(DEADLINE_SECONDS) == code
        assert not any("token" in line for line in served.err)
        assert not any("Traceback" in line for line in served.err)


def test_a_link_works_when_nobody_reads_the_next_one(redis_server: RedisServer, namespace: str, tasks: None) -> None:
    words = ("-m", "interval_scheduler.cli", "dashboard", "--port", "0", "--redis", redis_server.url, "-n", namespace)
    process = subprocess.Popen([sys.executable, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout
    assert process.stderr
    try:
        link = process.stdout.readline().strip()
        process.stdout.close()
        page = httpx.get(link, follow_redirects=False, timeout=DEADLINE_SECONDS)
        assert page.status_code == 303
        assert "set-cookie" in page.headers
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=DEADLINE_SECONDS)
        assert process.returncode == 143
        assert "The output cannot be written" in said
        assert "Traceback" not in said
    finally:
        process.kill()
        process.wait(DEADLINE_SECONDS)


def test_a_token_file_and_a_path(redis_server: RedisServer, namespace: str, tasks: None, token_file: Path) -> None:
    words = ("--redis", redis_server.url, "-n", namespace, "--allowed-host", "ops.test", "--root-path", "/ops/schedule")
    more = ("--token-file", str(token_file), "--json", "--host", "0.0.0.0")
    with dashboard(*words, *more, proxies="127.0.0.1") as served:
        url = json.loads(served.link())["url"]
        assert url.endswith("/ops/schedule/")
        port = httpx.URL(url).port
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=DEADLINE_SECONDS) as program:
            headers = {"Authorization": f"Bearer {TOKEN}", "Host": "ops.test"}
            for path in ("/overview.json", "/ops/schedule/overview.json"):
                assert program.get(path, headers=headers).json()["tasks"] == 3
            assert program.get("/overview.json").status_code == 401
            forwarded = {**headers, "X-Forwarded-Proto": "https", "Origin": "https://ops.test"}
            form = program.post("/sign-in", data={"token": TOKEN}, headers=forwarded)
            assert (form.status_code, form.headers["location"]) == (303, "/ops/schedule/")
            assert "Secure" in form.headers["set-cookie"]
            assert "Path=/ops/schedule;" in form.headers["set-cookie"]
        assert not any(TOKEN in line for line in served.out + served.err)


def test_headers_of_no_proxy_are_not_believed(
    redis_server: RedisServer, namespace: str, tasks: None, token_file: Path
) -> None:
    words = ("--redis", redis_server.url, "-n", namespace, "--token-file", str(token_file), "--allow", "operate")
    with dashboard(*words) as served, httpx.Client(base_url=served.link(), timeout=DEADLINE_SECONDS) as program:
        forged = {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https", "Sec-Fetch-Site": "same-origin"}
        form = program.post("/sign-in", data={"token": TOKEN}, headers=forged)
        assert "Secure" not in form.headers["set-cookie"]
        assert program.post("/do/pause-all", data={"reason": ""}, headers=forged).status_code == 303
        wrong = [
            program.get(
                "/", headers={"Authorization": "Bearer x", "Cookie": "", "X-Forwarded-For": f"203.0.113.{number}"}
            )
            for number in range(11)
        ]
        assert [each.status_code for each in wrong] == [401] * 10 + [429]
    with BlockingScheduler.from_url(redis_server.url, namespace=namespace) as scheduler:
        paused = scheduler.paused()
        assert paused is not None
        assert paused.who == "127.0.0.1"


def test_it_starts_while_redis_is_away(own_server: Callable[..., RedisServer], namespace: str, tmp_path: Path) -> None:
    server = own_server(appendonly="yes")
    with BlockingScheduler.from_url(server.url, namespace=namespace) as scheduler:
        scheduler.assign_task(IntervalTask("a", every=60))
    server.stop()
    with dashboard("--redis", server.url, "-n", namespace) as served, httpx.Client() as browser:
        link = served.link()
        served.told("Redis cannot be reached")
        page = browser.get(link, follow_redirects=True, timeout=DEADLINE_SECONDS)
        assert page.status_code == 503
        assert "not connected to Redis" in page.text
        server.start()
        served.told("Redis is reached now")
        url = page.url.join("overview.json")
        until_outside(lambda: browser.get(url, timeout=DEADLINE_SECONDS).status_code == 200, DEADLINE_SECONDS)


def test_what_would_not_be_safe_is_refused(command: Callable[..., Result], tmp_path: Path) -> None:
    open_to_all = command("dashboard", "--host", "0.0.0.0", "--port", "0")
    assert (open_to_all.code, open_to_all.out) == (64, "")
    assert "--token-file" in open_to_all.err
    file = tmp_path / "token"
    file.write_text(TOKEN)
    file.chmod(0o644)
    readable = command("dashboard", "--token-file", str(file), "--port", "0")
    assert readable.code == 64
    assert f"chmod 600 {file}" in readable.err


def test_what_cannot_be_is_told(inside: Callable[..., Result], redis_server: RedisServer) -> None:
    no_such = inside("dashboard", "--port", "0")
    assert no_such.code == 78
    assert "There is no namespace" in no_such.err
    assert no_such.out == ""
    assert inside("dashboard", "--queue", "mail").code == 2
    assert inside("dashboard", "--root-path", "a").code == 2
    assert inside("dashboard", "--allowed-host", "a b").code == 2
    taken = inside("dashboard", "--port", str(redis_server.port))
    assert taken.code == 78
    assert f"--port {redis_server.port}" in taken.err


def test_redis_that_nobody_named() -> None:
    assert run_command("dashboard", "--port", str(free_port())).code == 78
