"""The help of each command stays as it was seen last, and docs/cli.md tells it; the examples of that page run."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from docs.making.commands import GOLDEN
from docs.making.files import DOCS
from interval_scheduler.cli.frame import exits
from tests.cli.conftest import DEADLINE_SECONDS, run_command
from tests.cli.helps import file_of, helps
from tests.servers import RedisServer

HELPS = list(helps())
PAGE = DOCS / "cli.md"
RENEW = "make pages renews it"


def test_each_command_has_its_golden_file_and_no_file_is_left_over() -> None:
    assert {file_of(words) for words, _ in HELPS} == set(GOLDEN.glob("*.txt")), RENEW


@pytest.mark.parametrize(("words", "text"), HELPS, ids=[words or "itself" for words, _ in HELPS])
def test_a_help_is_as_it_was(words: str, text: str) -> None:
    assert text == file_of(words).read_text(encoding="utf-8"), RENEW


@pytest.mark.parametrize("words", ["", "assign", "dead clear"])
def test_a_process_shows_it(words: str) -> None:
    shown = run_command(*words.split(), "--help")
    assert (shown.code, shown.err) == (0, "")
    assert shown.out == file_of(words).read_text(encoding="utf-8")


def test_the_page_tells_each_help() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for words, _ in HELPS:
        assert not words or f"\n### {words}\n" in text


def test_the_page_tells_each_exit_code() -> None:
    text = PAGE.read_text(encoding="utf-8")
    codes = {value for name, value in vars(exits).items() if name.isupper() and isinstance(value, int)}
    assert codes >= {0, 1, 2, 64, 69, 70, 75, 77, 78, 130, 143}
    rows = " ".join(re.findall(r"^\| ([\d, ]+) \|", text, re.MULTILINE))
    assert {int(each) for each in re.findall(r"\d+", rows)} == codes


def test_the_examples_of_the_page_run(redis_server: RedisServer, namespace: str, tmp_path: Path) -> None:
    program = tmp_path / "interval-scheduler"
    program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m interval_scheduler.cli "$@"\n')
    program.chmod(0o755)
    settings: dict[str, Any] = {
        **os.environ,
        "PATH": f"{tmp_path}:{os.environ['PATH']}",
        "INTERVAL_SCHEDULER_REDIS": redis_server.url,
        "INTERVAL_SCHEDULER_NAMESPACE": namespace,
        "TZ": "UTC",
    }
    blocks = re.findall(r"^```console\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    examples = [each.partition("\n") for each in re.split(r"^\$ ", "".join(blocks), flags=re.MULTILINE) if each]
    assert len(examples) >= 5
    for command, _, said in examples:
        ended = subprocess.run(
            ["/bin/sh", "-c", command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=DEADLINE_SECONDS,
            check=False,
            env=settings,
        )
        assert ended.stdout.replace(repr(namespace), "'interval-scheduler'") == said, command
