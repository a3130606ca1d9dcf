"""`top`: partitions, schedulers and tasks, live."""

from __future__ import annotations

import sys
from typing import Final

import click

from ..frame.connecting import run_async
from ..frame.loading import loading
from ..frame.settings import Settings, common
from ..options.times import Duration

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
    with loading():  # the help of the command needs none of it
        from ..top.showing import show_lines, show_screen  # noqa: PLC0415
    run_async(show_lines(settings, interval, once=once) if is_text else show_screen(settings, interval))
