"""What pages of others, and readers who send more than a page does, cannot reach."""

from __future__ import annotations

import base64
from contextvars import ContextVar
from typing import Any

import httpx
import pytest
from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from interval_scheduler import IntervalTask, Scheduler
from interval_scheduler.dashboard import dashboard
from interval_scheduler.dashboard.alone.keys import FileKey
from interval_scheduler.dashboard.alone.tries import Tries
from interval_scheduler.dashboard.look import Look
from interval_scheduler.dashboard.pages import overview
from tests.dashboard.acting import OWN, use_page
from tests.dashboard.conftest import HOST, reader_of
from tests.dashboard.test_signing_in import TOKEN, visitor

asynchronous = pytest.mark.asyncio
CROSS = {"Sec-Fetch-Site": "cross-site"}


@asynchronous
@pytest.mark.parametrize("root", ["", "/a/b"])
@pytest.mark.parametrize("path", ["//evil.test/x", "/%2fevil.test/", "/%5cevil.test/", "/x/../..//evil.test"])
async def test_a_link_elsewhere_does_not_lead_on_to_another_host(scheduler: Scheduler, root: str, path: str) -> None:
    async with visitor(scheduler, FileKey(TOKEN), root=root) as browser:
        bounce = await browser.get(f"http://dashboard.test{root}{path}", headers=CROSS)
    assert bounce.status_code == 200
    assert f'content="0; url={root}/"' in bounce.text
    assert "evil" not in bounce.text


def test_addresses_that_are_none_take_no_memory() -> None:
    tries = Tries()
    for number in range(20):
        tries.note(f"{number}{'x' * 60_000}")
    assert list(tries._wrong) == [""]
    assert tries.must_wait("one more")
    assert not tries.must_wait("10.0.0.1")


@asynchronous
async def test_a_deep_cookie_of_somebody_else_breaks_no_page(reader: httpx.AsyncClient) -> None:
    deep = base64.urlsafe_b64encode(b"[" * 2_900).decode()
    shown = await reader.get("/", headers={"Cookie": f"interval_scheduler_said={deep}"})
    assert shown.status_code == 200
    assert "interval_scheduler_said=" in shown.headers["set-cookie"], "it is taken away"


@asynchronous
async def test_who_operates_revives_no_more_than_a_page_shows(scheduler: Scheduler) -> None:
    async with reader_of(scheduler, "operate") as reader:
        for count, status in ((1_000, 303), (1_001, 400)):
            form = {"which": "shown", **{f"id-{number}": f"t{number}" for number in range(count)}}
            assert (await reader.post("/do/revive", data=form, headers=OWN)).status_code == status


@asynchronous
async def test_odd_values_of_the_url_read_nothing_anew(scheduler: Scheduler, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[dict[str, str]] = []

    async def read(look: Look) -> Any:
        asked.append(dict(look.query))
        return await overview.PAGE.read(look)

    use_page(monkeypatch, read)
    async with reader_of(scheduler) as reader:
        for number in range(10):
            assert (await reader.get(f"/?odd={number}")).status_code == 200
    assert 1 <= len(asked) < 10, "a slow machine may need longer than a view is kept"
    assert not any(asked)


@asynchronous
async def test_a_payload_for_one_reader_is_not_shared_with_others(scheduler: Scheduler) -> None:
    who = ContextVar("who", default="nobody")

    def redact(_id: str, data: str | bytes) -> str | bytes:
        return data if who.get() == "ada" else "hidden"

    await scheduler.start_task_accept()
    await scheduler.assign_task(IntervalTask("t", "secret", every=60))
    app = dashboard(scheduler, access=lambda _: "read", redact=redact)

    async def with_user(scope: Scope, receive: Receive, send: Send) -> None:
        who.set(Request(scope).headers["x-user"])
        await app(scope, receive, send)

    async with httpx.AsyncClient(transport=httpx.ASGITransport(with_user), base_url=HOST) as reader:
        for name in ("ada", "eve"):
            shown = await reader.get("/task.json?id=t", headers={"X-User": name})
            assert shown.json()["payload"]["text"] == "hidden", name
