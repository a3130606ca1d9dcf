"""All that is done with tasks, with ten million of them on one server: `python -m benchmarks.ten_million`.

Each call is measured in a process of its own, so that the memory it takes is its own, with the server's slowest command
meanwhile. If the program is stopped, what was measured holds; the server is filled anew, since it is gone.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from typing import Final

from benchmarks import resizing
from benchmarks.bench import Bench
from benchmarks.machine import machine
from benchmarks.many import SHARE, share_due
from benchmarks.measuring import RESULTS, Figures, Kept, Measurement, measure, tell
from benchmarks.report import show
from benchmarks.works import drain

#: What is done, in this order, as functions of `many.py`; whether they are told the number of tasks; and what it is.
PARTS: Final = (
    ("first_page", False, "list: the first page of 100"),
    ("pages_in_the_middle", False, "list: pages of 100 from the middle on, by cursor"),
    ("search_by_tag", False, "search by a hash tag: the first page of 100"),
    ("sync_a_tag", False, f"sync the {SHARE:,} tasks of a hash tag"),
    ("overview", True, "overview"),
    ("export", True, "export into a file"),
    ("audit", True, "audit"),
)
ASSIGN: Final = "assign in bulk"
DISPATCH: Final = "dispatch of one in twenty, due at random"
_READING: Final = """\
One task in a hundred has a hash tag, which a thousand share; all are due at random moments, one in twenty of them now.
A task takes {bytes:.0f} bytes of the server. *Slowest command*: at the server, while this was done; none where all
took less than 1 ms.
"""


def measured(bench: Bench, kept: Kept, count: int) -> dict[str, Figures]:
    """Measure all that is not kept; return all."""
    figures = {ASSIGN: _part(bench, kept, ASSIGN, "assign", {"count": count}, again=True)}
    for function, wants_count, title in PARTS:
        figures[title] = _part(bench, kept, title, function, {"count": count} if wants_count else {})
    if kept.get(DISPATCH) is None:
        tell(f"{DISPATCH} ...")
        found = drain(bench, share_due(count))
        assert found["duplicates"] == 0, found
        wanted = ("per_second", "worker_cpu_per_1000", "redis_cpu_per_1000", "process_mb")
        _keep(bench, kept, DISPATCH, {name: found[name] for name in wanted})
    figures[DISPATCH] = kept.get(DISPATCH) or {}
    return figures


def _part(
    bench: Bench, kept: Kept, title: str, function: str, arguments: dict[str, int], *, again: bool = False
) -> Figures:
    """Return the figures of a part; with `again`, it is carried out also where they are there."""
    figures = kept.get(title)
    if figures is None or again:
        tell(f"{title} ...")
        bench.reset_slow_log()
        found = measure(Measurement(title, f"many.{function}", {"url": bench.urls[0], **arguments}))
        if figures is None:
            figures = _keep(bench, kept, title, found)
    return figures


def _keep(bench: Bench, kept: Kept, title: str, figures: Figures) -> Figures:
    slowest = bench.slowest_command_ms()
    bench.settle("tasks", "due")  # while a table is being resized, there are two of it, and each look-up may be two
    info = bench.info()
    figures = {
        **figures,
        "server_mb": info["used_memory"] / 2**20,
        "server_rss_mb": info["used_memory_rss"] / 2**20,
        **{f"slowest: {name}, ms": ms for name, ms in slowest.items()},
    }
    kept.put(title, figures)
    return figures


def page(figures: Mapping[str, Figures], count: int, where: Mapping[str, str]) -> str:
    """Return the page."""
    lines = [
        f"# {count:,} tasks on one server",
        "",
        ", ".join(f"{name} {value}" for name, value in where.items()) + ".",
        "",
        _READING.format(bytes=figures[ASSIGN]["server_mb"] * 2**20 / count),
        "| what | figures | memory: process, server (resident), MB | slowest command |",
        "|---|---|---|---|",
    ]
    for title, found in figures.items():
        slowest = [
            f"{name.split()[1].rstrip(',')} {ms:.1f} ms" for name, ms in found.items() if name.startswith("slow")
        ]
        shown = "<br>".join(
            f"{name.replace('_', ' ')}: {show(value)}"
            for name, value in found.items()
            if "_mb" not in name and not name.startswith("slow")
        )
        memory = f"{show(found['process_mb'])}, {show(found['server_mb'])} ({show(found['server_rss_mb'])})"
        lines.append(f"| {title} | {shown} | {memory} | {'<br>'.join(slowest) or '–'} |")
    return "\n".join(lines) + "\n"


def main(words: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ten_million", description="Very many tasks.")
    parser.add_argument("--count", type=int, default=10_000_000, help="how many tasks (default 10,000,000)")
    parser.add_argument("--write", action="store_true", help="write benchmarks/results/ten-million.*")
    arguments = parser.parse_args(words)
    kept = Kept("ten-million", {"count": arguments.count})
    with Bench(**resizing.settings()) as bench:
        figures = measured(bench, kept, arguments.count)
    where = machine()
    text = page(figures, arguments.count, where)
    print(text)
    if arguments.write:
        (RESULTS / "ten-million.md").write_text(text, encoding="utf-8")
        (RESULTS / "ten-million.json").write_text(
            json.dumps({"machine": where, "count": arguments.count, "figures": figures}, indent=1) + "\n",
            encoding="utf-8",
        )
    kept.forget()


if __name__ == "__main__":
    main()
