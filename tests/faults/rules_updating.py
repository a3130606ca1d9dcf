"""Rules of the machine: single things of tasks are changed, through the API."""

from __future__ import annotations

import asyncio
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from interval_scheduler import InvalidValue, Scheduler, StorageRefused
from interval_scheduler.model.assignment import Reschedule
from tests.model import Leased, Model, Parked, Paused, Waiting, updating
from tests.model.updating import Change
from tests.scripts.store import HOUR, MINUTE

from . import choices
from .driving import Driven

_ENDS = st.builds(lambda hours, ms: hours * HOUR + ms, st.integers(-2, 5), st.sampled_from([0, 1, 99]))
#: What may be given, each alone.
_RULES = st.fixed_dictionaries(
    {},
    optional={
        "data": st.text(max_size=2) | st.binary(max_size=3),
        "missed": st.sampled_from(["once", "skip", "all"]),
        "until": st.none() | _ENDS,
        "max_runs": st.none() | st.integers(1, 3),
        "retries": st.integers(0, 3),
        "backoff": st.sampled_from([1000, 2500]),
        "timeout": st.none() | st.just(1500),
        "group": st.sampled_from([None, "g", "h:ж"]),
        "history": st.sampled_from([0, 2]),
        "start_deadline": st.sampled_from([None, 2000]),
        "overlap": st.sampled_from(["skip", "once"]),
        "jitter": st.none() | st.sampled_from([5 * MINUTE, 20 * MINUTE]),
    },
)
_STARTS = st.none() | st.integers(-30, 5).map(lambda hours: hours * HOUR)
_INTERVALS = st.none() | st.sampled_from([HOUR, 2 * HOUR])
_TIMES = st.one_of(
    st.just({}),
    st.just({}),
    st.fixed_dictionaries({"interval": _INTERVALS}),
    st.fixed_dictionaries({"interval": st.just(2 * HOUR), "spread": st.booleans(), "delay": st.booleans()}),
    st.fixed_dictionaries({"cron": st.sampled_from([None, choices.CRON])}),
    st.fixed_dictionaries({"start": _STARTS}),
    st.fixed_dictionaries({"spread": st.booleans()}),
    st.fixed_dictionaries({"delay": st.booleans()}),
)
#: An id that is still to be found, and what is given.
changes = st.builds(lambda rules, times: rules | times, _RULES, _TIMES)


def placed(task_id: str, given: dict[str, Any], base: int, cron: str, grid: int = 0) -> Change:
    """With moments that count from a base, and a cron expression; without what is refused before anything is sent."""
    given = dict(given)
    for name in ("start", "until"):
        if given.get(name) is not None:
            given[name] += base
    if given.get("cron") is not None:
        given["cron"] = cron
    if given.get("delay") and given.get("missed", "once") != "once":
        del given["missed"]
    if given.get("overlap") == "once" and (given.get("delay") or given.get("missed") == "all"):
        del given["overlap"]
    if given.get("jitter") is not None and (given.get("delay") or grid):
        del given["jitter"]
    if given.get("until") is not None and given.get("start") is not None:
        given["until"] = max(given["until"], given["start"])
    return Change(task_id, given)


async def update(scheduler: Scheduler, change: Change, how: Reschedule) -> bool | None:
    try:
        return await scheduler.update_task(change.id, **change.arguments(), reschedule=how)
    except (InvalidValue, StorageRefused):
        return None  # it does not fit, would never run, or cannot be read


class Updating(Driven):
    """What changes tasks and leaves the rest of them."""

    @precondition(lambda self: self.model.tasks)
    @rule(
        given=st.lists(changes, min_size=1, max_size=3),
        numbers=choices.some_tasks,
        how=choices.rules,
        grid=choices.grids,
        lost=choices.twice,
    )
    def update(
        self, given: list[dict[str, Any]], numbers: list[int], how: Reschedule, grid: int, *, lost: bool
    ) -> None:
        scheduler = self.side.schedulers[grid]
        # Several at once on one task: they keep their order.
        task_id = self.named(numbers, Waiting, Leased, Parked, Paused)[0]
        drawn = [placed(task_id, each, self.base, self.cron, grid) for each in given]
        if any("cron" in each or "until" in each for each in given):
            drawn = drawn[:1]  # the next occurrence is looked up in between, so that not all go as one batch

        async def together() -> list[bool | None]:
            return list(await asyncio.gather(*[update(scheduler, change, how) for change in drawn]))

        self.step(
            together,
            lambda model, _, now: [updating.update(model, change, how, grid, now) for change in drawn],
            lost=lost,
        )


def mirror_of(change: Change, how: Reschedule) -> Any:
    """What an update does in the model."""

    def mirror(model: Model, now: int) -> bool | None:
        return updating.update(model, change, how, 0, now)

    return mirror
