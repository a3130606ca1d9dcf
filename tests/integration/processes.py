"""Worker processes, their ledger, and a check of the key space."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self, cast

import redis

from interval_scheduler.model.placement import tag_of

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

    def __init__(
        self,
        url: str,
        namespace: str,
        ledger: Path,
        work: str = "sleep:0",
        **options: Any,
    ) -> None:
        environment: Mapping[str, str] = options.pop("environment", {})
        arguments = [url, namespace, str(ledger), json.dumps(options), work]
        self._log = ledger.with_name(f"{ledger.name}.log")
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.integration.worker", *arguments],
                cwd=ROOT,
                stdout=subprocess.PIPE,
                stderr=log,
                env={**os.environ, **environment},
            )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line == b"ready\n", "the worker did not start"

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def log(self) -> str:
        """What the workers with this ledger wrote to their logs."""
        return self._log.read_text()

    @property
    def is_alive(self) -> bool:
        return self._process.poll() is None

    def kill(self) -> None:
        """As a crash does."""
        self._process.kill()
        self._process.wait(60)

    def terminate(self) -> int:
        """As an orchestrator does; the exit code."""
        self._process.terminate()
        return self._process.wait(60)

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


def end_leases(client: redis.Redis, namespace: str) -> None:
    """Let all leases of now end, as time would: so those of a worker that is killed may be longer than any pause."""
    for key in cast("list[bytes]", client.keys(f"{{{namespace}:*}}:leased")):
        for member in cast("list[bytes]", client.zrange(key, 0, -1)):
            client.zincrby(key, -_DAY_MS, member)  # what follows the point of a deadline is kept


_DAY_MS = 86_400_000
#: Where a task can be, and what may be noted of one beside that.
_ZSETS = ("due", "leased", "dead", "paused")
_NOTES = ("attempts", "runs", "failures", "history", "causes", "pauses")
_PASSING = (b":reply:", b":lock:", b":wanted:", b":taken:", b":count:")


def check_key_space(client: redis.Redis, namespace: str) -> None:
    """Every id in `tasks` is in exactly one of due, leased, paused, parked and dead; nothing else is anywhere."""
    keys = cast("list[bytes]", client.keys(f"{{{namespace}:*"))
    names = [key.decode() for key in keys if not any(passing in key for passing in _PASSING)]
    for tag in {name[: name.index("}") + 1] for name in names}:
        tasks = set(client.hkeys(f"{tag}:tasks"))
        places = {name: set(client.zrange(f"{tag}:{name}", 0, -1)) for name in _ZSETS}
        parked = client.hgetall(f"{tag}:group:parked-of")
        assert set(parked.values()) == set(client.zrange(f"{tag}:group:parked", 0, -1))
        places["parked"] = set(parked)
        assert sum(map(len, places.values())) == len(tasks), f"{tag}: an id is at two places or at none"
        assert set().union(*places.values()) == tasks
        assert set(client.hkeys(f"{tag}:leases")) == places["leased"]
        failing = set(client.zrange(f"{tag}:failing", 0, -1))
        assert failing == set(client.hkeys(f"{tag}:causes"))
        assert failing <= tasks - places["dead"]
        for name in _NOTES:
            assert set(client.hkeys(f"{tag}:{name}")) <= tasks, name
        assert set(client.hkeys(f"{tag}:errors")) <= places["dead"]
        assert not set(client.hkeys(f"{tag}:pauses")) & (places["due"] | places["parked"])
        assert set(client.hkeys(f"{tag}:group:overdue")) <= places["due"]
        of = client.hgetall(f"{tag}:group:of")
        assert set(of) <= places["leased"]
        assert client.hgetall(f"{tag}:group:runs") == {g: b"%d" % n for g, n in Counter(of.values()).items()}
        of_groups = ("in-use", "of", "runs", "parked", "parked-of", "overdue", "room", "refill")
        of_quotas = ("quota", "revision", "rates", "buckets", "caps")
        groups = {f"{tag}:group:{name}" for name in (*of_groups, *of_quotas)}
        known = {
            f"{tag}:{name}"
            for name in (
                "tasks",
                "leases",
                "errors",
                "failing",
                "fence",
                "halt",
                "actions",
                "longest",
                "hinted",
                "partitions",
                "epoch",
                "moves",
                "queues",
                "seen",
                "cards",
            )
        }
        known |= {f"{tag}:{name}" for name in (*_ZSETS, *_NOTES)}
        hint_keys = {name for name in names if name.startswith(f"{tag}:hint-")}
        for partition in {name.removeprefix(f"{tag}:").partition(":")[2] for name in hint_keys}:
            _check_hints(client, f"{tag}:hint-", partition)
        index = _check_tags(client, f"{tag}:tag:", cast("set[bytes]", tasks))
        assert {name for name in names if name.startswith(tag)} <= known | groups | hint_keys | index


def _check_tags(client: redis.Redis, prefix: str, tasks: set[bytes]) -> set[str]:
    """The index of hash tags has each task that has one, and nothing else; its keys."""
    tagged: dict[str, set[bytes]] = {}
    for raw_id in tasks:
        if (tag := tag_of(raw_id)) is not None:
            tagged.setdefault(tag.decode(), set()).add(raw_id.replace(b"{%s}" % tag, b"{", 1))
    now = cast("bytes | None", client.get(f"{prefix}now"))
    if now is None:
        assert tagged == {}
        return set()
    in_use = f"{prefix}{now.decode().partition(':')[0]}"
    assert {tag.decode() for tag in cast("list[bytes]", client.zrange(in_use, 0, -1))} == set(tagged)
    for name, members in tagged.items():
        assert set(client.zrange(f"{in_use}:{name}", 0, -1)) == members
    return {f"{prefix}now", in_use, *(f"{in_use}:{name}" for name in tagged)}


def _check_hints(client: redis.Redis, prefix: str, partition: str) -> None:
    """Each hint that waits says something, and each id knows its latest."""
    members = cast("list[bytes]", client.zrange(f"{prefix}order:{partition}", 0, -1))
    says = cast("dict[bytes, bytes]", client.hgetall(f"{prefix}says:{partition}"))
    of = cast("dict[bytes, bytes]", client.hgetall(f"{prefix}of:{partition}"))
    assert {member.partition(b" ")[0] for member in members} == set(says)
    latest = {raw_id: number for number, _, raw_id in (member.partition(b" ") for member in members)}
    assert {raw_id: number.lstrip(b"-") for raw_id, number in of.items()} == latest
