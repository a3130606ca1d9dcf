"""What the measurements share: a private Redis, worker processes, the cost at the server."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from benchmarks import resizing
from interval_scheduler import IntervalTask, Scheduler
from interval_scheduler.storage.scripts import loader
from tests.servers import RedisServer

ROOT = Path(__file__).parents[1]
NAMESPACE = "bench"
DATA = "x" * 40
#: Far enough for nothing to become due during a measurement.
LATER = 4_000_000_000
#: The most slow commands that are kept.
_MOST_SLOW: Final = 100_000
#: The commands of the measurement itself, and of its connections.
_OWN: Final = (b"CLIENT", b"CONFIG", b"INFO", b"SLOWLOG")


class Bench:
    """Fresh partitions: databases of one private Redis, or each a Redis of its own.

    Args:
        partitions: how many.
        apart: whether each has a server of its own.
        servers: how many there are, if not `apart`: partitions are dealt out to them in turn.
        settings: what `RedisServer` is given.
    """

    def __init__(self, partitions: int = 1, *, apart: bool = False, servers: int = 1, **settings: Any) -> None:
        self._servers = [RedisServer(**settings) for _ in range(partitions if apart else servers)]
        self._places = [(self._servers[n % len(self._servers)], n // len(self._servers)) for n in range(partitions)]

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            for server in self._servers:
                stack.enter_context(server)
            self._running = stack.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._running.close()

    @property
    def server(self) -> RedisServer:
        """The server; the first, if there are several."""
        return self._servers[0]

    @property
    def urls(self) -> list[str]:
        return [server.url_of(db) for server, db in self._places]

    def scheduler(self, **options: Any) -> Scheduler:
        return Scheduler.from_url(*self.urls, namespace=NAMESPACE, **options)

    def keys(self, name: str) -> list[str]:
        """The key of this name of each partition."""
        return [f"{{{NAMESPACE}:127.0.0.1:{server.port}/{db}}}:{name}" for server, db in self._places]

    def settle(self, *names: str) -> None:
        """Have the hash tables of these keys be resized now; the servers were started with `resizing.settings()`."""
        for at, (server, db) in enumerate(self._places):
            with server.client(db) as client:
                keys = [self.keys(name)[at] for name in names]
                resizing.settle(client, *keys)
                assert not any(resizing.is_resizing(client, key) for key in keys)

    def info(self) -> dict[str, Any]:
        with self.server.client() as client:
            found: dict[str, Any] = client.info()
            return found

    def cost(self) -> Cost:
        """What the servers spent so far."""
        spent = Cost(0, 0, 0)
        for server in self._servers:
            with server.client() as client:
                info: dict[str, Any] = client.info()
            spent += Cost(
                info["used_cpu_user"] + info["used_cpu_sys"],
                info["total_reads_processed"],
                info["total_commands_processed"],
            )
        return spent

    def command_us(self) -> Counter[str]:
        """µs that the servers spent in each command so far; that of EVALSHA holds the commands of the scripts."""
        spent: Counter[str] = Counter()
        for server in self._servers:
            with server.client() as client:
                found: dict[str, dict[str, int]] = client.info("commandstats")
            spent.update({name.removeprefix("cmdstat_"): stat["usec"] for name, stat in found.items()})
        return spent

    def wait_idle(self, seconds: float = 120) -> float:
        """Wait until nothing is due and nothing is claimed; returns the moment, of `time.perf_counter`."""
        give_up_at = time.perf_counter() + seconds
        with ExitStack() as stack:
            clients = [stack.enter_context(server.client(db)) for server, db in self._places]
            while any(
                client.zcount(due, "-inf", time.time() * 1000) or client.zcard(leased)
                for client, due, leased in zip(clients, self.keys("due"), self.keys("leased"), strict=True)
            ):
                if time.perf_counter() > give_up_at:
                    raise TimeoutError("the tasks are not worked off")
                time.sleep(0.005)  # Redis tells nobody when the last task is completed
            return time.perf_counter()

    def slowest_script_us(self) -> int:
        """The longest command since the slow log was reset, in µs."""
        slowest = 0
        for server in self._servers:
            with server.client() as client:
                entries: list[dict[str, Any]] = client.slowlog_get(_MOST_SLOW)
            slowest = max([slowest, *(entry["duration"] for entry in entries)])
        return slowest

    def slowest_command_ms(self) -> dict[str, float]:
        """The longest command since the slow log was reset, in ms, by the name of its script; empty if all were short.

        Commands of the measurement itself do not count.
        """
        names = {script.sha.encode(): script.name for script in loader.ALL}
        longest, name = 0, ""
        for server in self._servers:
            with server.client() as client:
                entries: list[dict[str, Any]] = client.slowlog_get(_MOST_SLOW)
            for entry in entries:
                command, _, rest = entry["command"].partition(b" ")
                if entry["duration"] > longest and command not in _OWN:
                    longest, name = entry["duration"], names.get(rest[:40], command.decode())
        return {name: longest / 1000} if name else {}

    def reset_slow_log(self) -> None:
        for server in self._servers:
            with server.client() as client:
                client.config_set("slowlog-log-slower-than", 1000)
                client.config_set("slowlog-max-len", _MOST_SLOW)
                client.slowlog_reset()


@dataclass(frozen=True)
class Cost:
    """CPU seconds, socket reads and commands at the server."""

    cpu: float
    reads: int
    commands: int

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.cpu + other.cpu, self.reads + other.reads, self.commands + other.commands)

    def __sub__(self, other: Cost) -> Cost:
        return Cost(self.cpu - other.cpu, self.reads - other.reads, self.commands - other.commands)


class Worker:
    """A worker process, ready to go."""

    def __init__(self, bench: Bench, **options: Any) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.worker", ",".join(bench.urls), NAMESPACE, json.dumps(options)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self._read() == "ready"

    def go(self) -> None:
        self._write("go")

    def mark(self) -> None:
        """Have it count anew from now on."""
        self._write("mark")
        assert self._read() == "marked"

    def stop(self) -> dict[str, Any]:
        self._write("stop")
        with self._process:
            report: dict[str, Any] = json.loads(self._read())
        return report

    def _write(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()

    def _read(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()


async def fill(bench: Bench, count: int, **task: Any) -> None:
    """Assign `count` tasks with ids of 11 bytes and payloads of 40."""
    await assign_all(bench, (IntervalTask(f"user:{n:06}", DATA, **task) for n in range(count)))


async def assign_all(bench: Bench, tasks: Iterable[IntervalTask]) -> None:
    """Assign tasks by a scheduler of its own."""
    async with bench.scheduler() as scheduler:
        await scheduler.assign_tasks(tasks)
