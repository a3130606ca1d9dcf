"""Measures the dashboard, and takes its pictures: `python -m tests.dashboard.check`, or `make dashboard-check`.

Redis, a worker that dispatches, the dashboard, and the browser are processes of their own. It writes
`benchmarks/results/dashboard.json` and `docs/assets/dashboard-*.png`, and fails if a bound is passed.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import httpx
import redis
from playwright.async_api import Browser, async_playwright

from benchmarks.machine import machine
from interval_scheduler import Scheduler
from interval_scheduler.dashboard.registry import PAGES
from tests.dashboard.browser.chromium import launched
from tests.dashboard.browser.costs import FORBIDDEN, Meter
from tests.dashboard.browser.site import PATIENCE, QUERIES, QUIET, populate, settled
from tests.dashboard.check.measuring import SHARED_SECONDS, at_the_server, in_the_browser, of_tabs, spread
from tests.dashboard.check.pictures import take_pictures
from tests.servers import RedisServer

_RESULTS: Final = Path(__file__).parents[3] / "benchmarks" / "results" / "dashboard.json"
_NAMESPACE: Final = "feeds"
#: The bounds that the project sets itself.
_SERVER_MS, _LOAD_MS, _COMMAND_MS, _TABS_RATIO = 100, 300, 5.0, 1.2
_TABS: Final = 100
#: In the URL of the page that counts tasks. A count is kept for longer than a view.
_COUNTED: Final = "prefix=feed%3A0000"


@contextlib.contextmanager
def process(role: str, url: str) -> Iterator[str]:
    """Runs a process of the check; gives what it says when it is ready."""
    arguments = [sys.executable, "-m", "tests.dashboard.check.process", role, url, _NAMESPACE]
    with subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdin is not None
        assert running.stdout is not None
        try:
            said = running.stdout.readline().strip()
            if not said:
                raise RuntimeError(f"the {role} does not start")
            yield said
        finally:
            running.stdin.close()
            running.wait(60)


async def fill(url: str, count: int) -> None:
    """Assign the tasks, and have those that fail do so."""
    async with Scheduler.from_url(url, namespace=_NAMESPACE, logger=QUIET, actor="service") as scheduler:
        await populate(scheduler, count, first_in=0)


async def until_settled(url: str) -> None:
    """Wait until the tasks that fail have done so."""
    async with Scheduler.from_url(url, namespace=_NAMESPACE, logger=QUIET) as scheduler:
        await settled(scheduler)


class Seen:
    """What is seen of a page.

    Args:
        address: its URL.
    """

    def __init__(self, address: str) -> None:
        self.address: Final = address
        self.took: list[float] = []
        self.slowest_ms = 0.0
        self.commands: set[str] = set()

    async def ask(self, client: httpx.AsyncClient, redis_client: redis.Redis, number: int) -> None:
        """Ask for it once; the page that counts tasks counts others each time."""
        meter = Meter(redis_client)
        self.took.append(await at_the_server(client, self.address.replace(_COUNTED, f"prefix=feed%3A{number:04}")))
        costs = meter.read()
        self.slowest_ms = max(self.slowest_ms, costs.slowest_ms)
        self.commands.update(costs.commands)


async def measure_pages(url: str, browser: Browser, client: redis.Redis, times: int) -> dict[str, Any]:
    """Measure each page beside the worker: all of them in turn, so that none finds a view that was read before."""
    seen = {page.name or "overview": Seen(f"{url}/{page.name}{QUERIES.get(page.name, '')}") for page in PAGES}
    seen["search"] = Seen(f"{url}/tasks?q=feed%3A0000")
    async with httpx.AsyncClient(timeout=PATIENCE) as asking:
        for number in range(times):
            anew = asyncio.create_task(asyncio.sleep(SHARED_SECONDS))  # until then, a view is shown again
            for page in seen.values():
                await page.ask(asking, client, number)
            await anew
    return {
        name: {
            "server": spread(page.took),
            "load": spread(await in_the_browser(browser, page.address, max(20, times // 5))),
            "slowest_command_ms": page.slowest_ms,
            "forbidden": sorted(FORBIDDEN & page.commands),
        }
        for name, page in seen.items()
    }


async def measure_tabs(url: str, client: redis.Redis, seconds: float) -> dict[str, Any]:
    """Measure what open tabs of the overview cost Redis, without a worker, whose requests would be counted too."""
    meter = Meter(client)
    counts = {tabs: await of_tabs(meter, url, tabs, seconds) for tabs in (0, 1, _TABS)}
    ratio = (counts[_TABS] - counts[0]) / max(1, counts[1] - counts[0])
    return {"requests": {str(tabs): count for tabs, count in counts.items()}, "ratio": round(ratio, 2)}


def passed(figures: dict[str, Any]) -> list[str]:
    """The bounds that were passed, in words."""
    found = []
    for name, page in figures["pages"].items():
        for what, value, bound in (
            ("ms at the server", page["server"]["p95_ms"], _SERVER_MS),
            ("ms to load", page["load"]["p95_ms"], _LOAD_MS),
            ("ms for a command", page["slowest_command_ms"], _COMMAND_MS),
        ):
            if value >= bound:
                found.append(f"{name}: {value} {what}, the bound is {bound}")
        if page["forbidden"]:
            found.append(f"{name}: sends {', '.join(page['forbidden'])}")
    if figures["tabs"]["ratio"] > _TABS_RATIO:
        found.append(f"{_TABS} tabs: {figures['tabs']['ratio']} times the requests of one, the bound is {_TABS_RATIO}")
    return found


def say(*lines: str) -> None:
    """Tell who watches."""
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()


async def main(count: int, times: int, seconds: float) -> int:
    """Measure, write, and return the exit code."""
    with RedisServer() as server, server.client() as client:
        began = time.monotonic()
        await fill(server.url, count)
        say(f"{count:,} tasks are assigned after {time.monotonic() - began:.0f} s")
        with process("dashboard", server.url) as url:
            async with async_playwright() as playwright:
                browser = await launched(playwright)
                with process("worker", server.url):
                    await until_settled(server.url)
                    pages = await measure_pages(url, browser, client, times)
                    pictures = await take_pictures(browser, url)
                tabs = await measure_tabs(f"{url}/", client, seconds)
                await browser.close()
    figures = {
        "tasks": count,
        "machine": machine(),
        "load_average": [round(each, 1) for each in os.getloadavg()],  # other work on the machine makes all slower
        "pages": pages,
        "tabs": tabs,
    }
    _RESULTS.write_text(json.dumps(figures, indent=2) + "\n")
    say(json.dumps(figures, indent=2), f"Pictures: {', '.join(pictures)}", *passed(figures))
    return 1 if passed(figures) else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.dashboard.check")
    parser.add_argument("--tasks", type=int, default=1_000_000, help="how many tasks there are")
    parser.add_argument("--times", type=int, default=100, help="how often each page is asked for")
    parser.add_argument("--seconds", type=float, default=30, help="how long tabs are open")
    asked = parser.parse_args()
    sys.exit(asyncio.run(main(asked.tasks, asked.times, asked.seconds)))
