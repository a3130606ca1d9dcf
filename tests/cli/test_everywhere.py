"""Every command as a process of its own: on one Redis with a new interpreter, on three, on a cluster, in a folder."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from interval_scheduler.cli.app import COMMANDS
from tests.cli.conftest import run_command, start_command
from tests.cli.words import WORDS
from tests.clusters import RedisCluster
from tests.folders import emptied, url_of, users
from tests.servers import RedisServer

#: They have tests of their own, on servers of their own, or need no server.
ELSEWHERE = {"run", "demo", "completion", "dashboard"}


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, list[str]]]:
    """The URLs of each kind of place."""
    with (
        emptied(tmp_path_factory.mktemp("folder")) as folder,
        users(folder, 1),  # so that not each command has to start the server
        RedisServer() as one,
        RedisServer() as two,
        RedisServer() as three,
        RedisCluster(replicas=False) as cluster,
    ):
        cluster.wait_well()
        several = [server.url for server in (one, two, three)]
        yield {
            "one": [one.url.replace("/0", "/1")],
            "three": several,
            "cluster": [cluster.url_of(partitions=3)],
            "folder": [url_of(folder)],
        }


def test_each_command_is_in_the_table() -> None:
    assert set(WORDS) | ELSEWHERE == set(COMMANDS)


@pytest.mark.parametrize("place", ["one", "three", "cluster", "folder"])
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
