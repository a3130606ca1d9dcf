"""Bad input, first part: tasks and ids raise the right error, naming the field, before any I/O.

Two schedulers show "before any I/O" (fixtures in `conftest.py`). One was never connected: it has no client yet, so that
a call that gets past its checks raises `NotConnected` or `NotAcceptingTasks` instead. The other is connected and
accepting, with a client that fails the test when it is touched, and a task that must stand in its store untouched.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from interval_scheduler import IntervalTask, InvalidType, InvalidValue, NotAcceptingTasks, Scheduler, Task
from tests.unit.naming import Bad, names


class Made(Task):
    """A task whose members are what a test says."""

    def __init__(self, **members: Any) -> None:
        self._members: dict[str, Any] = {"id": "there", "serialize": "", "interval": None, "start": None} | members

    @property
    def id(self) -> str:
        found: str = self._members["id"]
        return found

    def serialize(self) -> str | bytes:
        found: str | bytes = self._members["serialize"]
        return found

    @property
    def on_execute_reschedule_to(self) -> float | timedelta | None:
        found: float | timedelta | None = self._members["interval"]
        return found

    @property
    def execute_on(self) -> float | datetime | None:
        found: float | datetime | None = self._members["start"]
        return found


_INTERVAL = "on_execute_reschedule_to"
BAD_TASKS = [
    pytest.param({"id": ""}, InvalidValue, "id", id='id ""'),
    pytest.param({"id": 5}, InvalidType, "id", id="id not str"),
    pytest.param({"id": b"there"}, InvalidType, "id", id="id of bytes"),
    pytest.param({"id": "x" * 513}, InvalidValue, "id", id="id over 512 bytes"),
    pytest.param({"id": "ü" * 257}, InvalidValue, "id", id="id over 512 bytes of UTF-8"),
    pytest.param({"id": "a\0b"}, InvalidValue, "id", id="id with NUL"),
    pytest.param({"id": "\udc80"}, InvalidValue, "id", id="id with a lone surrogate"),
    pytest.param({"serialize": None}, InvalidType, "serialize()", id="payload None"),
    pytest.param({"serialize": {"a": 1}}, InvalidType, "serialize()", id="payload dict"),
    pytest.param({"serialize": "x" * (256 * 1024 + 1)}, InvalidValue, "serialize()", id="payload over 256 KiB"),
    pytest.param({"serialize": "\udc80"}, InvalidValue, "serialize()", id="payload with a lone surrogate"),
    pytest.param({"interval": 0}, InvalidValue, _INTERVAL, id="interval 0"),
    pytest.param({"interval": -60}, InvalidValue, _INTERVAL, id="interval negative"),
    pytest.param({"interval": timedelta(0)}, InvalidValue, _INTERVAL, id="interval timedelta 0"),
    pytest.param({"interval": float("nan")}, InvalidValue, _INTERVAL, id="interval NaN"),
    pytest.param({"interval": float("inf")}, InvalidValue, _INTERVAL, id="interval infinite"),
    pytest.param({"interval": True}, InvalidType, _INTERVAL, id="interval True"),
    pytest.param({"interval": "60"}, InvalidType, _INTERVAL, id="interval str"),
    pytest.param({"interval": 0.0001}, InvalidValue, _INTERVAL, id="interval below a millisecond"),
    pytest.param({"interval": timedelta(days=3661)}, InvalidValue, _INTERVAL, id="interval over ten years"),
    pytest.param({"start": datetime(2030, 1, 1)}, InvalidValue, "execute_on", id="naive datetime"),  # noqa: DTZ001
    pytest.param({"start": -1}, InvalidValue, "execute_on", id="before 1970"),
    pytest.param({"start": 1_700_000_000_000}, InvalidValue, "execute_on", id="looks like milliseconds"),
    pytest.param({"start": float("nan")}, InvalidValue, "execute_on", id="start NaN"),
    pytest.param({"start": "now"}, InvalidType, "execute_on", id="start str"),
    pytest.param({"start": True}, InvalidType, "execute_on", id="start True"),
]


@pytest.mark.asyncio
@pytest.mark.parametrize(("members", "error", "field"), BAD_TASKS)
async def test_bad_tasks(sealed: Scheduler, apart: Scheduler, members: dict[str, Any], error: Bad, field: str) -> None:
    bad = Made(**members)
    for scheduler in (sealed, apart):
        with pytest.raises(error) as caught:
            await scheduler.assign_task(bad)
        assert names(caught, field)
        # A list is checked whole: one bad task at its end leaves the good ones unassigned.
        with pytest.raises(error) as caught:
            await scheduler.assign_tasks([IntervalTask("good"), bad])
        assert names(caught, field)


@pytest.mark.asyncio
async def test_milliseconds_get_a_hint(apart: Scheduler) -> None:
    # `Date.now()` of the original's README.
    with pytest.raises(InvalidValue, match=r"looks like milliseconds: give seconds since 1970, 1700000000\.000"):
        await apart.assign_task(Made(start=1_700_000_000_000))


@pytest.mark.asyncio
async def test_an_interval_below_the_rounding_grid(apart: Scheduler) -> None:
    scheduler = Scheduler.from_url("redis://127.0.0.1:1", task_interval_seconds=60)
    with pytest.raises(InvalidValue, match=r"below the rounding grid task_interval_seconds") as caught:
        await scheduler.assign_task(IntervalTask("a", every=59))
    assert caught.value.field == _INTERVAL
    # The same task is good where there is no grid, and at the grid.
    for fine, task in ((apart, IntervalTask("a", every=59)), (scheduler, IntervalTask("a", every=60))):
        with pytest.raises(NotAcceptingTasks):
            await fine.assign_task(task)


@pytest.mark.asyncio
@pytest.mark.parametrize("thing", ["user:1", None, {"id": "a"}, IntervalTask])
async def test_what_is_no_task(sealed: Scheduler, apart: Scheduler, thing: Any) -> None:
    for scheduler in (sealed, apart):
        with pytest.raises(InvalidType, match=r"^task must be a Task"):
            await scheduler.assign_task(thing)
        with pytest.raises(InvalidType, match=r"^task must be a Task"):
            await scheduler.assign_tasks([thing])


@pytest.mark.asyncio
@pytest.mark.parametrize("rule", ["Keep", "", None, "now"])
async def test_an_unknown_reschedule_rule(sealed: Scheduler, apart: Scheduler, rule: Any) -> None:
    for scheduler in (sealed, apart):
        for call in (
            scheduler.assign_task(IntervalTask("a"), reschedule=rule),
            scheduler.assign_tasks([IntervalTask("a")], reschedule=rule),
        ):
            with pytest.raises(InvalidValue, match=r"^reschedule must be 'keep', 'interval' or 'start'"):
                await call


BAD_IDS = [
    pytest.param("", InvalidValue, "id", id="empty"),
    pytest.param("a\0", InvalidValue, "id", id="NUL"),
    pytest.param("\ud800", InvalidValue, "id", id="surrogate"),
    pytest.param("x" * 513, InvalidValue, "id", id="long"),
    pytest.param(b"a", InvalidType, "task_or_id", id="bytes"),
    pytest.param(5, InvalidType, "task_or_id", id="int"),
    pytest.param(None, InvalidType, "task_or_id", id="None"),
]


@pytest.mark.asyncio
@pytest.mark.parametrize("call", ["remove_task", "is_scheduled", "get_task", "remove_tasks"])
@pytest.mark.parametrize(("raw", "error", "field"), BAD_IDS)
async def test_bad_ids(sealed: Scheduler, apart: Scheduler, call: str, raw: Any, error: Bad, field: str) -> None:
    argument = ["there", raw] if call == "remove_tasks" else raw
    for scheduler in (sealed, apart):
        with pytest.raises(error) as caught:
            await getattr(scheduler, call)(argument)
        assert names(caught, field)


@pytest.mark.asyncio
@pytest.mark.parametrize("things", ["there", b"there", None, 5, IntervalTask("there")])
async def test_what_is_no_iterable(sealed: Scheduler, apart: Scheduler, things: Any) -> None:
    for scheduler in (sealed, apart):
        with pytest.raises(InvalidType, match=r"^tasks must be an iterable"):
            await scheduler.assign_tasks(things)
        with pytest.raises(InvalidType, match=r"^tasks_or_ids must be an iterable"):
            await scheduler.remove_tasks(things)
