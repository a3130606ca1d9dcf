"""`bench`: measures a server, in a namespace of its own that is emptied afterwards."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import click

from ..frame.connecting import run_async, scheduler_of
from ..frame.exits import refuse
from ..frame.settings import Settings, common
from ..options.times import Duration
from ..output.output import Output

if TYPE_CHECKING:  # the help needs no client of Redis
    from ..benchmark import Figure


@click.command("bench")
@click.option("--tasks", type=click.IntRange(100, 10_000_000), default=20_000, show_default=True, help="How many.")
@click.option("--seconds", type=Duration(), default="3s", show_default=True, help="How long the lag is looked at.")
@common
def bench(settings: Settings, *, tasks: int, seconds: float) -> None:
    """Measure what the server and this machine manage together.

    It has a namespace of its own, whose tasks are removed afterwards, also after an interrupt; what a kill leaves, the
    next bench removes. Others notice the load. The figures are those of one process; several manage more.
    """
    if seconds <= 0:
        raise click.UsageError("--seconds must be above 0.")
    out = Output(settings)
    figures = run_async(_measure(settings, tasks, seconds, out))
    rows = (
        (each.name, f"{each.value:,.0f}" if each.value >= 100 else f"{each.value:.2f}", each.unit) for each in figures
    )
    out.rows(("what", "figure", "unit"), rows, figures)


async def _measure(settings: Settings, tasks: int, seconds: float, out: Output) -> list[Figure]:
    from ... import LockTimeout  # noqa: PLC0415 - the help needs no client of Redis
    from ..benchmark import NAMESPACE, measure  # noqa: PLC0415

    own = dataclasses.replace(settings, namespace=NAMESPACE, queue=None)
    async with scheduler_of(own) as scheduler:
        try:
            async with scheduler.lock("bench", wait_seconds=0):
                await scheduler.clear_all_tasks()
                try:
                    return [figure async for figure in measure(scheduler, tasks, seconds, out.say)]
                finally:
                    await scheduler.stop_task_execute(drain_seconds=0)
                    await scheduler.clear_all_tasks()
        except LockTimeout:
            refuse("Another bench runs there, or was killed within the last 30 seconds.")
