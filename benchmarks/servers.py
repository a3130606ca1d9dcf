"""The same work on each server at hand, and what an append-only file costs. `python -m benchmarks.servers`.

Rounds are interleaved, and what is told is the ratio to Debian's Redis. The servers are those of `make matrix`, which
`make bench-servers` installs first; `--server NAME=BINARY` adds others.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from benchmarks import resizing
from benchmarks.bench import DATA, Bench, assign_all, fill
from benchmarks.kinds import Kind, kinds
from benchmarks.machine import machine
from benchmarks.measuring import RESULTS, Figures, Kept, Measurement, Medians, interleaved, medians_of
from benchmarks.report import show
from benchmarks.spread import DAY, moments
from benchmarks.works import drain
from interval_scheduler import IntervalTask

#: The settings of the append-only file that are compared, on the first server.
PERSISTENCE: Final[dict[str, dict[str, str]]] = {
    "no append-only file": {},
    "appendfsync everysec": {"appendonly": "yes", "appendfsync": "everysec"},
    "appendfsync always": {"appendonly": "yes", "appendfsync": "always"},
}
#: The columns: the work, and which of its figures.
COLUMNS: Final = {
    "dispatches/s": ("dispatch", "per_second"),
    "server time of one, µs": ("dispatch", "redis_cpu_us"),
    "dispatches/s, due at random": ("at_random", "per_second"),
    "server time of one, µs, due at random": ("at_random", "redis_cpu_us"),
    "assigned in bulk/s": ("at_random", "assigned_per_second"),
    "bytes a task": ("at_random", "bytes_per_task"),
}


def dispatch(count: int, server: Mapping[str, Any]) -> Figures:
    """Assign tasks in bulk that are all due, and run each once."""
    with Bench(**server, **resizing.settings(server["binary"])) as bench:
        began = time.perf_counter()
        asyncio.run(fill(bench, count, every=DAY))
        return {"assigned_per_second": count / (time.perf_counter() - began), **_drained(bench, count)}


def at_random(count: int, server: Mapping[str, Any]) -> Figures:
    """The same with many more, which are due at random; and what they take while they wait."""
    with Bench(**server, **resizing.settings(server["binary"])) as bench:
        before, began = bench.info()["used_memory"], time.perf_counter()
        asyncio.run(
            assign_all(
                bench,
                (
                    IntervalTask(f"user:{n:07}", DATA, every=DAY, start=start)
                    for n, start in enumerate(moments(count, 0, time.time(), at_random=True))
                ),
            )
        )
        seconds = time.perf_counter() - began
        bench.settle("tasks", "due")  # while a table is being resized, there are two of it
        size = (bench.info()["used_memory"] - before) / count
        return {"assigned_per_second": count / seconds, "bytes_per_task": size, **_drained(bench, count)}


def _drained(bench: Bench, count: int) -> Figures:
    bench.settle("tasks", "due")
    found = drain(bench, count)
    assert found["duplicates"] == 0, found
    return {"per_second": found["per_second"], "redis_cpu_us": 1000 * found["redis_cpu_per_1000"]}


def allocator(kind: Kind) -> str:
    """Return what the server says of its allocator; and which it has instead, if that is loaded before it."""
    with Bench(**_of(kind)) as bench, bench.server.client() as client:
        info: dict[str, Any] = client.info("memory")
        told = str(info["mem_allocator"])
        if not kind.preload:
            return told
        assert kind.preload in Path(f"/proc/{bench.server.pid}/maps").read_text(encoding="utf-8")
        return f"{Path(kind.preload).name} in place of {told}"


def _of(kind: Kind, **settings: str) -> dict[str, Any]:
    """What `RedisServer` is given for a server of this kind."""
    return {"binary": kind.binary, "environment": {"LD_PRELOAD": kind.preload} if kind.preload else {}, **settings}


def suite(found: list[Kind], count: int, many: int) -> list[Measurement]:
    """All that is measured in a round."""
    works = {"dispatch": count, "at_random": many}
    return [
        Measurement(f"{kind.name}: {work}", f"servers.{work}", {"count": number, "server": _of(kind)})
        for work, number in works.items()
        for kind in found
    ] + [
        Measurement(
            f"{found[0].name}: {name}", "servers.dispatch", {"count": count, "server": _of(found[0], **settings)}
        )
        for name, settings in PERSISTENCE.items()
    ]


def page(medians: Medians, about: Mapping[str, tuple[str, str]], rounds: int, where: Mapping[str, str]) -> str:
    """Return the page.

    Args:
        medians: the figures by the titles of `suite`.
        about: version and allocator of each kind, by its name; the first is what others are compared with.
        rounds: how many there were.
        where: what it was measured on.
    """
    first, *_ = about
    lines = [
        "# Servers",
        "",
        f"Medians of {rounds} interleaved rounds. " + ", ".join(f"{k} {v}" for k, v in where.items()) + ".",
        "",
        f"In brackets: × {first}. Servers and worker share the cores.",
        "",
        "| server | version | allocator | " + " | ".join(COLUMNS) + " |",
        "|---|---|---" + "|---:" * len(COLUMNS) + "|",
    ]
    for name, (version, told) in about.items():
        cells = [_cell(medians, name, first, work, figure) for work, figure in COLUMNS.values()]
        lines.append(f"| {name} | {version} | {told} | " + " | ".join(cells) + " |")
    lines += [
        "",
        f"What the append-only file costs, on {first}:",
        "",
        "| setting | dispatches/s | assigned in bulk/s |",
        "|---|---:|---:|",
    ]
    without = next(iter(PERSISTENCE))
    for setting in PERSISTENCE:
        cells = [
            _ratio(medians[f"{first}: {setting}"][figure], medians[f"{first}: {without}"][figure])
            for figure in ("per_second", "assigned_per_second")
        ]
        lines.append(f"| {setting} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _cell(medians: Medians, name: str, first: str, work: str, figure: str) -> str:
    return _ratio(medians[f"{name}: {work}"][figure], medians[f"{first}: {work}"][figure])


def _ratio(value: float, first: float) -> str:
    return f"{show(value)} ({value / first:.2f})"


def main(words: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.servers", description="The same on each server.")
    parser.add_argument("--rounds", type=int, default=5, help="how often each is measured (default 5)")
    parser.add_argument("--count", type=int, default=100_000, help="tasks of a dispatch (default 100,000)")
    parser.add_argument("--many", type=int, default=900_000, help="tasks that are due at random (default 900,000)")
    parser.add_argument("--server", action="append", default=[], metavar="NAME=BINARY", help="one more server")
    parser.add_argument("--write", action="store_true", help="write benchmarks/results/servers.*")
    arguments = parser.parse_args(words)
    found = kinds(dict(each.partition("=")[::2] for each in arguments.server))
    kept = Kept("servers", {**vars(arguments), "write": None, "servers": [kind.version for kind in found]})
    rounds = interleaved(kept, suite(found, arguments.count, arguments.many), arguments.rounds)
    where, medians = machine(), medians_of(rounds)
    about = {kind.name: (kind.version, allocator(kind)) for kind in found}
    text = page(medians, about, arguments.rounds, where)
    print(text)
    if arguments.write:
        (RESULTS / "servers.md").write_text(text, encoding="utf-8")
        (RESULTS / "servers.json").write_text(
            json.dumps({"machine": where, "servers": about, "medians": medians, "rounds": rounds}, indent=1) + "\n",
            encoding="utf-8",
        )
    kept.forget()


if __name__ == "__main__":
    main()
