"""Functions of the application that a request asks: whatever they do, nothing is shown or done that should not be."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest
from starlette.exceptions import HTTPException
from starlette.requests import Request

from interval_scheduler import Scheduler
from interval_scheduler.dashboard import Level, dashboard
from interval_scheduler.dashboard.guard import guests
from tests.dashboard.acting import OWN, use_action
from tests.dashboard.conftest import HOST, reader_of
from tests.waiting import until

pytestmark = pytest.mark.asyncio


class _Gone(BaseException):
    pass


#: What a function may raise: none of it ends the process, or a request without an answer.
RAISED = [
    ValueError("secret 7"),
    _Gone("secret 7"),
    SystemExit("secret 7"),
    asyncio.CancelledError("secret 7"),
    BaseExceptionGroup("secret 7", [SystemExit(3), ValueError()]),
]
INTERRUPTS = [KeyboardInterrupt(), BaseExceptionGroup("", [ValueError(), KeyboardInterrupt()])]


def client_of(access: Callable[[Request], Awaitable[Level] | Level], scheduler: Scheduler) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(dashboard(scheduler, access=access)), base_url=HOST)


@pytest.mark.parametrize("answer", [None, "root", True, *RAISED], ids=repr)
@pytest.mark.parametrize("is_plain", [True, False])
async def test_what_says_no_level_shows_nothing(
    scheduler: Scheduler,
    caplog: pytest.LogCaptureFixture,
    answer: Any,
    is_plain: bool,  # noqa: FBT001 - a parameter
) -> None:
    def plain(_: Request) -> Any:
        if isinstance(answer, BaseException):
            raise answer
        return answer

    async def awaited(request: Request) -> Any:
        await asyncio.sleep(0)
        return plain(request)

    async with client_of(plain if is_plain else awaited, scheduler) as reader:
        with caplog.at_level(logging.ERROR, "interval_scheduler.dashboard"):
            page, twin = await reader.get("/"), await reader.get("/overview.json")
    assert (page.status_code, twin.status_code) == (500, 500)
    assert "Partitions" not in page.text
    assert "secret" not in page.text + twin.text
    assert "Traceback" in caplog.text
    assert ("secret 7" if isinstance(answer, BaseException) else "access must return") in caplog.text


@pytest.mark.parametrize("raised", RAISED, ids=repr)
async def test_an_action_of_nobody_is_not_done(
    scheduler: Scheduler, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, raised: BaseException
) -> None:
    def actor(_: Request) -> str:
        raise raised

    use_action(monkeypatch)
    async with reader_of(scheduler, "admin", actor=actor) as reader:
        answer = await reader.post("/do/test", headers=OWN, data={"reason": "x"})
    assert answer.status_code == 500
    assert "secret" not in answer.text
    assert "secret 7" in caplog.text
    assert await scheduler.paused() is None


async def test_what_hangs_shows_nothing(
    scheduler: Scheduler, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guests, "_LONGEST_ASKING_SECONDS", 0.05)

    async def access(_: Request) -> Level:
        await asyncio.Event().wait()
        return "admin"

    async with client_of(access, scheduler) as reader:
        answer = await reader.get("/")
    assert answer.status_code == 500
    assert "Partitions" not in answer.text
    assert "TimeoutError" in caplog.text


async def test_what_holds_up_its_cancellation_holds_up_no_request(
    scheduler: Scheduler, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guests, "_LONGEST_ASKING_SECONDS", 0.05)
    is_cancelled, may_end = asyncio.Event(), asyncio.Event()

    async def access(_: Request) -> Level:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            is_cancelled.set()
            await may_end.wait()
        return "admin"

    async with client_of(access, scheduler) as reader, asyncio.timeout(60):
        answer = await reader.get("/")
        await is_cancelled.wait()
    assert answer.status_code == 500
    assert "Partitions" not in answer.text
    assert "TimeoutError" in caplog.text
    assert len(guests._ASKED) == 1
    may_end.set()
    await until(lambda: not guests._ASKED, 60)


async def test_who_cancels_the_question_itself_shows_nothing(
    scheduler: Scheduler, caplog: pytest.LogCaptureFixture
) -> None:
    async def access(_: Request) -> Level:
        asking = asyncio.current_task()
        assert asking is not None
        asking.cancel()
        return "admin"

    async with client_of(access, scheduler) as reader:
        answer = await reader.get("/overview.json")
    assert (answer.status_code, list(answer.json())) == (500, ["error"])
    assert "CancelledError" in caplog.text


async def test_a_question_whose_event_loop_is_gone_ends() -> None:
    async def asks() -> Level:
        await asyncio.Event().wait()
        return "admin"

    asking = guests.answer_of(asks, "access")
    asking.send(None)
    asking.close()  # raises `GeneratorExit` in it; a coroutine that goes on after that is an error
    await until(lambda: not guests._ASKED, 60)


async def test_a_request_that_is_cancelled_ends(scheduler: Scheduler, caplog: pytest.LogCaptureFixture) -> None:
    is_asked = asyncio.Event()

    is_cancelled = asyncio.Event()

    async def access(_: Request) -> Level:
        is_asked.set()
        try:
            await asyncio.Event().wait()
        finally:
            is_cancelled.set()
        return "admin"

    async with client_of(access, scheduler) as reader, asyncio.timeout(60):
        asking = asyncio.create_task(reader.get("/"))
        await is_asked.wait()
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        await is_cancelled.wait()
    assert not [each for each in caplog.records if each.name == "interval_scheduler.dashboard"]


@pytest.mark.parametrize("interrupt", INTERRUPTS, ids=repr)
async def test_an_interrupt_of_the_terminal_passes(interrupt: BaseException) -> None:
    async def asks() -> Level:
        raise interrupt

    with pytest.raises(type(interrupt)):
        await guests.answer_of(asks, "access")


async def test_the_application_may_send_a_reader_elsewhere(scheduler: Scheduler) -> None:
    def access(_: Request) -> Level:
        raise HTTPException(303, headers={"Location": "/login"})

    async with client_of(access, scheduler) as reader:
        answer = await reader.get("/")
    assert (answer.status_code, answer.headers["location"]) == (303, "/login")
    assert "Partitions" not in answer.text


@pytest.mark.parametrize("status", [204, 304])
async def test_the_application_may_answer_without_a_body(scheduler: Scheduler, status: int) -> None:
    def access(_: Request) -> Level:
        raise HTTPException(status, headers={"X-From": "the application"})

    async with client_of(access, scheduler) as reader:
        answer = await reader.get("/")
    assert (answer.status_code, answer.content) == (status, b"")
    assert answer.headers["x-from"] == "the application"
