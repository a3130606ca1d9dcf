"""`top`: partitions, schedulers and tasks, live."""

from __future__ import annotations

import asyncio
import os
import sys
from typing import Final

import click

from ... import SchedulerOptions
from ...environment import options_from
from ..connecting import connected, run_async
from ..durations import Duration
from ..exits import Ended
from ..output import Output
from ..settings import Settings, common
from ..top.frame import View, frame_of
from ..top.plain import plain_text
from ..top.reading import read
from ..top.watching import Watched, watch

_SHORTEST_SECONDS: Final = 0.2


@click.command("top")
@click.option("--interval", type=Duration(), default="2s", show_default=True, help="The time between two readings.")
@click.option("--once", is_flag=True, help="Write one frame as text, and end.")
@click.option("--plain", is_flag=True, help="Write frames as text, one after the other. Default if stdout is a pipe.")
@common
def top(settings: Settings, *, interval: float, once: bool, plain: bool) -> None:
    """Watch partitions, schedulers and their longest runs, and the tasks that are due, failing or dead.

    It only reads, and goes on while a partition is away. Press ? for the keys.
    """
    if interval < _SHORTEST_SECONDS:
        raise click.BadParameter(f"must be at least {_SHORTEST_SECONDS}s", param_hint="--interval")
    is_text = once or plain or settings.as_json or not (sys.stdout.isatty() and sys.stdin.isatty())
    run_async(_lines(settings, interval, once=once) if is_text else _screen(settings, interval))


async def _lines(settings: Settings, interval: float, *, once: bool) -> None:
    out, watched = Output(settings), Watched()
    async with connected(settings) as scheduler:
        while True:
            reading = await read(scheduler)
            watched = watch(watched, reading)
            frame = frame_of(reading, watched, View(), lambda moment: out.moment(moment)[11:19])
            out.value(reading, plain_text(frame, _title(settings)))
            sys.stdout.flush()
            if once:
                return
            if not settings.as_json:
                click.echo()
            await asyncio.sleep(interval)


async def _screen(settings: Settings, interval: float) -> None:
    if not settings.color:
        os.environ["NO_COLOR"] = "1"  # it is how Textual is told
    from ..top.screen import TopApp  # noqa: PLC0415 - only a screen needs Textual

    async with connected(settings) as scheduler:
        app = TopApp(scheduler, Output(settings), _title(settings), interval, is_dark=_is_dark())
        code = await app.run_async()
    if app.failure is not None:
        raise app.failure
    if code:
        raise Ended(code)


def _title(settings: Settings) -> str:
    namespace = settings.namespace or options_from(os.environ).get("namespace") or SchedulerOptions().namespace
    queue = "" if settings.queue is None else f", queue {settings.queue}"
    return f"interval-scheduler: namespace {namespace}{queue}"


def _is_dark() -> bool:
    """Tell if the terminal says that its ground is dark, as some do; dark if it says nothing."""
    return os.environ.get("COLORFGBG", "").rpartition(";")[2] not in ("7", "15")
