"""What is shown after an action, under whose name it is done, what errors become, and what many readers cost."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import httpx
import pytest
from starlette.requests import Request

from interval_scheduler import (
    InvalidValue,
    OutcomeUnknown,
    PartitionOffline,
    Scheduler,
    SchedulerError,
    StorageRefused,
    WrongEventLoop,
)
from interval_scheduler.dashboard import dashboard
from interval_scheduler.dashboard.look import Look
from interval_scheduler.dashboard.page import BadQuery, Done, NotThere
from interval_scheduler.dashboard.problems import problem_of
from tests.dashboard.acting import OWN, use_action
from tests.dashboard.conftest import HOST, reader_of
from tests.rights import restrict
from tests.servers import RedisServer
from tests.waiting import surely, until

pytestmark = pytest.mark.asyncio


# After an action


async def test_the_words_are_shown_once(scheduler: Scheduler, monkeypatch: pytest.MonkeyPatch) -> None:
    async def do(_look: Look, form: Mapping[str, str]) -> Done:
        return Done(f"{form['id']} <is> páused.", is_good=form["id"] == "7")

    use_action(monkeypatch, do)
    async with reader_of(scheduler, "operate") as reader:
        form = {"id": "7", "back": "/?a=1"}
        done = await reader.post("/do/test", data=form, headers=OWN)
        assert (done.status_code, done.headers["location"]) == (303, "/?a=1")
        cookie = done.headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=strict" in cookie
        assert "Path=/;" in cookie
        assert "Secure" not in cookie
        refreshed = await reader.get("/", headers={"Sec-Fetch-Mode": "cors"})
        assert "páused" not in refreshed.text, "another tab that refreshes itself does not take the words"
        assert "7 &lt;is&gt; páused." in (await reader.get("/?a=1")).text
        assert "páused" not in (await reader.get("/?a=1")).text


async def test_words_are_kept_apart(scheduler: Scheduler, monkeypatch: pytest.MonkeyPatch) -> None:
    async def do(_look: Look, _form: Mapping[str, str]) -> Done:
        return Done("é" * 5_000)

    use_action(monkeypatch, do)
    async with reader_of(scheduler, "operate") as reader:
        await reader.post("/do/test", data={"a": "b"}, headers=OWN)
        shown = (await reader.get("/")).text
        assert 900 < shown.count("é") <= 1_000


@pytest.mark.parametrize("value", ["x", "W10=", "WzEsMl0=", "bnVsbA==", "W1tb" * 970])
async def test_words_of_somebody_else_are_not_shown(reader: httpx.AsyncClient, value: str) -> None:
    shown = await reader.get("/", headers={"Cookie": f"interval_scheduler_said={value}"})
    assert shown.status_code == 200
    assert 'class="said' not in shown.text
    assert "interval_scheduler_said=" in shown.headers["set-cookie"]


async def test_programs_get_json(scheduler: Scheduler, monkeypatch: pytest.MonkeyPatch) -> None:
    async def do(_look: Look, form: Mapping[str, str]) -> Done:
        if form["id"] == "gone":
            raise NotThere("There is no task 'gone'.")
        return Done("Done.", is_good=form["id"] == "good")

    use_action(monkeypatch, do)
    async with reader_of(scheduler, "operate") as reader:
        answers = [
            await reader.post("/do/test", data={"id": name}, headers={**OWN, "Accept": "application/json"})
            for name in ("good", "bad", "gone")
        ]
    assert [(each.status_code, each.json()) for each in answers] == [
        (200, {"done": True, "words": "Done."}),
        (409, {"done": False, "words": "Done."}),
        (404, {"error": "There is no task 'gone'."}),
    ]


class _User:
    is_authenticated = True
    display_name = "ada"


@pytest.mark.parametrize(
    ("actor", "user", "name"),
    [
        (None, None, "127.0.0.1"),
        (None, _User(), "ada"),
        (lambda _: "grace\n" + "x" * 200, _User(), "grace" + "x" * 95),
    ],
)
async def test_actions_are_told_under_the_name_of_who_asked(
    scheduler: Scheduler, monkeypatch: pytest.MonkeyPatch, actor: Any, user: Any, name: str
) -> None:
    use_action(monkeypatch)
    app = dashboard(scheduler, access=lambda _: "operate", actor=actor)

    async def with_user(scope: Any, receive: Any, send: Any) -> None:
        await app({**scope, "user": user} if user else scope, receive, send)

    async with httpx.AsyncClient(transport=httpx.ASGITransport(with_user), base_url=HOST) as reader:
        assert (await reader.post("/do/test", data={"reason": "x"}, headers=OWN)).status_code == 303
    (action,) = (await scheduler.actions()).actions
    assert (action.who, action.kind) == (name, "pause")


async def test_who_cannot_be_named_does_nothing(
    scheduler: Scheduler, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def actor(_: Request) -> str:
        raise KeyError("user")

    use_action(monkeypatch)
    async with reader_of(scheduler, "operate", actor=actor) as reader:
        assert (await reader.post("/do/test", data={"reason": "x"}, headers=OWN)).status_code == 500
    assert await scheduler.paused() is None
    assert "KeyError" in caplog.text


async def test_an_action_works_on_the_queue_of_its_url(scheduler: Scheduler, monkeypatch: pytest.MonkeyPatch) -> None:
    use_action(monkeypatch)
    mail = scheduler.queue("mail")
    await mail.task_size()
    async with reader_of(scheduler, "operate") as reader:
        await reader.post("/do/test?queue=mail", data={"reason": "x"}, headers=OWN)
        missing = await reader.post("/do/test?queue=mial", data={"reason": "x"}, headers=OWN)
    assert missing.status_code == 404
    assert await mail.paused() is not None
    assert await scheduler.paused() is None


# Errors


@pytest.mark.parametrize(
    ("error", "status", "words"),
    [
        (NotThere("There is no task 'x'."), 404, "There is no task 'x'."),
        (BadQuery("The page must be a number."), 400, "The page must be a number."),
        (InvalidValue("every", "must be positive"), 400, "Every must be positive."),
        (PartitionOffline("a:1/0"), 503, "Partition 'a:1/0' is offline: nothing was changed, try again later."),
        (OutcomeUnknown("a:1/0"), 503, "It is not known whether it was done"),
        (StorageRefused("a:1/0", "NOPERM", "no"), 403, "may not do this"),
        (StorageRefused("a:1/0", "MISCONF", "disk"), 503, "refused: MISCONF: disk."),
        (TimeoutError(), 503, "did not answer in time"),
        (WrongEventLoop("assign"), 500, "The log of the server tells more."),
        (SchedulerError("password"), 500, "The log of the server tells more."),
        (KeyError("password"), 500, "The log of the server tells more."),
    ],
)
async def test_errors_become_words(error: Exception, status: int, words: str) -> None:
    problem = problem_of(error)
    assert problem.status == status
    assert words in problem.words
    assert "password" not in problem.words
    assert problem.is_unexpected is (status == 500)


async def test_a_reader_of_redis_changes_nothing(
    own_server: Callable[..., RedisServer], namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_action(monkeypatch)
    server = own_server(user="scheduler off")
    async with Scheduler.from_url(server.url, namespace=namespace):
        pass
    url = restrict(
        server, ["on", ">password", "~*", "&*", "+@all", "-@write", "-@scripting", "+eval_ro", "+evalsha_ro"]
    )
    looking = Scheduler.from_url(url, namespace=namespace)
    await looking.connect(create=False)
    try:
        async with reader_of(looking, "operate") as reader:
            assert (await reader.get("/")).status_code == 200
            refused = await reader.post("/do/test", data={"reason": "x"}, headers=OWN)
    finally:
        await looking.close()
    assert refused.status_code == 403
    assert "the user of Redis that the dashboard connects as may not do this" in refused.text


async def test_a_dashboard_whose_scheduler_is_not_connected_says_so(redis_server: RedisServer, namespace: str) -> None:
    scheduler = Scheduler.from_url(redis_server.url, namespace=namespace)
    async with reader_of(scheduler) as reader:
        page, twin = await reader.get("/"), await reader.get("/overview.json")
    assert (page.status_code, twin.status_code) == (503, 503)
    assert "not connected" in page.text
    assert "not connected" in twin.json()["error"]


async def test_a_queue_that_nobody_can_look_for_is_not_said_to_be_missing(
    redis_server: RedisServer, namespace: str
) -> None:
    scheduler = Scheduler.from_url(redis_server.url, namespace=namespace)
    async with reader_of(scheduler, "operate") as reader:
        page, twin = await reader.get("/?queue=mail"), await reader.get("/overview.json?queue=mail")
        done = await reader.post("/do/resume-all?queue=mail", data={"back": "/"}, headers=OWN)
        assert (page.status_code, twin.status_code, done.status_code) == (503, 503, 503)
        assert 'data-refresh="2"' in page.text, "it reads itself anew until somebody can say it"
        async with scheduler:
            assert (await reader.get("/?queue=mail")).status_code == 404
            await scheduler.queue("mail").connect()
            assert (await reader.get("/?queue=mail")).status_code == 200


async def test_a_queue_that_was_just_made_is_the_one_that_is_chosen(scheduler: Scheduler) -> None:
    async with reader_of(scheduler) as reader:
        assert "<select" not in (await reader.get("/")).text
        await scheduler.queue("mail").connect()
        assert "<option selected>mail</option>" in (await reader.get("/?queue=mail")).text


async def test_a_page_whose_redis_hangs_is_answered_in_time(
    own_server: Callable[..., RedisServer], namespace: str
) -> None:
    server = own_server()
    scheduler = Scheduler.from_url(
        server.url, namespace=namespace, operation_timeout_seconds=1, connect_timeout_seconds=1
    )
    await surely(scheduler.start_task_accept)
    async with scheduler, reader_of(scheduler) as reader:

        async def is_shown() -> bool:
            return (await reader.get("/")).status_code == 200

        await until(is_shown, 60)
        server.freeze()
        try:
            async with asyncio.timeout(60):  # some of the time-outs of the scheduler, on a machine with much to do
                answer = await reader.get("/?window=6h")
        finally:
            server.thaw()
        assert answer.status_code in {200, 503}
        assert "offline" in answer.text
