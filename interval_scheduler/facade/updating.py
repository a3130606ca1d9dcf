"""The public calls that change single things of a task, and that ask if there is one."""

from __future__ import annotations

from ..config.options import SchedulerOptions
from ..model.assignment import Reschedule, to_id
from ..model.checks import Moment, Repeat, Seconds, Start
from ..model.policy import Late, Missed, Overlap
from ..model.task import Task
from ..model.updating import UNCHANGED, Unchanged, to_update, updated
from ..services.lifespan import Lifespan
from .acting import note


class UpdateCalls:
    """The calls of a `Scheduler` that change a task and leave the rest of it, and that ask for one.

    Args:
        lifespan: the lifespan; it has everything that exists while connected.
        options: the scheduler's options.
    """

    def __init__(self, lifespan: Lifespan, options: SchedulerOptions) -> None:
        self._lifespan = lifespan
        self._rounding_ms = round(options.storage.task_interval_seconds * 1000)

    async def update_task(
        self,
        task_or_id: Task | str,
        *,
        every: Seconds | Unchanged | None = UNCHANGED,
        start: Start | Unchanged | None = UNCHANGED,
        data: str | bytes | Unchanged = UNCHANGED,
        repeat: Repeat | Unchanged = UNCHANGED,
        missed: Missed | Unchanged = UNCHANGED,
        spread: bool | Unchanged = UNCHANGED,
        until: Moment | Unchanged | None = UNCHANGED,
        max_runs: int | Unchanged | None = UNCHANGED,
        cron: str | Unchanged | None = UNCHANGED,
        timezone: str | Unchanged = UNCHANGED,
        timeout: Seconds | Unchanged | None = UNCHANGED,  # noqa: ASYNC109 - the task's, not this call's
        retries: int | Unchanged = UNCHANGED,
        backoff: Seconds | Unchanged = UNCHANGED,
        group: str | Unchanged | None = UNCHANGED,
        late: Late | Unchanged = UNCHANGED,
        start_deadline: Seconds | Unchanged | None = UNCHANGED,
        overlap: Overlap | Unchanged = UNCHANGED,
        jitter: Seconds | Unchanged | None = UNCHANGED,
        history: int | Unchanged = UNCHANGED,
        reschedule: Reschedule = "interval",
    ) -> bool:
        """Change what is given of a scheduled task, and nothing else, in one atomic step.

        All that is not given stays: the payload, the rules, the next run, the failed attempts, the count of runs, a
        pause. A run in progress goes on with what it was claimed with; after it, the task goes by what it has then. Any
        number of callers may update a task at once: each change of another thing holds.

        A task is changed whether tasks are accepted or not. Without anything to change, it is only looked for.

        Args:
            task_or_id: the task or its id. Only the id of a task is used.
            every: the interval; it takes the place of a cron expression. `None`: the task runs once more, at its next
                run; if it is running, that was its last one.
            start: the moment of the next run, as for `IntervalTask`; `None`: as soon as possible, or at the next
                occurrence of its cron expression. A task that is running runs then after that.
            data: the payload.
            repeat: `"rate"` or `"delay"`.
            missed: `"once"`, `"skip"` or `"all"`.
            spread: place all runs after the next one at a phase of the interval that follows from the id, or do not any
                longer.
            until: the moment after which no run is due; `None`: the task recurs for ever.
            max_runs: the number of runs after which the task is gone. Those since it was first given count. `None`: any
                number.
            cron: a cron expression; it takes the place of an interval, with its `repeat` and `spread`. `None`: none,
                and the task runs once more, unless `every` is given.
            timezone: the time zone of the cron expression.
            timeout: the longest time of a run; `None`: the option `run_timeout_seconds`.
            retries: the number of further attempts for a run that fails.
            backoff: the delay before the first further attempt.
            group: the group that the task belongs to from its next run on; `None`: none.
            late: `"run"`, which takes its start deadline off, or `"skip"`, which needs one.
            start_deadline: the time after its due time within which a run must start; it makes `late` `"skip"`. `None`:
                any time, and `late` is `"run"`.
            overlap: `"skip"` or `"once"`.
            jitter: the time by which each run is due later than its time on the grid at the most; `None`: no time. A
                run that waits for its time on the grid of an interval gets a draw of the new jitter.
            history: the number of its last runs that are kept; 0 forgets those that are.
            reschedule: the next run if the interval is another one now. `"interval"` (the default): one new interval
                after its previous time. `"keep"`: as planned; the new interval applies after that run. `"start"`: at
                `start`; as soon as possible if that is not given. With another cron expression or time zone, or a cron
                expression instead of an interval or the other way round, the first new occurrence counts, unless it is
                `"start"`. A `start` counts in any case.

        Returns:
            `True` if the task is scheduled and was changed, `False` if it is not scheduled.

        Raises:
            InvalidValue, InvalidType: a value is bad, or does not fit to what the task has, or the last moment of the
                task comes before its next run, by the server's clock; nothing was changed.
            GroupNeedsTag: the `group` has a bound or a rate, there are several partitions, and the id has no hash tag;
                nothing was changed.
            NotConnected, WrongEventLoop: call `connect` first, in this event loop.
            PartitionOffline: its home cannot be reached; nothing was changed. No hint is kept, also with
                `on_offline="hint"`: nobody knows what the task has there.
            OutcomeUnknown: the home was lost half-way; calling again is safe.
            NotReplicated: the task is changed, but too few replicas have that; see `wait_replicas`.
            StorageFull, StorageRefused: Redis refuses, or the record of the task is corrupt; nothing was changed.
        """
        asked = {
            "every": every,
            "start": start,
            "data": data,
            "repeat": repeat,
            "missed": missed,
            "spread": spread,
            "until": until,
            "max_runs": max_runs,
            "cron": cron,
            "timezone": timezone,
            "timeout": timeout,
            "retries": retries,
            "backoff": backoff,
            "group": group,
            "late": late,
            "start_deadline": start_deadline,
            "overlap": overlap,
            "jitter": jitter,
            "history": history,
        }
        update = to_update(to_id(task_or_id), asked, reschedule, self._rounding_ms)
        if update.asked:
            update = update._replace(note=note(self._lifespan.actor, "update_task", ", ".join(update.asked)))
        return updated(await (await self._lifespan.enter()).partitions.update(update))

    async def has_task(self, task_or_id: Task | str) -> bool:
        """Ask if a task is scheduled: waiting, running, or paused. A dead one is not. No payload is sent.

        Raises:
            InvalidValue, InvalidType: the id is bad.
            NotConnected, WrongEventLoop: call `connect` first, in this event loop.
            PartitionOffline: its home cannot be reached.
            StorageRefused: Redis refuses.
        """
        raw_id = to_id(task_or_id)
        return await (await self._lifespan.enter()).partitions.has(raw_id) is not None
