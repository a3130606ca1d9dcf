"""A run leaves nothing to the next one: neither does one that suspends, nor one that ends within a step of the loop."""

from __future__ import annotations

import asyncio
import decimal
import weakref
from collections.abc import Callable
from contextvars import ContextVar, copy_context
from typing import Any

import pytest

from interval_scheduler import OutsideRun, TaskRun, current_run
from interval_scheduler.execution.runner import Runner
from interval_scheduler.execution.variables import table_of
from interval_scheduler.support import clock
from tests.unit.bench import Bench, make_runs
from tests.waiting import until

pytestmark = pytest.mark.asyncio

tenant: ContextVar[str] = ContextVar("tenant", default="nobody")


def me() -> asyncio.Task[Any]:
    task = asyncio.current_task()
    assert task is not None
    return task


class Memory:
    """What an application may remember of an asyncio task."""

    def __init__(self) -> None:
        self.strongly: dict[Any, str] = {}
        self.weakly: weakref.WeakKeyDictionary[Any, str] = weakref.WeakKeyDictionary()
        self.ended: list[str] = []
        self.cancel: Callable[[], object] = lambda: None


Leave = Callable[[Memory], object]
#: What a first run leaves behind, and what the second one must find.
LEFTOVERS: dict[str, tuple[Leave, Callable[[Memory], object], object]] = {
    "a context variable": (lambda _: tenant.set("first"), lambda _: tenant.get(), "nobody"),
    "a context of decimals": (
        lambda _: setattr(decimal.getcontext(), "prec", 3),
        lambda _: decimal.getcontext().prec,
        28,
    ),
    "a session of its task": (
        lambda memory: memory.strongly.setdefault(me(), "first"),
        lambda memory: memory.strongly.setdefault(me(), "second"),
        "second",
    ),
    "a session by weak reference": (
        lambda memory: memory.weakly.setdefault(me(), "first"),
        lambda memory: memory.weakly.setdefault(me(), "second"),
        "second",
    ),
    "a cancel that it survived": (lambda _: me().cancel() and None, lambda _: me().cancelling(), 0),
    "a cancel that it took back": (lambda _: me().cancel() and me().uncancel(), lambda _: me().cancelling(), 0),
    "a name": (lambda _: me().set_name("first"), lambda _: me().get_name() == "first", False),
    "a clean-up at its end": (
        lambda memory: me().add_done_callback(lambda _: memory.ended.append("first")),
        lambda memory: me().add_done_callback(lambda _: memory.ended.append("second")),
        None,
    ),
    "somebody who may cancel it": (
        lambda memory: setattr(memory, "cancel", me().cancel),
        lambda memory: memory.cancel(),
        False,
    ),
}


@pytest.mark.parametrize("suspends", [False, True], ids=["within one step", "suspends"])
@pytest.mark.parametrize("leftover", LEFTOVERS)
async def test_the_next_run_finds_nothing(leftover: str, suspends: bool) -> None:  # noqa: FBT001 - a parameter
    leave, find, expected = LEFTOVERS[leftover]
    memory = Memory()
    found: list[object] = []
    ended_before: list[str] = []

    async def executor(data: str) -> None:
        if data == "1":
            found.append(find(memory))
            await asyncio.sleep(0)  # a cancel that was left is felt here
            ended_before.extend(memory.ended)
            return
        if suspends:
            await asyncio.sleep(0)  # a run that suspends
        leave(memory)

    bench = Bench(executor, concurrency=1)
    runs = make_runs(2)
    async with bench.running():
        await bench.feed(runs)
        await until(lambda: bench.settled == 2)
        assert found == [expected]
        assert bench.finished == [(runs[0], None), (runs[1], None)]
        if leftover == "a clean-up at its end":
            assert ended_before == ["first"]


@pytest.fixture
def begun(monkeypatch: pytest.MonkeyPatch) -> list[Runner]:
    """Grows with each asyncio task that a runner starts; time stands still, so that no stretch of runs is over."""
    runners: list[Runner] = []
    carry = Runner._carry

    async def counted(runner: Runner) -> None:
        runners.append(runner)
        await carry(runner)

    monkeypatch.setattr(Runner, "_carry", counted)
    now = clock.monotonic()
    monkeypatch.setattr(clock, "monotonic", lambda: now)
    return runners


