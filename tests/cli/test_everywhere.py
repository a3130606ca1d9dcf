"""Every command as a process of its own, on one Redis with a new interpreter, on three partitions and on a cluster."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from interval_scheduler.cli.app import COMMANDS
from tests.cli.conftest import run_command, start_command
from tests.clusters import RedisCluster
from tests.servers import RedisServer

#: Each command with words that work, in an order in which they find what they need, and its exit code.
#: `{backup}` is a file that `export` writes.
WORDS: dict[str, tuple[list[str], int]] = {
    "assign": (["{tenant}:a", "--every", "15m", "--data", "{}", "--start", "+1d", "--history", "3"], 0),
    "list": (["--prefix", "{tenant}"], 0),
    "show": (["{tenant}:a"], 0),
    "next": (["{tenant}:a", "--count", "2"], 0),
    "edit": (["{tenant}:a", "--every", "30m"], 0),
    "pause": (["{tenant}:a", "--reason", "as a test"], 0),
    "resume": (["--prefix", "{tenant}", "--yes"], 0),
    "run-now": (["{tenant}:a"], 0),
    "cancel": (["{tenant}:a"], 1),  # nothing runs
    "revive": (["{tenant}:a"], 1),  # nothing is dead
    "dead": (["list"], 0),
    "failing": (["list"], 0),
    "queues": ([], 0),
    "upcoming": (["--hours", "1"], 0),
    "stats": (["--since", "-1h"], 0),
    "schedulers": ([], 1),  # nobody executes them
    "rate": (["100/1m", "--yes"], 0),
    "top": (["--once", "--plain"], 0),
    "doctor": ([], 1),  # a task is due, and nobody runs it
    "audit": ([], 0),
    "export": (["{backup}"], 0),
    "import": (["{backup}", "--dry-run"], 0),
    "remove": (["{tenant}:a"], 0),
    "clear": (["--yes"], 0),
    "bench": (["--tasks", "500", "--seconds", "0.1"], 0),
}
#: They have tests of their own, on servers of their own, or need no server.
ELSEWHERE = {"run", "demo", "completion"}


@pytest.fixture(scope="module")
def places() -> Iterator[dict[str, list[str]]]:
    """The URLs of each kind of place."""
    with RedisServer() as one, RedisServer() as two, RedisServer() as three, RedisCluster(replicas=False) as cluster:
        cluster.wait_well()
        several = [server.url for server in (one, two, three)]
        yield {"one": [one.url.replace("/0", "/1")], "three": several, "cluster": [cluster.url_of(partitions=3)]}


def test_each_command_is_in_the_table() -> None:
    assert set(WORDS) | ELSEWHERE == set(COMMANDS)


@pytest.mark.parametrize("place", ["one", "three", "cluster"])
def test_every_command(place: str, places: dict[str, list[str]], namespace: str, tmp_path: Path) -> None:
    where = list(itertools.chain.from_iterable(("--redis", url) for url in places[place]))
    backup = str(tmp_path / "tasks.jsonl")
    call = start_command if place == "one" else run_command
    for name, (words, code) in WORDS.items():
        given = [backup if word == "{backup}" else word for word in words]
        own = [] if name == "bench" else ["-n", namespace]
        ended = call(name, *given, *where, *own)
        assert ended.code == code, (name, ended)
        assert "Traceback" not in ended.err, (name, ended)
