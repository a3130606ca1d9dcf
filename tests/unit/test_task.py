"""Tasks: how they are written, and how they are put into their wire form."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from interval_scheduler import IntervalTask, InvalidType, InvalidValue, ScheduledTask, Task
from interval_scheduler.model.assignment import Assignment, to_assignment, to_id
from tests.unit.naming import Bad, names


class Custom(Task):
    """A task whose members are what a test says, right or wrong."""

    def __init__(self, **members: Any) -> None:
        self.members = members

    @property
    def id(self) -> str:
        found: str = self.members.get("id", "custom")
        return found

    def serialize(self) -> str | bytes:
        found: str | bytes = self.members.get("serialize", "")
        return found

    @property
    def on_execute_reschedule_to(self) -> float | timedelta | None:
        found: float | timedelta | None = self.members.get("on_execute_reschedule_to")
        return found

    @property
    def execute_on(self) -> float | datetime | None:
        found: float | datetime | None = self.members.get("execute_on")
        return found


class Smallest(Task):
    """Only what must be written."""

    @property
    def id(self) -> str:
        return "smallest"

    def serialize(self) -> str:
        return "data"


class ClassAttributes(Task):
    """Constants need no property."""

    id = "fixed"
    on_execute_reschedule_to = 60
    execute_on = 5_000_000.0

    def serialize(self) -> bytes:
        return b"\xff"


def test_a_task_must_say_its_id_and_payload() -> None:
    class WithoutId(Task):
        def serialize(self) -> str:
            return ""

    with pytest.raises(TypeError, match=r"abstract"):
        WithoutId()  # type: ignore[abstract]


def test_the_defaults_are_once_and_at_once() -> None:
    assert to_assignment(Smallest()) == Assignment(b"smallest", b"data", True, None, None, False)  # noqa: FBT003


def test_members_may_be_class_attributes() -> None:
    assert to_assignment(ClassAttributes()) == Assignment(b"fixed", b"\xff", False, 60_000, 5_000_000_000, False)  # noqa: FBT003


def test_interval_task_by_position_and_by_name() -> None:
    task = IntervalTask("a", "data", every=60, start=1_000_001.5)
    assert (task.id, task.data, task.every, task.start, task.repeat) == ("a", "data", 60, 1_000_001.5, "rate")
    assert task == IntervalTask(id="a", data="data", every=60, start=1_000_001.5, repeat="rate")
    assert IntervalTask("a").data == ""
    with pytest.raises(TypeError):
        IntervalTask("a", "data", 60)  # type: ignore[call-arg]


def test_interval_task_answers_as_a_task() -> None:
    every, start = timedelta(minutes=1), datetime(2024, 1, 1, tzinfo=UTC)
    task: Task = IntervalTask("a", b"data", every=every, start=start, repeat="delay")
    assert task.serialize() == b"data"
    assert task.on_execute_reschedule_to is every
    assert task.execute_on is start
    assert task.repeat == "delay"


def test_interval_task_is_a_value() -> None:
    task = IntervalTask("a", every=1)
    with pytest.raises(dataclasses.FrozenInstanceError):
        task.every = 2  # type: ignore[misc]
    assert len({task, IntervalTask("a", every=1), IntervalTask("a", every=2)}) == 2
    assert dataclasses.replace(task, every=2) == IntervalTask("a", every=2)


@pytest.mark.parametrize(
    ("arguments", "error", "field"),
    [
        ({"id": ""}, InvalidValue, "id"),
        ({"id": 5}, InvalidType, "id"),
        ({"id": "a", "data": None}, InvalidType, "data"),
        ({"id": "a", "data": {"a": 1}}, InvalidType, "data"),
        ({"id": "a", "every": 0}, InvalidValue, "every"),
        ({"id": "a", "every": True}, InvalidType, "every"),
        ({"id": "a", "start": -1}, InvalidValue, "start"),
        ({"id": "a", "start": "now"}, InvalidType, "start"),
        ({"id": "a", "repeat": "sometimes"}, InvalidValue, "repeat"),
        ({"id": "a", "repeat": None}, InvalidValue, "repeat"),
    ],
)
def test_interval_task_is_checked_when_it_is_made(arguments: dict[str, Any], error: Bad, field: str) -> None:
    with pytest.raises(error, match=rf"^{field} ") as caught:
        IntervalTask(**arguments)
    assert names(caught, field)


@pytest.mark.parametrize(
    ("members", "error", "field"),
    [
        ({"id": None}, InvalidType, "id"),
        ({"id": "a\0"}, InvalidValue, "id"),
        ({"serialize": 1}, InvalidType, "serialize()"),
        pytest.param({"serialize": b"x" * (256 * 1024 + 1)}, InvalidValue, "serialize()", id="too long"),
        ({"on_execute_reschedule_to": "60"}, InvalidType, "on_execute_reschedule_to"),
        ({"on_execute_reschedule_to": 0}, InvalidValue, "on_execute_reschedule_to"),
        ({"execute_on": datetime(2024, 1, 1)}, InvalidValue, "execute_on"),  # noqa: DTZ001 - naive on purpose
        ({"execute_on": []}, InvalidType, "execute_on"),
    ],
)
def test_to_assignment_names_the_member_at_fault(members: dict[str, Any], error: Bad, field: str) -> None:
    with pytest.raises(error) as caught:
        to_assignment(Custom(**members))
    assert names(caught, field)


@pytest.mark.parametrize("thing", ["user:1", None, {"id": "a"}, Task])
def test_to_assignment_takes_tasks_only(thing: Any) -> None:
    with pytest.raises(InvalidType, match=r"^task must be a Task .*IntervalTask"):
        to_assignment(thing)


def test_to_assignment_refuses_an_interval_below_the_grid() -> None:
    with pytest.raises(InvalidValue, match=r"^on_execute_reschedule_to of 59\.0 seconds is below the rounding grid"):
        to_assignment(IntervalTask("a", every=59), grid_ms=60_000)
    assert to_assignment(IntervalTask("a", every=60), grid_ms=60_000).interval_ms == 60_000
    assert to_assignment(IntervalTask("a"), grid_ms=60_000).interval_ms is None


def test_to_assignment_tells_text_from_bytes_and_rate_from_delay() -> None:
    assert to_assignment(IntervalTask("a", "x")).is_text
    assert not to_assignment(IntervalTask("a", b"x")).is_text
    assert not to_assignment(IntervalTask("a", every=1)).fixed_delay
    assert to_assignment(IntervalTask("a", every=1, repeat="delay")).fixed_delay


def test_to_assignment_asks_each_member_once() -> None:
    # A member may be computed, and must not be checked in one state and sent in another.
    asked: list[str] = []

    class Counting(Custom):
        def serialize(self) -> str:
            asked.append("serialize")
            return "x"

        @property
        def execute_on(self) -> float:
            asked.append("execute_on")
            return 1_000_000.0

    to_assignment(Counting())
    assert asked == ["serialize", "execute_on"]


def test_to_id_of_a_task_and_of_an_id() -> None:
    assert to_id("ü") == "ü".encode()
    assert to_id(IntervalTask("a")) == b"a"


@pytest.mark.parametrize("thing", [b"a", 1, None, Task])
def test_to_id_of_anything_else(thing: Any) -> None:
    with pytest.raises(InvalidType, match=r"^task_or_id must be a task or an id"):
        to_id(thing)


def test_scheduled_task_gives_its_next_run_as_a_datetime_too() -> None:
    found = ScheduledTask("a", "", 60.0, 1_709_208_000.5, "waiting", 1, "p")
    assert found.next_run_at == datetime(2024, 2, 29, 12, 0, 0, 500_000, tzinfo=UTC)
