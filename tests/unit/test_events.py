"""Events: no handler can block or break what goes on, or another handler."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from interval_scheduler import InvalidType, InvalidValue
from interval_scheduler.support.events import EVENT_NAMES, Events

_log = logging.getLogger("test.events")


@pytest.fixture
def events() -> Events:
    return Events(_log)


def test_the_events() -> None:
    assert set(EVENT_NAMES) == {"online", "offline", "db-disconnect", "db-reconnect", "clock-jump", "run", "run-error"}


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
    tasks: list[asyncio.Task[None]] = []

    def spawn(function: Callable[[], Coroutine[Any, Any, None]]) -> None:
        tasks.append(asyncio.create_task(function()))

    events.attach(spawn)
    go, seen = asyncio.Event(), []

    async def slow(name: str) -> None:
        await go.wait()
        seen.append(name)

    async def broken(name: str) -> None:
        raise ZeroDivisionError(name)

    events.on("db-reconnect", slow)
    events.on("db-reconnect", broken)
    events.emit("db-reconnect", "a:1/0")
    events.emit("db-reconnect", "b:1/0")
    assert seen == []
    go.set()
    await asyncio.gather(*tasks)
    assert seen == ["a:1/0", "b:1/0"]
    assert "a handler of the event 'db-reconnect' failed: ZeroDivisionError: a:1/0" in caplog.text
