"""Bad input, third part: what looks odd and is welcome, on the embedded engine."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from interval_scheduler import IntervalTask, Scheduler
from interval_scheduler.config.options import Delivery
from tests.waiting import Recorder

pytestmark = pytest.mark.asyncio

LONGEST = "x" * (256 * 1024)


@pytest.mark.parametrize("odd", ["a{b}c", "*?[x]\\", "a:b", " ", "a\nb", "%s", "日本", "-1", "(1", "+inf", "x" * 512])
async def test_ids_are_literal(odd: str) -> None:
    near = odd[:-1] + "~"
    async with Scheduler.from_url("memory://") as scheduler:
        await scheduler.assign_task(IntervalTask(odd, "data"))
        assert await scheduler.is_scheduled(odd) == "data"
        assert await scheduler.is_scheduled(near) is None
        assert [task.id async for task in scheduler.tasks()] == [odd]
        assert await scheduler.remove_task(near) is False
        assert await scheduler.remove_task(odd) is True
        assert await scheduler.task_size() == 0


@pytest.mark.parametrize(
    "data",
    [
        "",
        b"",
        "\0",
        b"\0",
        b"\xff\xfe\x00",
        "a\nb\n",
        b"\n",
        "ü🙂",
        b"s 1000 0\n",
        pytest.param(LONGEST, id="256 KiB"),
        pytest.param(LONGEST.encode(), id="256 KiB of bytes"),
    ],
)
@pytest.mark.parametrize("delivery", ["at-least-once", "at-most-once"])
async def test_payloads_round_trip_exactly(data: str | bytes, delivery: Delivery) -> None:
    recorder = Recorder()
    async with Scheduler.from_url("memory://", delivery=delivery) as scheduler:
        await scheduler.assign_task(IntervalTask("a", data, start=4_000_000_000))
        found = await scheduler.is_scheduled("a")
        assert found == data
        assert type(found) is type(data)
        await scheduler.assign_task(IntervalTask("a", data), reschedule="start")
        await scheduler.start_task_execute(recorder)
        await recorder.ran(1)
        assert recorder.data == [data]
        assert type(recorder.data[0]) is type(data)


@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.dictionaries(
        st.text(alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=20),
        st.text(max_size=20) | st.binary(max_size=20),
        max_size=10,
    )
)
async def test_any_ids_and_payloads(tasks: dict[str, str | bytes]) -> None:
    async with Scheduler.from_url("memory://") as scheduler:
        counts = await scheduler.assign_tasks([IntervalTask(key, data, every=60) for key, data in tasks.items()])
        assert counts == (len(tasks), 0)
        assert {task.id: task.data async for task in scheduler.tasks()} == tasks
        assert await scheduler.remove_tasks(tasks) == len(tasks)


@pytest.mark.parametrize("every", [None, 3600])
async def test_a_time_in_the_past_runs_now_and_once(every: float | None) -> None:
    recorder = Recorder()
    async with Scheduler.from_url("memory://") as scheduler:
        await scheduler.assign_task(IntervalTask("a", start=datetime(1970, 1, 1, tzinfo=UTC), every=every))
        assert await scheduler.queue_size() == 1
        await scheduler.start_task_execute(recorder)
        await recorder.ran(1)
        await scheduler.stop_task_execute()
        # Half a century of hours was missed: they are one run, and the next lies ahead.
        assert len(recorder.runs) == 1
        assert await scheduler.queue_size() == 0
        assert await scheduler.task_size() == (0 if every is None else 1)


async def test_an_empty_payload_is_not_none() -> None:
    async with Scheduler.from_url("memory://") as scheduler:
        await scheduler.assign_task(IntervalTask("a"))
        assert await scheduler.is_scheduled("a") == ""


async def test_empty_bulk_calls() -> None:
    async with Scheduler.from_url("memory://") as scheduler:
        assert await scheduler.assign_tasks([]) == (0, 0)
        assert await scheduler.remove_tasks(iter(())) == 0
        assert await scheduler.clear_all_tasks() == 0
        assert await scheduler.remove_task("nothing") is False
