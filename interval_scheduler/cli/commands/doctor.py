"""`doctor`: what is wrong, and what to do about it."""

from __future__ import annotations

import click

from ... import ConfigurationError, SchedulerError
from ..connecting import connected, run_async
from ..doctor.diagnosis import Diagnosis
from ..doctor.gather import gather
from ..doctor.judge import judge
from ..doctor.servers import judge_servers, refused
from ..doctor.tell import tell
from ..exits import NO, Ended, code_of
from ..settings import Settings, common


@click.command("doctor")
@click.option("--strict", is_flag=True, help="Let warnings end it with 1 as well.")
@click.option(
    "--as-worker",
    is_flag=True,
    help="Connect as a worker does, too: it tries every command that a worker needs, on a key of its own.",
)
@common
def doctor(settings: Settings, *, strict: bool, as_worker: bool) -> None:
    """Look at servers, clocks, rights, schedulers and backlogs; say what is wrong, and what to do.

    It only reads. Exit code 1 if there are problems; that of the error if there is no way to connect.
    """
    found, error = run_async(_examine(settings, as_worker=as_worker))
    tell(settings, found)
    if error is not None:
        raise Ended(code_of(error)) from error
    if (strict and found) or any(each.severity == "problem" for each in found):
        raise Ended(NO)


async def _examine(settings: Settings, *, as_worker: bool) -> tuple[list[Diagnosis], SchedulerError | None]:
    """Return what is wrong, and the error if there is no way to connect."""
    try:
        async with connected(settings) as scheduler:
            found = judge(await gather(scheduler, settings.queue))
    except ConfigurationError:
        raise
    except SchedulerError as error:
        return [refused(error)], error
    return (found + await _as_worker(settings, found) if as_worker else found), None


async def _as_worker(settings: Settings, known: list[Diagnosis]) -> list[Diagnosis]:
    """Return what a worker that connects here finds beside what is known."""
    try:
        async with connected(settings, create=True) as scheduler:
            found = judge_servers(await scheduler.check_health())
    except SchedulerError as error:
        found = [refused(error)]
    kinds = {(each.kind, each.partition) for each in known}
    return [each for each in found if (each.kind, each.partition) not in kinds]
