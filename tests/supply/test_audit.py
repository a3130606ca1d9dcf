"""The audit for known vulnerabilities tells, and fails where there is nobody to ask; all on this machine."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from supply.audit import CANARY, FOUND, NOBODY_TO_ASK, found
from supply.sbom import ROOT
from tests.servers import free_port

#: What the source knows: for names the versions in which they are bad.
KNOWN = {"jinja2": "2.10", "numpy": "2.5.5"}
#: A lock that pins one of these, for another interpreter than this at that.
PINS = ("anyio==4.16.0", "numpy==2.5.5 ; python_version < '3'")
LOCK = "".join(f"{pin} \\\n    --hash=sha256:{'0' * 64}\n    # via x\n" for pin in PINS)


class Answers(BaseHTTPRequestHandler):
    """A source of vulnerabilities."""

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        name = asked["package"]["name"]
        body = json.dumps(
            {"vulns": [vulnerability(asked["package"])] if KNOWN.get(name) == asked["version"] else []}
        ).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: object) -> None:
        """Say nothing."""


def vulnerability(package: dict[str, str]) -> dict[str, Any]:
    events = [{"introduced": "0"}, {"fixed": "999"}]
    affected = {"package": package, "ranges": [{"type": "ECOSYSTEM", "events": events}]}
    return {"id": f"BAD-{package['name']}", "summary": "it is bad", "affected": [affected]}


@pytest.fixture
def source() -> Iterator[int]:
    """The port of a source."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def audit(folder: Path, port: int) -> subprocess.CompletedProcess[str]:
    lock = folder / "lock.txt"
    lock.write_text(LOCK)
    options = ["--vulnerability-service=osv", f"--osv-url=http://127.0.0.1:{port}/"]
    command = [sys.executable, "-m", "supply.audit", str(lock), *options]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_a_pin_that_is_known_to_be_vulnerable_is_told(source: int, tmp_path: Path) -> None:
    done = audit(tmp_path, source)
    assert done.stdout == "numpy 2.5.5: BAD-numpy, fixed in 999\n"
    assert done.stderr == ""
    assert done.returncode == FOUND


def test_a_source_that_cannot_be_reached_is_a_failure(tmp_path: Path) -> None:
    done = audit(tmp_path, free_port())
    assert done.returncode == NOBODY_TO_ASK
    assert done.stderr.startswith("Nothing was audited: there is no source")
    assert CANARY in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize(
    ("stdout", "told"),
    [
        ("", None),
        ("not found", None),
        ('{"dependencies": []}', []),
        ('{"dependencies": [{"name": "jinja2", "version": "2.10", "vulns": []}]}', []),
        ('{"dependencies": [{"name": "jinja2", "skip_reason": "unknown"}]}', []),
    ],
)
def test_no_answer_and_an_answer_that_tells_nothing(stdout: str, told: list[str] | None) -> None:
    # Of the canary, both are taken for a source that knows nothing.
    assert found(subprocess.CompletedProcess([], 0, stdout=stdout, stderr="")) == told
