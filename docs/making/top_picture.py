"""Makes the picture of `top`, docs/assets/top.svg, of a real one: `python -m docs.making.top_picture`."""

from __future__ import annotations

import asyncio
import contextlib
import re
import time
from pathlib import Path

from interval_scheduler import IntervalTask, Scheduler
from interval_scheduler.cli.frame.settings import Settings
from interval_scheduler.cli.output.output import Output
from interval_scheduler.cli.top.screen import TopApp
from tests.servers import RedisServer
from tests.waiting import until

PICTURE = Path(__file__).parents[1] / "assets" / "top.svg"
SETTINGS = Settings((), "feeds", None, False, False, True, 10, True, False)  # noqa: FBT003 - as nobody set them
#: The width of a character in the picture.
CELL = 12.2


async def refresh(data: str) -> None:
    """Refresh a feed, slowly or in vain if it says so."""
    if data == "slow":
        await asyncio.sleep(600)
    if data == "bad":
        raise TimeoutError("https://example.org/feed.xml did not answer within 10 s")
    await asyncio.sleep(0.02)


async def work(worker: Scheduler) -> None:
    start = time.time()
    await worker.assign_tasks(IntervalTask(f"feed:{n:05}", every=900, start=start + 40 + n / 8) for n in range(30_000))
    await worker.assign_tasks(IntervalTask(f"price:{n:02}", every=2) for n in range(60))
    await worker.assign_tasks(IntervalTask(f"archive:{name}", "slow", every=3600) for name in ("ada", "bob", "eve"))
    await worker.assign_tasks(IntervalTask(f"feed:{name}", "bad", every=900) for name in ("noether", "turing", "godel"))
    await worker.assign_task(IntervalTask("welcome:mallory", "bad"))
    await worker.start_task_execute(refresh)
    await worker.queue("mail").start_task_execute(refresh)


async def picture(urls: list[str]) -> str:
    reader = Scheduler.from_url(*urls, namespace="feeds")
    await reader.connect(create=False)

    async def is_told() -> bool:
        cards = await reader.schedulers()
        return bool(cards) and cards[0].runs > 200 and (await reader.overview()).dead == 1

    await until(is_told, 60)
    app = TopApp(reader, Output(SETTINGS), "interval-scheduler: namespace feeds", 2)
    async with app.run_test(size=(110, 38)) as pilot:
        await until(lambda: app.query_one("#due").row_count, 60)  # type: ignore[attr-defined]
        await pilot.pause(0.5)
        made = app.export_screenshot(simplify=True)
    await reader.close()
    return made


def settled(svg: str) -> str:
    """Take out what is loaded from elsewhere, and blanks at the beginning of a text, which some programs drop."""

    def moved(found: re.Match[str]) -> str:
        head, x, middle, length, rest, blanks, text = found.groups()
        left = CELL * len(blanks) / len("&#160;")
        return f"{head}{float(x) + left:g}{middle}{float(length) - left:g}{rest}{text}</text>"

    svg = re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)
    pattern = r'(<text [^>]*?x=")([\d.]+)("[^>]*textLength=")([\d.]+)("[^>]*>)((?:&#160;)+)([^<]*)</text>'
    return re.sub(pattern, moved, svg)


async def main() -> None:
    with contextlib.ExitStack() as stack:
        servers = [stack.enter_context(RedisServer()) for _ in range(3)]
        urls = [f"{server.url}?name=redis-{number}" for number, server in enumerate(servers, 1)]
        async with Scheduler.from_url(*urls, namespace="feeds", concurrency=20) as worker:
            await work(worker)
            PICTURE.write_text(settled(await picture(urls)))
            await worker.stop_task_execute(drain_seconds=0)


if __name__ == "__main__":
    asyncio.run(main())
