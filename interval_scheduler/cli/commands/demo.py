"""`demo`: thousands of tasks live, with a scheduler killed in the middle."""

from __future__ import annotations

import dataclasses
import logging

import click

from ..frame.connecting import run_async
from ..frame.exits import NO, Ended
from ..frame.settings import Settings, common
from ..options.times import Duration
from ..output.output import Output


@click.command("demo")
@click.option("--tasks", type=click.IntRange(1), default=10_000, show_default=True, help="How many.")
@click.option("--seconds", type=Duration(), default="20s", show_default=True, help="How long they run.")
@click.option("--every", type=Duration(), help="The interval. Default: 2s; on the embedded engine 4s.")
@common
def demo(settings: Settings, *, tasks: int, seconds: float, every: float | None) -> None:
    """Run thousands of tasks live, and kill a scheduler in the middle.

    Without --redis it plays on a server of its own, which it starts in a temporary folder (local://); where there is no
    server to start, on the embedded engine. It has a namespace of its own, and leaves no task behind. Exit code 1 if a
    task was lost.
    """
    from ..demo.places import on_own_server  # noqa: PLC0415 - the help needs no client of Redis
    from ..demo.play import Summary, perform  # noqa: PLC0415
    from ..demo.schedulers import Plan  # noqa: PLC0415
    from ..demo.screen import Screen  # noqa: PLC0415

    if seconds <= 0 or every == 0:
        raise click.UsageError("--seconds and --every must be above 0.")
    if len(settings.urls) > 1:
        raise click.UsageError("The demo plays on one server.")
    if not settings.debug:  # the demo itself tells of a kill and of its effects
        logging.getLogger("interval_scheduler").setLevel(logging.CRITICAL)
    screen = Screen(settings)

    def play(url: str) -> Summary:
        # A quarter of what the embedded engine manages on a fast machine.
        plan = Plan(url, tasks, seconds, every or (4.0 if url.startswith("memory:") else 2.0))
        return run_async(perform(plan, screen))

    summary = play(settings.urls[0]) if settings.urls else on_own_server(play, screen.say)
    out = Output(settings)
    values = {name: value for name, value in dataclasses.asdict(summary).items() if name != "lags"}
    out.record({**values, "nothing_lost": summary.nothing_lost}, summary.rows())
    if not summary.nothing_lost:
        raise Ended(NO, "Tasks were lost, or did not run again in time.")
    out.say("Nothing was lost.")
