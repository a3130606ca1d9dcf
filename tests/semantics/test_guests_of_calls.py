"""The matrix of guests, where a call runs code of the application: iterables, `serialize`, `progress`.

Each row says the same: the call raises what that code raised, the others go on, and the same call works again at once.
And the guests of a `BlockingScheduler`, whose event loop is in a thread of its own.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, Final

import pytest

from interval_scheduler import BlockingScheduler, IntervalTask, Scheduler, Task
from interval_scheduler.config.options import Delivery
from tests.misbehaving import FATAL, KINDS, Act, Kind
from tests.semantics.guest_handlers import GuestLog, Handlers
from tests.semantics.test_guests import DELIVERIES, LOOPS
from tests.servers import RedisServer
from tests.waiting import until, until_outside

# What the code of an application does here is no matter of the server.
pytestmark = pytest.mark.any_server

FAR: Final = time.time() + 1e6
#: The errors of functions; what is no error cannot be told from a good iterable.
ERRORS: Final[dict[str, Kind]] = {name: kind for name, kind in KINDS.items() if kind.error not in (None, LookupError)}


def good(count: int) -> list[IntervalTask]:
    return [IntervalTask(f"s:{n}", every=60, start=FAR) for n in range(count)]


class Unserializable(Task):
    """A task whose `serialize` misbehaves."""

    def __init__(self, act: Act) -> None:
        self._act = act

    @property
    def id(self) -> str:
        return "s:bad"

    def serialize(self) -> str:
        self._act()
        return ""


class Nameless(Unserializable):
    """A task whose id misbehaves."""

    @property
    def id(self) -> str:
        self._act()
        return ""


def then(act: Act) -> Iterator[IntervalTask]:
    """Some tasks, and then an iterator that misbehaves."""
    yield from good(3)
    act()


class Iterates:
    """As a generator, but a StopIteration is the end, and not an error."""

    def __init__(self, act: Act) -> None:
        self._act = act

    def __iter__(self) -> Iterator[IntervalTask]:
        self._act()
        return iter(())


async def then_async(act: Act) -> AsyncIterator[IntervalTask]:
    for task in good(3):
        yield task
    act()


Call = Callable[[Any, Act], Any]
CALLS: Final[dict[str, Call]] = {
    "assign_tasks, a generator": lambda scheduler, act: scheduler.assign_tasks(then(act)),
    "assign_tasks, iter()": lambda scheduler, act: scheduler.assign_tasks(Iterates(act)),
    "assign_tasks, serialize() in a list": lambda scheduler, act: scheduler.assign_tasks(
        [*good(3), Unserializable(act)]
    ),
    "assign_tasks, serialize() in a generator": lambda scheduler, act: scheduler.assign_tasks(
        task for task in [*good(3), Unserializable(act)]
    ),
    "assign_task, serialize()": lambda scheduler, act: scheduler.assign_task(Unserializable(act)),
    "remove_task, id": lambda scheduler, act: scheduler.remove_task(Nameless(act)),
    "remove_tasks, a generator": lambda scheduler, act: scheduler.remove_tasks(then(act)),
    "sync_tasks, a generator": lambda scheduler, act: scheduler.sync_tasks(then(act), scope="s:"),
    "sync_tasks, serialize() in a list": lambda scheduler, act: scheduler.sync_tasks([Unserializable(act)], scope="s:"),
    "audit, progress": lambda scheduler, act: scheduler.audit(progress=lambda *_: act()),
}
ASYNC_CALLS: Final[dict[str, Call]] = {
    "assign_tasks, an async generator": lambda scheduler, act: scheduler.assign_tasks(then_async(act)),
    "remove_tasks, an async generator": lambda scheduler, act: scheduler.remove_tasks(then_async(act)),
    "sync_tasks, an async generator": lambda scheduler, act: scheduler.sync_tasks(then_async(act), scope="s:"),
}


def raised(error: BaseException | None, act: Act) -> bool:
    """Tell if a call raised what the code raises; Python itself makes a RuntimeError of the ends of iterators."""
    try:
        act()
    except BaseException as expected:  # noqa: BLE001 - whatever it is
        return type(error) is type(expected) or (
            isinstance(expected, StopIteration | StopAsyncIteration) and isinstance(error, RuntimeError | None)
        )
    raise AssertionError("it does not misbehave")


class Others:
    """An executor of tasks that go on, beside those that misbehave as their payload says."""

    def __init__(self) -> None:
        self.runs = 0

    async def coroutine(self, data: str) -> None:
        if data == "others":
            self.runs += 1
        elif (act := KINDS[data].coroutine) is not None:
            await act()

    def function(self, data: str) -> object:
        if data == "others":
            self.runs += 1
        elif (act := KINDS[data].function) is not None:
            return act()
        return None


async def try_calls(url: str, namespace: str, delivery: Delivery) -> None:
    others = Others()
    async with Scheduler.from_url(url, namespace=namespace, delivery=delivery, logger=GuestLog()) as scheduler:
        await scheduler.assign_task(IntervalTask("others", "others", every=0.02))
        await scheduler.start_task_execute(others.coroutine)
        for call_name, call in {**CALLS, **ASYNC_CALLS}.items():
            before = others.runs
            for kind_name, kind in ERRORS.items():
                row, error = f"{call_name}: {kind_name}", None
                assert kind.function is not None
                try:
                    await call(scheduler, kind.function)
                except BaseException as caught:  # noqa: BLE001 - whatever it is
                    error = caught
                assert raised(error, kind.function), f"{row}: {error!r}"
                async with asyncio.timeout(15):  # a lock that was left would end after thirty
                    await scheduler.sync_tasks(good(2), scope="s:")
                    assert await scheduler.task_size() == 3, row
            await until(lambda before=before: others.runs >= before + 3)  # type: ignore[misc]
            assert scheduler.executing_tasks
            assert await scheduler.check_health(), call_name


@pytest.mark.parametrize("delivery", DELIVERIES)
@pytest.mark.parametrize("loop", LOOPS)
def test_a_call_raises_what_its_guest_raises(
    redis_server: RedisServer, namespace: str, loop: str, delivery: Delivery
) -> None:
    with asyncio.Runner(loop_factory=LOOPS[loop]) as runner:
        runner.run(try_calls(redis_server.url, namespace, delivery))


def test_a_blocking_call_raises_what_its_guest_raises(redis_server: RedisServer, namespace: str) -> None:
    others = Others()
    with BlockingScheduler.from_url(redis_server.url, namespace=namespace, logger=GuestLog()) as scheduler:
        scheduler.assign_task(IntervalTask("others", "others", every=0.02))
        scheduler.start_task_execute(others.function)
        fatal = {name: Kind(_raiser(error), None, expected) for name, (error, expected) in FATAL.items()}
        for call_name, call in CALLS.items():
            before = others.runs
            is_in_caller = call_name.endswith((", a generator", ", iter()"))
            kinds = {**ERRORS, **fatal} if is_in_caller else ERRORS
            for kind_name, kind in kinds.items():
                row, error = f"{call_name}: {kind_name}", None
                assert kind.function is not None
                try:
                    call(scheduler, kind.function)
                except BaseException as caught:  # noqa: BLE001 - whatever it is
                    error = caught
                assert raised(error, kind.function), f"{row}: {error!r}"
                scheduler.sync_tasks(good(2), scope="s:")
                assert scheduler.task_size() == 3, row
            until_outside(lambda before=before: others.runs >= before + 3)  # type: ignore[misc]
            assert scheduler.executing_tasks
            assert scheduler.check_health(), call_name


def _raiser(error: Callable[[], BaseException]) -> Act:
    def act() -> None:
        raise error()

    return act


@pytest.mark.parametrize("delivery", DELIVERIES)
@pytest.mark.parametrize("executor", ["coroutine", "function"])
def test_runs_of_a_blocking_scheduler(
    redis_server: RedisServer, namespace: str, executor: str, delivery: Delivery
) -> None:
    """The executors and handlers of a `BlockingScheduler`: others go on, and it is told once."""
    others, log = Others(), GuestLog()
    told: list[tuple[str, type[BaseException]]] = []
    ended: list[str] = []
    with BlockingScheduler.from_url(
        redis_server.url, namespace=namespace, delivery=delivery, logger=log, drain_seconds=0.1
    ) as scheduler:
        scheduler.on("run-error", lambda run, error: told.append((run.id, type(error))))
        scheduler.on("run", lambda run: ended.append(run.id))
        scheduler.assign_task(IntervalTask("others", "others", every=0.02))
        scheduler.start_task_execute(getattr(others, executor), concurrency=4)
        for name, kind in KINDS.items():
            error = kind.error if executor == "function" else kind.async_error
            if getattr(kind, executor) is None or (executor == "function" and error is None):
                continue
            if executor == "function" and error is StopIteration:
                error = RuntimeError  # as anyio makes it
            before = others.runs
            scheduler.assign_task(IntervalTask(name, name, every=3600, timeout=None if kind.ends else 0.03))
            until_outside(lambda name=name: name in ended)  # type: ignore[misc]
            assert [each for each in told if each[0] == name] == ([] if error is None else [(name, error)]), name
            assert log.errors_of(f"the run of task {name!r} failed") == ([] if error is None else [error]), name
            until_outside(lambda before=before: others.runs >= before + 3)  # type: ignore[misc]
            assert scheduler.executing_tasks
            assert scheduler.check_health(), name
        for name, kind in KINDS.items():
            handlers = Handlers(scheduler, ["run"], [kind])
            until_outside(lambda handlers=handlers: handlers.are_called)  # type: ignore[misc]
            before = others.runs
            until_outside(lambda before=before: others.runs >= before + 3)  # type: ignore[misc]
            handlers.take_off()
            handlers.compare(log)
            log.records.clear()
            assert scheduler.check_health(), name