async def test_each_run_that_suspends_has_an_asyncio_task_of_its_own(begun: list[Runner]) -> None:
    async def executor(_: str) -> None:
        await asyncio.sleep(0)  # a run that suspends

    bench = Bench(executor, concurrency=3)
    async with bench.running():
        await bench.feed(make_runs(12))
        await until(lambda: bench.settled == 12)
    assert len(begun) >= 12


async def test_runs_that_leave_nothing_within_one_step_share_it(begun: list[Runner]) -> None:
    # An asyncio task for each would cost three tenths of the throughput.
    bench = Bench(_nothing, concurrency=3)
    async with bench.running():
        await bench.feed(make_runs(300))
        await until(lambda: bench.settled == 300)
    assert len(begun) <= 3, "as many as there are places"


async def _nothing(_: str) -> None:
    pass


async def test_runs_start_in_the_context_of_the_start() -> None:
    tenant.set("of the application")
    seen: list[str] = []

    async def executor(_: str) -> None:
        seen.append(tenant.get())
        tenant.set("of a run")
        await asyncio.sleep(0)  # a run that suspends

    bench = Bench(executor, concurrency=2)
    tenant.set("of later")
    async with bench.running():
        await bench.feed(make_runs(5))
        await until(lambda: bench.settled == 5)
    assert seen == ["of the application"] * 5
    assert tenant.get() == "of later"
    with pytest.raises(OutsideRun):
        current_run()


async def test_nothing_keeps_a_run_that_is_over() -> None:
    # A thousand workers that waited kept a thousand payloads.
    ended: list[weakref.ref[Any]] = []

    async def executor(_: str) -> None:
        await asyncio.sleep(0)  # a run that suspends
        ended.append(weakref.ref(me()))

    bench = Bench(executor, concurrency=5)
    async with bench.running():
        await bench.feed(make_runs(20))
        await until(lambda: bench.settled == 20)
        await asyncio.sleep(0)  # the event loop lets go of the last one
        assert [carrier() for carrier in ended] == [None] * 20


async def test_a_late_cut_hits_nothing() -> None:
    cancelled: list[str] = []
    reached = asyncio.Event()

    async def executor(data: str) -> None:
        try:
            await asyncio.sleep(0)  # a run that suspends
            if data == "1":
                reached.set()
                await asyncio.sleep(0.01)  # here the cancel arrives
        except asyncio.CancelledError:
            cancelled.append(data)
            raise

    bench = Bench(executor, concurrency=1)
    first: TaskRun
    first, second = make_runs(2)
    async with bench.running():
        await bench.feed([first, second])
        await reached.wait()
        bench.runner.cut(first, "its lease was lost")
        await until(lambda: bench.settled == 2)
    assert cancelled == []
    assert bench.finished == [(first, None), (second, None)]


class Equal:
    """An object that is equal to every other, as an empty list is to the next one."""

    def __eq__(self, other: object) -> bool:
        return True

    def __hash__(self) -> int:
        return 1


class Incomparable(Equal):
    """An object that cannot be compared, as an array."""

    def __eq__(self, other: object) -> bool:
        raise ValueError

    __hash__ = Equal.__hash__


held: ContextVar[object] = ContextVar("held")


@pytest.mark.parametrize("kind", [Equal, Incomparable])
async def test_another_object_in_a_variable_is_no_less_left_behind_for_being_equal(kind: type[object]) -> None:
    start = kind()
    found: list[object] = []

    async def executor(_: str) -> None:
        found.append(held.get())
        held.set(kind())

    held.set(start)
    bench = Bench(executor, concurrency=1)
    runs = make_runs(3)
    async with bench.running():
        await bench.feed(runs)
        await until(lambda: bench.settled == 3)
        assert all(each is start for each in found)
        assert bench.finished == [(run, None) for run in runs]
        assert bench.permits_taken == 0


async def test_runs_that_put_a_variable_back_share_a_carrier(begun: list[Runner]) -> None:
    async def executor(_: str) -> None:
        tenant.reset(tenant.set("for a while"))

    bench = Bench(executor, concurrency=1)
    async with bench.running():
        await bench.feed(make_runs(50))
        await until(lambda: bench.settled == 50)
    assert len(begun) == 1


async def test_the_table_of_variables_is_all_that_a_copied_context_refers_to() -> None:
    held.set("first")
    (before,) = table_of(copy_context())
    (after,) = table_of(copy_context())
    assert after is before
    held.set("second")
    assert table_of(copy_context())[0] is not before
