"""Examines a namespace: connects, gathers and judges."""

from __future__ import annotations

from ... import ConfigurationError, SchedulerError
from ..frame.connecting import connected
from ..frame.settings import Settings
from .diagnosis import Diagnosis
from .gather import gather
from .judge import judge
from .servers import judge_servers, refused


async def examine(settings: Settings, *, as_worker: bool) -> tuple[list[Diagnosis], SchedulerError | None]:
    """Return what is wrong, and the error if there is no way to connect.

    Args:
        settings: the common options.
        as_worker: connect as a worker does, too.

    Raises:
        ConfigurationError: an option cannot be used.
    """
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
