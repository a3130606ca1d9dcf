"""Dashboards in applications and behind proxies, of which some cut paths off; links and files are right everywhere."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.routing import Mount

from interval_scheduler import Scheduler
from interval_scheduler.dashboard import dashboard
from interval_scheduler.dashboard.app import guarded
from interval_scheduler.dashboard.guard.roots import own_path
from interval_scheduler.dashboard.registry import PAGES
from tests.dashboard.acting import OWN, use_action
from tests.dashboard.conftest import HOST

pytestmark = pytest.mark.asyncio


def behind(app: Any, cut: str, said: str = "") -> Any:
    """A proxy that cuts a front off the path, or another one, and a server that says where the application lies."""

    async def proxied(scope: Any, receive: Any, send: Any) -> None:
        assert scope["path"].startswith(cut), scope["path"]
        path = scope["path"][len(cut) :]
        await app({**scope, "path": path, "raw_path": path.encode(), "root_path": said}, receive, send)

    return proxied


def fastapi_at(scheduler: Scheduler, path: str) -> Any:
    app = FastAPI()
    app.mount(path, dashboard(scheduler, access=lambda _: "operate"))
    return app


#: Each way to have a dashboard: where its readers find it, and how the application is made.
PLACES: dict[str, tuple[str, Any]] = {
    "alone": ("", lambda s: dashboard(s, access=lambda _: "operate")),
    "alone, at a path, the proxy cuts": (
        "/a/b",
        lambda s: behind(guarded(dashboard(s, access=lambda _: "operate"), frozenset(), root="/a/b"), "/a/b"),
    ),
    "alone, at a path, the proxy does not cut": (
        "/a/b",
        lambda s: guarded(dashboard(s, access=lambda _: "operate"), frozenset(), root="/a/b"),
    ),
    "in Starlette": (
        "/ops",
        lambda s: Starlette(routes=[Mount("/ops", dashboard(s, access=lambda _: "operate"))]),
    ),
    "in FastAPI": ("/ops", lambda s: fastapi_at(s, "/ops")),
    "in FastAPI, the proxy cuts, and uvicorn puts it back": (
        "/a/b/ops",
        lambda s: behind(fastapi_at(s, "/ops"), "", "/a/b"),
    ),
    "in FastAPI, the proxy cuts, and the server only says it": (
        "/a/b/ops",
        lambda s: behind(fastapi_at(s, "/ops"), "/a/b", "/a/b"),
    ),
    "mounted twice": (
        "/x/y",
        lambda s: Starlette(routes=[Mount("/x", Starlette(routes=[Mount("/y", fastapi_at(s, ""))]))]),
    ),
}


@pytest.mark.parametrize("name", PLACES)
async def test_links_and_files_are_right(scheduler: Scheduler, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    use_action(monkeypatch)
    root, make = PLACES[name]
    async with httpx.AsyncClient(transport=httpx.ASGITransport(make(scheduler)), base_url=HOST) as reader:
        page = await reader.get(f"{root}/")
        assert page.status_code == 200
        links = {unescape(link) for link in re.findall(r'(?:href|src)="([^"#]+)"', page.text)}
        assert f"{root}/static/dashboard.css" in links
        assert all(link.startswith(f"{root}/") for link in links)
        names = {each.name for each in PAGES}
        one_each = {link.partition("?")[0]: link for link in links}
        assert {f"{root}/{each.name}" for each in PAGES if each.in_navigation} <= set(one_each)
        for path, link in one_each.items():
            if path.removeprefix(f"{root}/") in names or "/static/" in path:
                assert (await reader.get(link)).status_code == 200, link
        assert (await reader.get(f"{root}/overview.json")).json()["tasks"] == 0
        assert (await reader.get(f"{root}/nothing")).status_code == 404
        done = await reader.post(f"{root}/do/test", data={"back": f"{root}/?a=1", "reason": "x"}, headers=OWN)
        assert (done.status_code, done.headers["location"]) == (303, f"{root}/?a=1")
        assert f"Path={root or '/'};" in done.headers["set-cookie"]
        assert "The namespace is paused." in (await reader.get(f"{root}/?a=1")).text
        if root:
            bare = await reader.get(f"{root}?a=1")
            assert bare.status_code == 307
            assert bare.headers["location"].removeprefix(HOST) in {f"{root}/?a=1", f"{root.removeprefix('/a/b')}/?a=1"}


@pytest.mark.parametrize(
    ("root", "path", "own"),
    [
        ("", "/tasks", "/tasks"),
        ("/a/b", "/a/b/tasks", "/tasks"),
        ("/a/b", "/tasks", "/tasks"),
        ("/a/b", "/a/b", ""),
        ("/a/b", "/a/b/", "/"),
        ("/a/b/ops", "/ops/tasks", "/tasks"),
        ("/a/b", "/a/bc", "/a/bc"),
        ("/a/b/", "/a/b/tasks", "/tasks"),
        ("/a", "/a/a/tasks", "/a/tasks"),
    ],
)
async def test_paths_inside(root: str, path: str, own: str) -> None:
    assert own_path(root, path) == own


async def test_no_lifespan_is_needed(scheduler: Scheduler) -> None:
    """A mounted application gets none from its host; alone, a server may offer one."""
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "lifespan.startup"} if not sent else {"type": "lifespan.shutdown"}

    async def send(message: Any) -> None:
        sent.append(message)

    app = dashboard(scheduler, access=lambda _: "read")
    await app({"type": "lifespan", "asgi": {"version": "3.0"}}, receive, send)
    assert [each["type"] for each in sent] == ["lifespan.startup.complete", "lifespan.shutdown.complete"]


async def test_what_is_no_request_for_a_page_is_closed(scheduler: Scheduler) -> None:
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "websocket.connect"}

    async def send(message: Any) -> None:
        sent.append(message)

    app = dashboard(scheduler, access=lambda _: "admin", allowed_hosts=["dashboard.test"])
    for host in (b"dashboard.test", b"evil.test"):
        scope = {
            "type": "websocket",
            "path": "/",
            "headers": [(b"host", host)],
            "query_string": b"",
            "subprotocols": [],
        }
        await app(scope, receive, send)
    assert [each["type"] for each in sent] == ["websocket.close"] * 2
