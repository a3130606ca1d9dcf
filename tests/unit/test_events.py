"""Events: no handler can block or break what goes on, or another handler."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from contextvars import ContextVar
from typing import Any

import pytest

from interval_scheduler import InvalidType, InvalidValue
from interval_scheduler.support.events import EVENT_NAMES, MAX_IN_PROGRESS, Events
from interval_scheduler.support.log import GuardedLog
from interval_scheduler.testing import time_machine

_log = logging.getLogger("test.events")


@pytest.fixture
def events() -> Events:
    return Events(GuardedLog(_log))


def test_the_events() -> None:
    assert set(EVENT_NAMES) == {
        "online",
        "offline",
        "db-disconnect",
        "db-reconnect",
        "data-lost",
        "clock-jump",
        "run",
        "run-error",
        "run-skipped",
        "stuck",
        "stopped",
    }


def test_a_handler_is_called_by_no_task_in_whichever_event_loop(events: Events) -> None:
    """Also where it was not opened: in a later event loop, in another thread, and where none runs."""
    callers: list[asyncio.Task[Any] | None] = []

    def handler() -> None:
        try:
            callers.append(asyncio.current_task())
        except RuntimeError:  # no event loop runs
            callers.append(None)

    async def tell(*, opens: bool) -> None:
        if opens:
            events.open()
        me = asyncio.current_task()
        events.emit("online")
        assert asyncio.current_task() is me

    events.on("online", handler)
    events.emit("online")
    asyncio.run(tell(opens=True))
    asyncio.run(tell(opens=False))
    events.emit("online")
    asyncio.run(asyncio.to_thread(asyncio.run, tell(opens=False)))
    assert callers == [None] * 5


def test_handlers_get_what_is_told_in_the_order_they_were_added(events: Events) -> None:
    seen: list[object] = []
    events.on("db-disconnect", lambda name: seen.append(("first", name)))
    events.on("db-disconnect", lambda name: seen.append(("second", name)))
    events.on("online", lambda: seen.append("online"))
    events.emit("db-disconnect", "a:1/0")
    assert seen == [("first", "a:1/0"), ("second", "a:1/0")]


def test_a_handler_is_taken_off_with_what_on_returned(events: Events) -> None:
    seen: list[str] = []
    off = events.on("online", lambda: seen.append("one"))
    events.on("online", lambda: seen.append("two"))
    off()
    off()
    events.emit("online")
    assert seen == ["two"]


def test_a_handler_may_take_itself_off(events: Events) -> None:
    seen: list[str] = []

    def once() -> None:
        seen.append("once")
        off()

    off = events.on("online", once)
    events.on("online", lambda: seen.append("always"))
    events.emit("online")
    events.emit("online")
    assert seen == ["once", "always", "always"]


@pytest.mark.parametrize("event", ["Online", "db_disconnect", "", "runError", None])
def test_there_is_no_such_event(events: Events, event: Any) -> None:
    with pytest.raises(InvalidValue, match=r"^event must be one of online, offline, "):
        events.on(event, print)


@pytest.mark.parametrize("handler", [None, "print", 5])
def test_a_handler_can_be_called(events: Events, handler: Any) -> None:
    with pytest.raises(InvalidType, match=rf"^handler must be a function, not {type(handler).__name__}$"):
        events.on("online", handler)


def test_a_handler_that_raises_is_logged_and_breaks_nothing(events: Events, caplog: pytest.LogCaptureFixture) -> None:
    seen: list[str] = []

    def broken() -> None:
        raise ZeroDivisionError("oh")

    events.on("offline", broken)
    events.on("offline", lambda: seen.append("after"))
    events.emit("offline")
    assert seen == ["after"]
    assert "a handler of the event 'offline' failed: ZeroDivisionError: oh" in caplog.text


def test_an_asynchronous_handler_is_dropped_without_a_warning_while_nothing_runs(events: Events) -> None:
    called: list[str] = []

    async def handler() -> None:
        called.append("ran")

    events.on("online", handler)
    events.emit("online")  # a coroutine that is never awaited would be an error here
    assert called == []


@pytest.mark.asyncio
async def test_an_asynchronous_handler_runs_beside(events: Events, caplog: pytest.LogCaptureFixture) -> None:
    go, seen = asyncio.Event(), []

    async def slow(name: str) -> None:
        await go.wait()
        seen.append(name)

    async def broken(name: str) -> None:
        raise ZeroDivisionError(name)

    events.open()
    events.on("db-reconnect", slow)
    events.on("db-reconnect", broken)
    events.emit("db-reconnect", "a:1/0")
    events.emit("db-reconnect", "b:1/0")
    assert seen == []
    go.set()
    await events.drain(5)
    assert seen == ["a:1/0", "b:1/0"]
    assert "a handler of the event 'db-reconnect' failed: ZeroDivisionError: a:1/0" in caplog.text


@pytest.mark.asyncio
async def test_a_drain_waits_then_cancels_and_tells(events: Events, caplog: pytest.LogCaptureFixture) -> None:
    ended: list[str] = []

    async def quick() -> None:
        await asyncio.sleep(0.01)  # of the machine's time: a handler that takes some
        ended.append("quick")

    async def slow() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("slow")

    async with time_machine() as clock:
        events.open()
        events.on("online", quick)
        events.on("offline", slow)
        events.emit("online")
        events.emit("offline")
        events.emit("offline")
        await clock.run(events.drain(0.2))
    assert ended == ["quick", "slow", "slow"]
    assert caplog.messages == ["handlers of events are cancelled, since they did not end in 0.2 s: 2 of 'offline'"]


@pytest.mark.asyncio
async def test_a_handler_that_ignores_its_end_is_not_waited_for(events: Events) -> None:
    release = asyncio.Event()

    async def stubborn() -> None:
        while not release.is_set():
            with contextlib.suppress(asyncio.CancelledError):  # a handler that does not let itself be cancelled
                await release.wait()

    events.open()
    events.on("online", stubborn)
    events.emit("online")
    await asyncio.sleep(0)  # its handler begins
    await asyncio.wait_for(events.drain(0), 10)
    release.set()
    await events.drain(5)


@pytest.mark.asyncio
async def test_a_handler_that_drains_does_not_wait_for_itself(events: Events) -> None:
    drained = asyncio.Event()

    async def closes() -> None:
        with events.waiting_for_close():
            await events.drain(30)
        drained.set()

    events.open()
    events.on("online", closes)
    events.emit("online")
    await asyncio.wait_for(drained.wait(), 60)


@pytest.mark.asyncio
async def test_asynchronous_handlers_are_bounded(events: Events, caplog: pytest.LogCaptureFixture) -> None:
    go = asyncio.Event()
    begun: list[None] = []

    async def slow() -> None:
        begun.append(None)
        await go.wait()

    events.open()
    events.on("online", slow)
    for _ in range(MAX_IN_PROGRESS + 5):
        events.emit("online")
    assert events.left_out == 5
    assert len([line for line in caplog.messages if "was left out" in line]) == 3, "the first, the second, the fourth"
    go.set()
    await events.drain(5)
    assert len(begun) == MAX_IN_PROGRESS
    events.open()
    events.emit("online")
    await events.drain(5)
    assert len(begun) == MAX_IN_PROGRESS + 1


@pytest.mark.asyncio
async def test_handlers_that_start_while_others_are_waited_for_are_waited_for_too(events: Events) -> None:
    go = asyncio.Event()
    ended: list[str] = []

    async def first() -> None:
        await go.wait()
        events.emit("offline")
        ended.append("first")

    begun: list[None] = []

    async def second() -> None:
        begun.append(None)
        for _ in range(20):
            await asyncio.sleep(0)  # a handler that takes some turns
        ended.append("second")

    events.open()
    events.on("online", first)
    events.on("offline", second)
    events.emit("online")
    draining = asyncio.create_task(events.drain(5))
    await asyncio.sleep(0)  # it begins to wait
    go.set()
    await draining
    assert ended == ["first", "second"]
    events.emit("offline")
    await asyncio.sleep(0)  # a handler would begin now
    assert len(begun) == 1, "none is started afterwards"


@pytest.mark.asyncio
async def test_handlers_that_start_others_for_ever_do_not_keep_it_waiting(events: Events) -> None:
    async def again() -> None:
        await asyncio.sleep(0)  # a handler that suspends
        events.emit("online")

    events.open()
    events.on("online", again)
    events.emit("online")
    async with asyncio.timeout(10):
        await events.drain(0.05)


tenant: ContextVar[str] = ContextVar("tenant", default="nobody")


@pytest.mark.asyncio
async def test_handlers_are_called_in_the_context_of_their_registration(events: Events) -> None:
    seen: list[str] = []

    def handler() -> None:
        seen.append(tenant.get())
        tenant.set("of the handler")

    async def later() -> None:
        handler()

    tenant.set("of the application")
    events.open()
    events.on("online", handler)
    events.on("online", later)
    tenant.set("of a run")
    events.emit("online")
    events.emit("online")
    await events.drain(5)
    assert seen == ["of the application"] * 4
    assert tenant.get() == "of a run"


class Panic(BaseException):
    """As those of Rust."""


async def _cancel_itself() -> None:
    task = asyncio.current_task()
    assert task is not None
    task.cancel()
    await asyncio.sleep(0)  # here the cancel arrives


ERRORS = [ValueError("a"), Panic("b"), asyncio.CancelledError(), GeneratorExit(), BaseExceptionGroup("c", [Panic("d")])]


@pytest.mark.asyncio
@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("is_coroutine", [False, True], ids=["function", "coroutine function"])
async def test_whatever_a_handler_raises_is_told_with_its_traceback(
    events: Events,
    caplog: pytest.LogCaptureFixture,
    error: BaseException,
    is_coroutine: bool,  # noqa: FBT001 - a parameter
) -> None:
    def function() -> None:
        raise error

    async def coroutine_function() -> None:
        raise error

    seen: list[str] = []
    events.open()
    events.on("online", coroutine_function if is_coroutine else function)
    events.on("online", lambda: seen.append("the other"))
    events.emit("online")
    await events.drain(5)
    assert seen == ["the other"]
    (record,) = caplog.records
    assert record.getMessage().startswith(f"a handler of the event 'online' failed: {type(error).__name__}")
    assert record.exc_info is not None
    assert record.exc_info[1] is error


@pytest.mark.asyncio
async def test_a_handler_that_cancels_itself_is_told(events: Events, caplog: pytest.LogCaptureFixture) -> None:
    events.open()
    events.on("online", _cancel_itself)
    events.emit("online")
    await events.drain(5)
    assert caplog.messages == ["a handler of the event 'online' failed: CancelledError"]


@pytest.mark.parametrize("error", [SystemExit(3), BaseExceptionGroup("c", [ValueError(), SystemExit(3)])])
def test_only_the_end_of_the_process_goes_through(events: Events, error: BaseException) -> None:
    def handler() -> None:
        raise error

    events.on("online", handler)
    with pytest.raises(SystemExit):
        events.emit("online")
