"""Changing single things of a scheduled task."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from interval_scheduler.model.assignment import Reschedule
from interval_scheduler.model.rules import phase_of

from . import assigning
from .assigning import _first, _upcoming
from .places import Dead, Leased, Parked, Task, Waiting
from .schedule import Model
from .spec import Spec, Wanted

#: The fields of a spec that say no times, and their names in the API.
PLAIN = (
    "data",
    "missed",
    "until",
    "max_runs",
    "retries",
    "backoff",
    "timeout",
    "group",
    "history",
    "start_deadline",
    "overlap",
    "jitter",
)
_SPANS = ("interval", "start", "until", "timeout", "backoff", "start_deadline", "jitter")
#: The rules of a task that runs once, as far as they are bound to a recurrence.
_ONCE = ("once", None, None, "skip", None)
_NAMES = {"interval": "every", "delay": "repeat"}


@dataclass(frozen=True)
class Change:
    """What is to be changed: fields of a spec, and `start` and `spread`; moments and spans in ms."""

    id: str
    given: dict[str, Any]

    @property
    def raw_id(self) -> bytes:
        return self.id.encode()

    def arguments(self) -> dict[str, Any]:
        """As `update_task` takes them."""
        found = {}
        for name, value in self.given.items():
            told = value / 1000 if name in _SPANS and value is not None else value
            if name == "delay":
                told = "delay" if value else "rate"
            found[_NAMES.get(name, name)] = told
        return found


def update(model: Model, change: Change, rule: Reschedule, grid: int, now: int) -> bool | None:
    """Change a task; whether it is scheduled, None if that is refused.

    Args:
        model: what there is.
        change: what is to be changed.
        rule: when it runs next, if its interval is another one then.
        grid: the rounding grid of the scheduler.
        now: the server's clock.
    """
    task = model.scheduled(change.raw_id)
    if task is None:
        return False
    if not task.spec.is_readable:
        return None
    before, given = task.spec, change.given
    was_spread = before.interval is not None and before.phase == phase_of(change.raw_id, before.interval)
    spec, spread = _changed(before, given, spread=was_spread)
    recurs = spec.interval is not None or spec.cron is not None
    if not _fits(spec, spread=spread):
        return None
    if "start" in given:
        rule = "start"
    has_other_times = (spec.interval, spec.cron) != (before.interval, before.cron) or (
        spec.interval is not None and (spec.delay, spread) != (before.delay, was_spread)
    )
    counts_anew = "interval" in given and rule == "interval" and before.previous is not None
    is_last = isinstance(task.place, Leased) and not recurs and rule != "start"
    is_moved = has_other_times or counts_anew or rule == "start"
    is_redrawn = not is_moved and _is_redrawn(task, spec)
    if is_last or not (is_moved or is_redrawn):
        return _keep_times(model, change, task, spec, now)
    if is_redrawn or (rule == "interval" and spec.interval == before.interval and not counts_anew):
        rule = "keep"
    has_new_grid = rule == "start" or given.get("interval") is not None
    # A jitter needs exact times.
    new_grid = 0 if spec.jitter is not None else grid if has_new_grid else before.grid
    wanted = Wanted(change.id, replace(spec, previous=None), given.get("start"), spread)
    answer = assigning.assign(model, wanted, rule, new_grid, now)
    return None if answer is None else True


def _is_redrawn(task: Task, spec: Spec) -> bool:
    """Whether the occurrence for which a task waits is drawn anew."""
    before = task.spec
    if isinstance(task.place, Leased) or spec.interval is None or (spec.jitter is None and before.jitter is None):
        return False
    return (spec.jitter, spec.until) != (before.jitter, before.until)


def _changed(before: Spec, given: dict[str, Any], *, spread: bool) -> tuple[Spec, bool]:
    """A spec with what is given, and whether it is spread."""
    interval, cron, delay = given.get("interval", before.interval), given.get("cron", before.cron), before.delay
    if given.get("interval") is not None:
        cron = None
    elif given.get("cron") is not None:
        interval = None
    if interval is None:
        spread = False
        delay = delay and before.interval is None and cron is None
    plain = {name: given[name] for name in PLAIN if name in given}
    spec = replace(before, interval=interval, cron=cron, delay=given.get("delay", delay), **plain)
    return spec, given.get("spread", spread)


def _fits(spec: Spec, *, spread: bool) -> bool:
    """Whether what a task asks for goes together."""
    if spec.cron is not None:
        return not (spec.delay or spread) and not (spec.overlap == "once" and spec.missed == "all")
    if spec.interval is None:
        return not spread and (spec.missed, spec.until, spec.max_runs, spec.overlap, spec.jitter) == _ONCE
    if spec.delay and (spec.missed != "once" or spec.overlap == "once" or spec.jitter is not None):
        return False
    return not (spec.overlap == "once" and spec.missed == "all") and (spec.jitter or 0) < spec.interval


def _keep_times(model: Model, change: Change, task: Task, spec: Spec, now: int) -> bool | None:
    """Change a task whose times stay."""
    place, raw_id = task.place, change.raw_id
    assert not isinstance(place, Dead)
    if spec.interval is None:
        spec = replace(spec, phase=0, grid=0, previous=None)
    if change.given.get("until") is not None and spec.ended_by(_next(place, spec, change, now)):
        return None
    if not spec.history:
        task = replace(task, past=())
    if isinstance(place, Leased):
        if place.after is None and spec.header != task.spec.header:
            place = replace(place, after="rules")
        model.tasks[raw_id] = replace(task, spec=spec, place=place)
    elif spec.group != task.spec.group and (isinstance(place, Parked) or (isinstance(place, Waiting) and place.turn)):
        model.tasks[raw_id] = replace(task, spec=spec)
        model.move(raw_id, Waiting(place.due), now)
    else:
        model.tasks[raw_id] = replace(task, spec=spec)
    model.groups_in_use = model.groups_in_use or (spec.group is not None and spec.group != task.spec.group)
    return True


def _next(place: Any, spec: Spec, change: Change, now: int) -> int:
    """When a task is due next, without its end: after the run in progress, if there is one."""
    if not isinstance(place, Leased):
        return int(place.due)
    if isinstance(place.after, int):
        return place.after
    if spec.cron is not None:
        wanted = Wanted(change.id, spec)
        return now if spec.missed == "all" else _upcoming(wanted, _first(wanted, now), now)
    found = spec.following(now, place.due, raw_id=change.raw_id)
    if found is None:
        assert spec.until is not None
        return spec.until + 1
    return found
