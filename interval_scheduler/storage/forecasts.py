"""The face of the storage for runs to come: counts of next runs, and forecasts from samples.

::

    each partition: counts and a sample of ids ──▶ their headers, in steps ──▶ runs of each ──▶ one forecast

All partitions are asked at once. The runs of the sampled tasks are worked out a few ms at a time, so that nothing else
in this event loop has to wait for long.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Sequence
from typing import Final, NamedTuple

import anyio
import anyio.lowlevel

from ..errors import StorageError
from ..model.coming import Course, after_present
from ..model.counting import Buckets, Calendars, count_runs
from ..model.forecast import SAMPLED, Forecast, Stratum, slices_of, to_forecast
from ..model.policy import BadPolicy, of_header
from ..model.records import CorruptRecord, parse
from ..support import clock
from .commands import forecasting
from .commands.forecasting import LATE, LEASED, PARKED, Sample, SampledTask
from .partition.partition import Partition
from .partitions import Partitions

__all__ = ["Forecasts"]

#: The most requests for the headers of one sample: with the longest payloads, some 30 tasks are read.
_MOST_READS: Final = 8
#: The time after which the work on a sample lets others go on.
_AT_ONCE_SECONDS: Final = 0.003


class _Read(NamedTuple):
    """The sample of a partition, and what was read of its first tasks."""

    sample: Sample
    headers: Sequence[tuple[bytes | None, int]]


class Forecasts:
    """The part of the storage that tells of runs to come.

    Args:
        partitions: the partitions.
    """

    def __init__(self, partitions: Partitions) -> None:
        self._partitions = partitions

    async def upcoming(self, start_ms: int, width_ms: int, buckets: int) -> list[int]:
        """Count the waiting tasks whose next run is due in each bucket.

        Raises:
            PartitionOffline: a partition is offline.
        """
        self._partitions.require_online()
        counts = await asyncio.gather(
            *(forecasting.upcoming(partition.gate, start_ms, width_ms, buckets) for partition in self._partitions.all)
        )
        return [sum(each) for each in zip(*counts, strict=True)]

    async def forecast(self, width_ms: int, buckets: int) -> Forecast:
        """Estimate the runs in each bucket from now on.

        Raises:
            PartitionOffline: none of the partitions can be asked.
        """
        partitions = self._partitions.all
        found = await asyncio.gather(*(self._read(partition, width_ms, buckets) for partition in partitions))
        read = [each for each in found if not isinstance(each, StorageError)]
        if not read:
            raise next(each for each in found if isinstance(each, StorageError))
        missing = [
            partition.name for partition, each in zip(partitions, found, strict=True) if isinstance(each, StorageError)
        ]
        counted, late, strata = [0] * buckets, 0, list[Stratum]()
        for sample, headers in read:
            counted = [one + other for one, other in zip(counted, sample.counted, strict=True)]
            late += sample.sizes[LATE] + sample.sizes[PARKED]
            strata += await _strata(sample, headers, Buckets(sample.now_ms, width_ms, buckets))
        begin = Buckets(max(each.sample.now_ms for each in read), width_ms, buckets)
        return to_forecast(begin, counted, late, strata, missing)

    @staticmethod
    async def _read(partition: Partition, width_ms: int, buckets: int) -> _Read | StorageError:
        try:
            slices = slices_of(width_ms * buckets)
            seed = secrets.randbits(31)
            sample = await forecasting.sample(partition.gate, seed, SAMPLED, width_ms, buckets, slices)
            headers = list[tuple[bytes | None, int]]()
            for _ in range(_MOST_READS):
                if left := [task.raw_id for task in sample.tasks[len(headers) :]]:
                    headers += await forecasting.headers(partition.gate, left)
        except StorageError as error:
            return error
        return _Read(sample, headers)


async def _strata(sample: Sample, headers: Sequence[tuple[bytes | None, int]], buckets: Buckets) -> list[Stratum]:
    """Work out the runs of the sampled tasks that were read."""
    strata, calendars = [Stratum(size, buckets.number) for size in sample.sizes], Calendars(buckets)
    since = clock.monotonic()
    for task, (header, ended) in zip(sample.tasks, headers, strict=False):
        runs = None if header is None else _runs(task, header, ended, buckets, calendars)
        if runs is not None:
            strata[task.stratum].add(runs)
        if clock.monotonic() - since > _AT_ONCE_SECONDS:
            await anyio.lowlevel.checkpoint()
            since = clock.monotonic()
    return strata


def _runs(task: SampledTask, header: bytes, ended: int, buckets: Buckets, calendars: Calendars) -> list[float] | None:
    """Count the runs of a task, without its next one if it waits; `None` if it cannot be worked out."""
    if task.is_paused:
        return [0.0] * buckets.number
    try:
        record, policy = parse(header + b"\n"), of_header(header)
        left = None if policy.max_runs is None else max(1, policy.max_runs - ended)
        course: Course | None = Course(
            task.raw_id,
            policy,
            record.every_ms,
            record.phase_ms or 0,
            max(record.grid_ms, 1),
            record.fixed_delay,
            task.due_ms,
            left,
        )
        if task.begun_ms is not None and course is not None:
            present = course._replace(left=None if left is None else left - 1)
            course = after_present(present, buckets.now_ms, task.begun_ms)
        runs = [0.0] * buckets.number if course is None else count_runs(course, buckets, calendars)
    except (CorruptRecord, BadPolicy):
        return None
    except Exception:  # noqa: BLE001 - a cron expression or a time zone that cannot be worked out here, for any reason
        return None
    if task.stratum != LEASED:  # the next run of any other is counted
        runs[buckets.of(task.due_ms)] -= 1
    return runs
