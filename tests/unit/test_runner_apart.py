"""A run leaves nothing to the next one: neither does one that suspends, nor one that ends within a step of the loop."""

from __future__ import annotations

import asyncio
import decimal
import weakref
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

import pytest

from interval_scheduler import OutsideRun, TaskRun, current_run
from interval_scheduler.execution.runner import Runner
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
            await asyncio.sleep(0)
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
    """Grows with each asyncio task that a runner starts."""
    runners: list[Runner] = []
    carry = Runner._carry

    async def counted(runner: Runner) -> None:
        runners.append(runner)
        await carry(runner)

    monkeypatch.setattr(Runner, "_carry", counted)
    return runners


async def test_each_run_that_suspends_has_an_asyncio_task_of_its_own(begun: list[Runner]) -> None:
    async def executor(_: str) -> None:
        await asyncio.sleep(0)

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
    assert len(begun) <= 3


async def _nothing(_: str) -> None:
    pass


async def test_runs_start_in_the_context_of_the_start() -> None:
    tenant.set("of the application")
    seen: list[str] = []

    async def executor(_: str) -> None:
        seen.append(tenant.get())
        tenant.set("of a run")
        await asyncio.sleep(0)

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
        await asyncio.sleep(0)
        ended.append(weakref.ref(me()))

    bench = Bench(executor, concurrency=5)
    async with bench.running():
        await bench.feed(make_runs(20))
        await until(lambda: bench.settled == 20)
        await asyncio.sleep(0)
        assert [carrier() for carrier in ended] == [None] * 20


async def test_a_late_cut_hits_nothing() -> None:
    cancelled: list[str] = []
    reached = asyncio.Event()

    async def executor(data: str) -> None:
        try:
            await asyncio.sleep(0)
            if data == "1":
                reached.set()
                await asyncio.sleep(0.01)
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
