"""Who is answered, who may change something, and what every answer carries."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import httpx
import pytest

from interval_scheduler import InvalidType, InvalidValue, Scheduler
from interval_scheduler.dashboard import dashboard
from interval_scheduler.dashboard.guard.access import Level
from interval_scheduler.dashboard.guard.hosts import name_of
from interval_scheduler.dashboard.guard.origins import is_own
from interval_scheduler.dashboard.page import Done
from interval_scheduler.dashboard.returning import checked_back
from tests.dashboard.acting import OWN, use_action
from tests.dashboard.conftest import HOST, reader_of

asynchronous = pytest.mark.asyncio


def client_of(app: Any) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=HOST)


@asynchronous
@pytest.mark.parametrize(
    ("path", "status"),
    [("/", 200), ("/overview.json", 200), ("/static/dashboard.css", 200), ("/nothing", 404), ("/?queue=no", 404)],
)
async def test_every_answer_has_the_headers(reader: httpx.AsyncClient, path: str, status: int) -> None:
    answer = await reader.get(path)
    assert answer.status_code == status
    policy = dict(each.split(" ", 1) for each in answer.headers["content-security-policy"].split("; "))
    assert policy["default-src"] == policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["form-action"] == "'self'"
    assert "unsafe" not in str(policy)
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "same-origin"
    assert "camera=()" in answer.headers["permissions-policy"]
    assert answer.headers["cache-control"] == ("no-cache" if path.startswith("/static") else "no-store")


@asynchronous
async def test_an_error_of_a_page_has_the_headers_too(scheduler: Scheduler) -> None:
    async with reader_of(scheduler, "none") as reader:
        refused = await reader.get("/")
        asked_wrongly = await reader.post("/")
    assert (refused.status_code, asked_wrongly.status_code) == (403, 405)
    for answer in (refused, asked_wrongly):
        assert answer.headers["cache-control"] == "no-store"
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]


@asynchronous
async def test_pages_have_nothing_inline(reader: httpx.AsyncClient) -> None:
    text = (await reader.get("/")).text
    assert " style=" not in text
    assert "<style" not in text
    assert re.search(r"<[^>]*\son\w+=", text) is None
    assert all("src=" in each.split(">")[0] for each in text.split("<script")[1:])


# Hosts


@asynchronous
async def test_only_known_names_are_answered(scheduler: Scheduler) -> None:
    async with reader_of(scheduler, allowed_hosts=["Dashboard.test", "::1"]) as reader:
        for host in ("dashboard.test", "DASHBOARD.test:8321", "dashboard.test.", "[::1]:80"):
            assert (await reader.get("/", headers={"Host": host})).status_code == 200, host
        for host in (
            "evil.test",
            "dashboard.test.evil.test",
            "dashboard.test@evil.test",
            "",
            "dashboard.test:x",
            "::1",
        ):
            for path in ("/", "/static/dashboard.css"):
                refused = await reader.get(path, headers={"Host": host})
                assert refused.status_code == 421, host
                assert refused.headers["cache-control"] == "no-store"


@asynchronous
async def test_two_names_are_none(scheduler: Scheduler) -> None:
    async with reader_of(scheduler, allowed_hosts=["dashboard.test"]) as reader:
        headers = [("Host", "dashboard.test"), ("Host", "evil.test")]
        assert (await reader.get("/", headers=headers)).status_code == 421


def test_names_of_hosts() -> None:
    assert [name_of(each) for each in ("a.b", "A.b:1", "[::1]:2", "a b", "a/b", "u@h", None)] == [
        *("a.b", "a.b", "[::1]"),
        *(None, None, None, None),
    ]


@pytest.mark.parametrize(
    ("options", "error", "field"),
    [
        ({"allowed_hosts": "dashboard.test"}, InvalidType, "allowed_hosts"),
        ({"allowed_hosts": [7]}, InvalidType, "allowed_hosts"),
        ({"allowed_hosts": ["http://a"]}, InvalidValue, "allowed_hosts"),
        ({"access": "read"}, InvalidType, "access"),
        ({"actor": "ada"}, InvalidType, "actor"),
    ],
)
def test_bad_arguments_are_named(options: dict[str, Any], error: type[Exception], field: str) -> None:
    scheduler = Scheduler.from_url("memory://")
    with pytest.raises(error, match=field):
        dashboard(scheduler, **{"access": lambda _: "read", **options})


def test_a_dashboard_needs_a_scheduler() -> None:
    wrong: Any = "redis://"
    with pytest.raises(InvalidType, match="scheduler"):
        dashboard(wrong, access=lambda _: "read")


# Origins


@pytest.mark.parametrize(
    ("headers", "scheme", "own"),
    [
        ({"sec-fetch-site": "same-origin"}, "http", True),
        ({"sec-fetch-site": "same-origin", "origin": "null"}, "http", True),
        ({"sec-fetch-site": "same-site", "origin": "http://a.test", "host": "a.test"}, "http", False),
        ({"sec-fetch-site": "cross-site"}, "http", False),
        ({"sec-fetch-site": "none"}, "http", False),
        ({}, "http", False),
        ({"origin": "null", "host": "null"}, "http", False),
        ({"origin": "http://a.test", "host": "a.test"}, "http", True),
        ({"origin": "http://a.test", "host": "A.test:80"}, "http", True),
        ({"origin": "https://a.test", "host": "a.test:443"}, "https", True),
        ({"origin": "http://a.test:81", "host": "a.test:81"}, "http", True),
        ({"origin": "http://a.test:81", "host": "a.test"}, "http", False),
        ({"origin": "http://b.test", "host": "a.test"}, "http", False),
        ({"origin": "http://a.test.b.test", "host": "a.test"}, "http", False),
        ({"origin": "https://a.test", "host": "a.test"}, "http", True),  # a proxy has ended TLS
        ({"origin": "http://a.test", "host": "a.test"}, "https", False),
        ({"origin": "ftp://a.test", "host": "a.test"}, "ftp", False),
        ({"origin": "http://a.test:x", "host": "a.test"}, "http", False),
        ({"origin": "http://", "host": ""}, "http", False),
    ],
)
def test_own_origins(headers: Mapping[str, str], scheme: str, *, own: bool) -> None:
    assert is_own(headers, scheme) is own


@asynchronous
async def test_forms_of_others_change_nothing(scheduler: Scheduler, monkeypatch: pytest.MonkeyPatch) -> None:
    use_action(monkeypatch)
    async with reader_of(scheduler, "operate") as reader:
        for headers in ({}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": "http://evil.test"}):
            refused = await reader.post("/do/test", data={"reason": "evil"}, headers=headers)
            assert refused.status_code == 403
        assert await scheduler.paused() is None
        done = await reader.post("/do/test", data={"reason": "good"}, headers={"Origin": HOST})
        assert done.status_code == 303
    paused = await scheduler.paused()
    assert paused is not None
    assert paused.reason == "good"


# Levels


@asynchronous
async def test_an_action_needs_its_level(scheduler: Scheduler, monkeypatch: pytest.MonkeyPatch) -> None:
    use_action(monkeypatch)
    level: Level
    for level in ("none", "read"):
        async with reader_of(scheduler, level) as reader:
            refused = await reader.post("/do/test", headers=OWN, data={"reason": ""})
            assert refused.status_code == 403
    assert await scheduler.paused() is None


@asynchronous
async def test_the_level_is_asked_for_each_request(scheduler: Scheduler) -> None:
    levels: list[Level] = ["read", "none"]
    async with client_of(dashboard(scheduler, access=lambda _: levels.pop(0))) as reader:
        assert [(await reader.get("/")).status_code for _ in range(2)] == [200, 403]


# Forms


@asynchronous
@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"reason=%ff", "application/x-www-form-urlencoded", 400),
        (b"reason=\xff", "application/x-www-form-urlencoded", 400),
        (b"&".join([b"a=1"] * 20_001), "application/x-www-form-urlencoded", 400),
        (b'{"reason": "x"}', "application/json", 400),
        (b"reason=x", "", 400),
        (b"reason=" + b"x" * (1 << 20), "application/x-www-form-urlencoded", 413),
    ],
)
async def test_bad_forms(
    scheduler: Scheduler, monkeypatch: pytest.MonkeyPatch, body: bytes, kind: str, status: int
) -> None:
    use_action(monkeypatch)
    async with reader_of(scheduler, "operate") as reader:
        headers = {**OWN, "Content-Type": kind}
        assert (await reader.post("/do/test", content=body, headers=headers)).status_code == status

        async def in_chunks() -> Any:
            for start in range(0, len(body), 65_536):
                yield body[start : start + 65_536]

        assert (await reader.post("/do/test", content=in_chunks(), headers=headers)).status_code == status
    assert await scheduler.paused() is None


@pytest.mark.parametrize(
    "back",
    [
        *("//evil.test", "/\\evil.test", "\\\\evil.test", "http://evil.test/", "javascript:alert(1)", "", None),
        *("/ops/../admin", "/ops/%2e%2e/admin", "/ops//evil.test", "/ops/\\evil.test", "/ops/tasks/../..", "/opsy/"),
        *(
            "/ops/tasks\n",
            "/ops/ta\tsks",
            "/ops/tasks#x",
            "/ops/tasks?a=\\",
            '/ops/tasks?a="',
            "/ops/tasks?a=é",
            "/ops",
        ),
    ],
)
def test_nobody_is_sent_elsewhere(back: str | None) -> None:
    assert checked_back(back, "/ops") == "/ops/"
    if back is not None and back.startswith("/ops"):
        assert checked_back(back.removeprefix("/ops"), "") == "/"


@pytest.mark.parametrize("back", ["/", "/tasks", "/tasks?state=paused&id=a%2Fb&after=x.y_z", "/load-ahead?day=1"])
def test_readers_go_back(back: str) -> None:
    assert checked_back(back, "") == back
    assert checked_back(f"/a/b{back}", "/a/b") == f"/a/b{back}"


@asynchronous
async def test_an_action_that_breaks_tells_nothing(
    scheduler: Scheduler, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(_look: Any, _form: Any) -> Done:
        raise RuntimeError("secret 8")

    use_action(monkeypatch, broken)
    async with reader_of(scheduler, "operate") as reader:
        answer = await reader.post("/do/test", data={"a": "b"}, headers=OWN)
    assert answer.status_code == 500
    assert "secret" not in answer.text
    assert "secret 8" in caplog.text
    assert "Traceback" in caplog.text
